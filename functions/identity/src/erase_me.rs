//! POST /v1/me/erase: erases the caller's account and everything that is kept about its person.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::{Erasures, Sessions};
use carillon_kernel::IdSource;
use serde::Serialize;

use crate::session_answer::user_of;

/// Takes requests for erasures; owners must transfer their organizations first.
#[derive(Debug)]
pub struct MeErase {
    erasures: Erasures,
    sessions: Sessions,
    ids: IdSource,
}

#[derive(Serialize)]
struct Accepted {
    status: &'static str,
}

impl HttpFunction for MeErase {
    const NAME: &'static str = "me-erase";
    const PERMISSION: Permission = Permission::AccountUse;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { erasures: Erasures::from_setup(setup, Self::NAME)?, sessions: Sessions::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let (user, session) = user_of(&call.caller)?;
        self.sessions.fresh(user, session, call.moment).await?;

        self.erasures.request(user, &call.trail(), (call.moment, &self.ids)).await?;

        Ok(Reply::accepted(&Accepted { status: "pending" }))
    }
}
