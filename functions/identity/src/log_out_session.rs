//! POST /v1/auth/logout: ends the caller's session at once.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::Sessions;

use crate::session_answer::{user_of, without_session};

/// Logs people out.
#[derive(Debug)]
pub struct SessionsLogOut {
    sessions: Sessions,
}

impl HttpFunction for SessionsLogOut {
    const NAME: &'static str = "sessions-log-out";
    const PERMISSION: Permission = Permission::AccountUse;
    const KEEPS_ANSWER: bool = false;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { sessions: Sessions::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let (user, session) = user_of(&call.caller)?;

        self.sessions.by(&call.trail()).revoke(user, session, call.moment).await?;

        Ok(without_session(Reply::no_content()))
    }
}
