//! POST /v1/auth/logout-everywhere: ends all sessions of the caller at once, the one that asks included.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::Sessions;

use crate::session_answer::{user_of, without_session};

/// Logs people out of all their devices.
#[derive(Debug)]
pub struct SessionsLogOutEverywhere {
    sessions: Sessions,
}

impl HttpFunction for SessionsLogOutEverywhere {
    const NAME: &'static str = "sessions-log-out-everywhere";
    const PERMISSION: Permission = Permission::AccountUse;
    const KEEPS_ANSWER: bool = false;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { sessions: Sessions::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let (user, _) = user_of(&call.caller)?;

        self.sessions.by(&call.trail()).revoke_all(user, call.moment).await?;

        Ok(without_session(Reply::no_content()))
    }
}
