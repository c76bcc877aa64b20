//! POST /v1/audit/verifications: asks to verify that nobody edited or removed anything of the audit trail.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Reply, Setup, SetupError};
use carillon_identity::audit::{KnownHead, Verifications};
use carillon_kernel::IdSource;
use serde::Deserialize;

/// Takes requests for verifications; `GET /v1/audit/verifications/{verification_id}` tells how far one is, and what it found.
#[derive(Debug)]
pub struct AuditVerificationsCreate {
    verifications: Verifications,
    ids: IdSource,
}

/// What the trail is compared with.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    /// A head that an earlier verification gave: the trail must lead through it.
    head: Option<KnownHead>,
}

impl Input for Body {}

impl HttpFunction for AuditVerificationsCreate {
    const NAME: &'static str = "audit-verifications-create";
    const PERMISSION: Permission = Permission::AuditRead;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { verifications: Verifications::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let verifications = self.verifications.by(&call.trail());
        let (of, id) = ((call.organization(), call.caller.principal), call.new_id());

        let verification = verifications.request(of, call.body.head, (id, call.moment, &self.ids)).await?;

        Ok(Reply::accepted(&verification))
    }
}
