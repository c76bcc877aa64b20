//! POST /v1/auth/verify-email/resend: sends the link that proves an address once more; the answer is the same for every address.

use carillon_harness::{Failure, PublicFunction, RateClass, RawRequest, Reply, Setup, SetupError};
use carillon_identity::Accounts;
use carillon_kernel::IdSource;

use crate::address::AddressBody;
use crate::mailed::Mailed;

/// Sends links that prove addresses.
#[derive(Debug)]
pub struct AccountsResendVerification {
    accounts: Accounts,
    ids: IdSource,
}

impl PublicFunction for AccountsResendVerification {
    const NAME: &'static str = "accounts-resend-verification";
    const REASON: &'static str = "nobody logs in before the address is proven; the answer tells nothing of the address";
    const RATE_CLASS: RateClass = RateClass::Account;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { accounts: Accounts::from_setup(setup, Self::NAME)?, ids: setup.ids() })
    }

    async fn handle(&self, request: RawRequest) -> Result<Reply, Failure> {
        let email = request.json::<AddressBody>()?.email()?;

        self.accounts.resend(email, &request.origin, (request.moment, &self.ids)).await?;

        Ok(Reply::accepted(&Mailed::LINK))
    }
}
