//! GET /v1/me/sessions: lists the sessions of the caller's account, the one that was used last first.

use carillon_contracts::Permission;
use carillon_dynamo::Page;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::Sessions;

use crate::session_answer::user_of;

/// Lists one's own sessions: as many as the plan allows, so that there is one page.
#[derive(Debug)]
pub struct SessionsList {
    sessions: Sessions,
}

impl HttpFunction for SessionsList {
    const NAME: &'static str = "sessions-list";
    const PERMISSION: Permission = Permission::AccountUse;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { sessions: Sessions::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let items = self.sessions.list(user_of(&call.caller)?, call.moment).await?;

        Ok(Reply::page(&Page { items, next: None }))
    }
}
