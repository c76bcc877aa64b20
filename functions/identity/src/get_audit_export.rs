//! GET /v1/audit/exports/{audit_export_id}: tells how far an export of the audit trail is, and where its files can be fetched.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::audit::TrailExports;

/// Shows exports of the audit trail.
#[derive(Debug)]
pub struct AuditExportsGet {
    exports: TrailExports,
}

impl HttpFunction for AuditExportsGet {
    const NAME: &'static str = "audit-exports-get";
    const PERMISSION: Permission = Permission::AuditRead;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { exports: TrailExports::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let export = self.exports.get(call.organization(), call.path("audit_export_id")?, call.moment).await?;

        Ok(Reply::ok(&export))
    }
}
