//! POST /v1/auth/password/forgot: sends a link by which a new password is set; the answer is the same for every address.

use carillon_harness::{Failure, PublicFunction, RateClass, RawRequest, Reply, Setup, SetupError};
use carillon_identity::Accounts;
use carillon_kernel::IdSource;

use crate::address::AddressBody;
use crate::mailed::Mailed;

/// Sends links that set new passwords.
#[derive(Debug)]
pub struct PasswordsRequestReset {
    accounts: Accounts,
    ids: IdSource,
}

impl PublicFunction for PasswordsRequestReset {
    const NAME: &'static str = "passwords-request-reset";
    const REASON: &'static str = "who forgot the password cannot log in; the answer tells nothing of the address";
    const RATE_CLASS: RateClass = RateClass::Account;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { accounts: Accounts::from_setup(setup, Self::NAME)?, ids: setup.ids() })
    }

    async fn handle(&self, request: RawRequest) -> Result<Reply, Failure> {
        let email = request.json::<AddressBody>()?.email()?;

        self.accounts.forgot(email, &request.origin, (request.moment, &self.ids)).await?;

        Ok(Reply::accepted(&Mailed::LINK))
    }
}
