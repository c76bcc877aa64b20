//! POST /v1/auth/password/reset: sets a new password by the token of a mailed link, and ends all sessions.

use carillon_harness::{Failure, Input, Problem, PublicFunction, RateClass, RawRequest, Reply, Setup, SetupError};
use carillon_identity::{Accounts, Password};
use carillon_kernel::IdSource;
use serde::Deserialize;

/// Sets new passwords.
#[derive(Debug)]
pub struct PasswordsReset {
    accounts: Accounts,
    ids: IdSource,
}

/// The link's token, and the new password.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    token: String,
    password: Password,
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        let needed = |pointer: &str, what: &str| Problem::new(pointer, "accounts.missing", what);
        let token = self.token.is_empty().then(|| needed("/token", "send the token of the link"));
        let password = self.password.is_empty().then(|| needed("/password", "a new password is needed"));
        token.into_iter().chain(password).collect()
    }
}

impl PublicFunction for PasswordsReset {
    const NAME: &'static str = "passwords-reset";
    const REASON: &'static str = "who forgot the password cannot log in; the signed link in the mail is what is checked";
    const RATE_CLASS: RateClass = RateClass::Account;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { accounts: Accounts::from_setup(setup, Self::NAME)?, ids: setup.ids() })
    }

    async fn handle(&self, request: RawRequest) -> Result<Reply, Failure> {
        let body: Body = request.json()?;

        self.accounts.reset((&body.token, &body.password), &request.origin, (request.moment, &self.ids)).await?;

        Ok(Reply::no_content())
    }
}
