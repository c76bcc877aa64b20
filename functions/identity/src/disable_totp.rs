//! POST /v1/me/totp/disable: disables the second factor and forgets the recovery codes.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::{SecondFactors, Sessions};
use carillon_kernel::IdSource;

use crate::session_answer::user_of;

/// Disables second factors; needs a fresh login.
#[derive(Debug)]
pub struct TotpDisable {
    second_factors: SecondFactors,
    sessions: Sessions,
    ids: IdSource,
}

impl HttpFunction for TotpDisable {
    const NAME: &'static str = "totp-disable";
    const PERMISSION: Permission = Permission::AccountUse;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { second_factors: SecondFactors::from_setup(setup)?, sessions: Sessions::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let (user, session) = user_of(&call.caller)?;
        self.sessions.fresh(user, session, call.moment).await?;

        let second_factors = self.second_factors.by(&call.trail());
        second_factors.disable((&call.caller, user), &call.origin, (call.moment, &self.ids)).await?;

        Ok(Reply::no_content())
    }
}
