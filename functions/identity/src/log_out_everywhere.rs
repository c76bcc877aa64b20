//! POST /v1/auth/logout-everywhere: ends all sessions of the caller at once, the one that asks included.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::Sessions;
use carillon_tokens::Cookie;

use crate::session_answer::user_of;

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

        // What the browser keeps of answers goes, too: <https://www.w3.org/TR/clear-site-data/>.
        let gone = Reply::no_content().header("clear-site-data", "\"cache\", \"storage\"");
        Ok(Cookie::OF_SESSION.iter().fold(gone, |reply, cookie| reply.cookie(cookie.clear())))
    }
}
