//! GET /v1/me/exports/{export_id}: tells how far an export of the caller's is, and where its file can be fetched.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::Exports;

use crate::session_answer::user_of;

/// Shows exports to whom they are about.
#[derive(Debug)]
pub struct MeGetExport {
    exports: Exports,
}

impl HttpFunction for MeGetExport {
    const NAME: &'static str = "me-get-export";
    const PERMISSION: Permission = Permission::AccountUse;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { exports: Exports::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let (user, _) = user_of(&call.caller)?;

        let export = self.exports.get(user, call.path("export_id")?, call.moment).await?;

        Ok(Reply::ok(&export))
    }
}
