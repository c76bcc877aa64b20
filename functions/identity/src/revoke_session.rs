//! DELETE /v1/me/sessions/{session_id}: ends one of the caller's sessions at once.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::Sessions;

use crate::session_answer::user_of;

/// Ends one's own sessions; the one that makes the call may be the one.
#[derive(Debug)]
pub struct SessionsRevoke {
    sessions: Sessions,
}

impl HttpFunction for SessionsRevoke {
    const NAME: &'static str = "sessions-revoke";
    const PERMISSION: Permission = Permission::AccountUse;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { sessions: Sessions::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let (user, session) = user_of(&call.caller)?;
        self.sessions.fresh(user, session, call.moment).await?;

        self.sessions.by(&call.trail()).revoke(user, call.path("session_id")?, call.moment).await?;

        Ok(Reply::no_content())
    }
}
