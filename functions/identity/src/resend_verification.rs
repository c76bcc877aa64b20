//! POST /v1/auth/verify-email/resend: sends the link that proves an address once more; the answer is the same for every address.

use carillon_harness::{Failure, Input, Problem, PublicFunction, RateClass, RawRequest, Reply, Setup, SetupError};
use carillon_identity::{Accounts, EmailAddress};
use carillon_kernel::IdSource;
use serde::Deserialize;

use crate::mailed::Mailed;

/// Sends links that prove addresses.
#[derive(Debug)]
pub struct AccountsResendVerification {
    accounts: Accounts,
    ids: IdSource,
}

/// Whose mail.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    email: Option<EmailAddress>,
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        if self.email.is_some() { Vec::new() } else { vec![no_email()] }
    }
}

impl PublicFunction for AccountsResendVerification {
    const NAME: &'static str = "accounts-resend-verification";
    const REASON: &'static str = "nobody logs in before the address is proven; the answer tells nothing of the address";
    const RATE_CLASS: RateClass = RateClass::Account;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { accounts: Accounts::from_setup(setup, Self::NAME)?, ids: setup.ids() })
    }

    async fn handle(&self, request: RawRequest) -> Result<Reply, Failure> {
        let body: Body = request.json()?;
        let email = body.email.ok_or_else(|| Failure::invalid(vec![no_email()]))?;

        self.accounts.resend(email, &request.origin, (request.moment, &self.ids)).await?;

        Ok(Reply::accepted(&Mailed::LINK))
    }
}

fn no_email() -> Problem {
    Problem::new("/email", "accounts.missing", "an email address is needed")
}
