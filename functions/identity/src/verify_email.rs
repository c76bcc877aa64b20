//! POST /v1/auth/verify-email: proves an address by the token of a mailed link.

use carillon_harness::{Failure, Input, Problem, PublicFunction, RateClass, RawRequest, Reply, Setup, SetupError};
use carillon_identity::Accounts;
use serde::Deserialize;

/// Proves addresses.
#[derive(Debug)]
pub struct AccountsVerifyEmail {
    accounts: Accounts,
}

/// The link's token.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    token: String,
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        if self.token.is_empty() { vec![Problem::new("/token", "accounts.missing", "send the token of the link")] } else { Vec::new() }
    }
}

impl PublicFunction for AccountsVerifyEmail {
    const NAME: &'static str = "accounts-verify-email";
    const REASON: &'static str = "nobody logs in before the address is proven; the signed link in the mail is what is checked";
    const RATE_CLASS: RateClass = RateClass::Account;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { accounts: Accounts::from_setup(setup, Self::NAME)? })
    }

    async fn handle(&self, request: RawRequest) -> Result<Reply, Failure> {
        let body: Body = request.json()?;

        self.accounts.verify(&body.token, &request.origin, request.moment).await?;

        Ok(Reply::no_content())
    }
}
