//! POST /v1/me/export: asks for a file with everything that is kept about the caller.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::{Exports, Sessions};
use carillon_kernel::IdSource;

use crate::session_answer::user_of;

/// Takes requests for exports; `GET /v1/me/exports/{export_id}` tells how far it is.
#[derive(Debug)]
pub struct MeExport {
    exports: Exports,
    sessions: Sessions,
    ids: IdSource,
}

impl HttpFunction for MeExport {
    const NAME: &'static str = "me-export";
    const PERMISSION: Permission = Permission::AccountUse;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { exports: Exports::from_setup(setup)?, sessions: Sessions::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let (user, session) = user_of(&call.caller)?;
        self.sessions.fresh(user, session, call.moment).await?;

        let export = self.exports.request(user, &call.trail(), (call.moment, &self.ids)).await?;

        Ok(Reply::accepted(&export))
    }
}
