//! POST /v1/me/totp: makes the seed of a second factor, shown in this answer only; it counts from its first code on.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::{SecondFactors, Sessions};
use carillon_kernel::IdSource;
use serde::Serialize;

use crate::session_answer::user_of;

/// Enrols devices; needs a fresh login.
#[derive(Debug)]
pub struct TotpEnrol {
    second_factors: SecondFactors,
    sessions: Sessions,
    ids: IdSource,
}

#[derive(Serialize)]
struct Enrolled<'a> {
    otpauth_uri: &'a str,
    secret: &'a str,
    qr_code_svg: &'a str,
}

impl HttpFunction for TotpEnrol {
    const NAME: &'static str = "totp-enrol";
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

        let enrolment = self.second_factors.by(&call.trail()).enrol(user, (call.moment, &self.ids)).await?;

        let (otpauth_uri, secret, qr_code_svg) = (enrolment.uri.expose(), enrolment.seed.expose(), enrolment.qr_code.expose());
        Ok(Reply::created(&Enrolled { otpauth_uri, secret, qr_code_svg }).header("cache-control", "no-store"))
    }
}
