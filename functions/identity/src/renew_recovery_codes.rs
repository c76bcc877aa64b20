//! POST /v1/me/recovery-codes: draws new recovery codes, shown in this answer only; the old ones are worth nothing from now on.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::{SecondFactors, Sessions};
use carillon_kernel::IdSource;

use crate::recovery_codes::RecoveryCodesView;
use crate::session_answer::user_of;

/// Renews recovery codes; needs a fresh login.
#[derive(Debug)]
pub struct RecoveryCodesRenew {
    second_factors: SecondFactors,
    sessions: Sessions,
    ids: IdSource,
}

impl HttpFunction for RecoveryCodesRenew {
    const NAME: &'static str = "recovery-codes-renew";
    const PERMISSION: Permission = Permission::AccountUse;
    const KEEPS_ANSWER: bool = false;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { second_factors: SecondFactors::from_setup(setup)?, sessions: Sessions::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let (user, session) = user_of(&call.caller)?;
        self.sessions.fresh(user, session, call.moment).await?;

        let codes = self.second_factors.by(&call.trail()).renew_codes(user, (call.moment, &self.ids)).await?;

        Ok(Reply::created(&RecoveryCodesView::of(&codes)).header("cache-control", "no-store"))
    }
}
