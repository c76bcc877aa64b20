//! POST /v1/me/totp/confirm: confirms a second factor by its first code; the recovery codes are shown in this answer only.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_identity::{SecondFactors, Sessions};
use carillon_kernel::IdSource;
use serde::Deserialize;

use crate::prove_login::Code;
use crate::recovery_codes::RecoveryCodesView;
use crate::session_answer::user_of;

/// Confirms devices; needs a fresh login.
#[derive(Debug)]
pub struct TotpConfirm {
    second_factors: SecondFactors,
    sessions: Sessions,
    ids: IdSource,
}

/// The code that the device shows.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    code: Option<Code>,
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        if self.code.is_some() { Vec::new() } else { vec![no_code()] }
    }
}

impl HttpFunction for TotpConfirm {
    const NAME: &'static str = "totp-confirm";
    const PERMISSION: Permission = Permission::AccountUse;
    const KEEPS_ANSWER: bool = false;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { second_factors: SecondFactors::from_setup(setup)?, sessions: Sessions::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let (user, session) = user_of(&call.caller)?;
        let second_factors = self.second_factors.by(&call.trail());
        let code = call.body.code.ok_or_else(|| Failure::invalid(vec![no_code()]))?.secret();
        let session = self.sessions.fresh(user, session, call.moment).await?;

        let codes = second_factors.confirm(session, (&code, &call.origin), (call.moment, &self.ids)).await?;

        Ok(Reply::ok(&RecoveryCodesView::of(&codes)).header("cache-control", "no-store"))
    }
}

fn no_code() -> Problem {
    Problem::new("/code", "accounts.missing", "send the code that the device shows")
}
