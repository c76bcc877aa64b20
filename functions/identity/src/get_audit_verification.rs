//! GET /v1/audit/verifications/{verification_id}: tells how far a verification of the audit trail is, and what it found.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::audit::Verifications;

/// Shows verifications.
#[derive(Debug)]
pub struct AuditVerificationsGet {
    verifications: Verifications,
}

impl HttpFunction for AuditVerificationsGet {
    const NAME: &'static str = "audit-verifications-get";
    const PERMISSION: Permission = Permission::AuditRead;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { verifications: Verifications::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let verification = self.verifications.get(call.organization(), call.path("verification_id")?).await?;

        Ok(Reply::ok(&verification))
    }
}
