//! DELETE /v1/me/logins/{provider}: unlinks the login of Google or Facebook from the caller's account.

use carillon_contracts::{LoginProvider, Permission};
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::{Links, Sessions};

use crate::session_answer::user_of;

/// Unlinks logins, never the last way into an account.
#[derive(Debug)]
pub struct LoginsUnlink {
    links: Links,
    sessions: Sessions,
}

impl HttpFunction for LoginsUnlink {
    const NAME: &'static str = "logins-unlink";
    const PERMISSION: Permission = Permission::AccountUse;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { links: Links::from_setup(setup, Self::NAME)?, sessions: Sessions::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let (user, session) = user_of(&call.caller)?;
        self.sessions.fresh(user, session, call.moment).await?;
        let provider: LoginProvider = call.path("provider")?;

        self.links.by(&call.trail()).unlink(user, provider).await?;

        Ok(Reply::no_content())
    }
}
