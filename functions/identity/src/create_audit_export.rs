//! POST /v1/audit/exports: asks for files with the records of the audit trail.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_identity::audit::{ExportFormat, TrailExports, TrailFilter};
use carillon_kernel::IdSource;
use serde::Deserialize;

/// Takes requests for exports; `GET /v1/audit/exports/{audit_export_id}` tells how far one is.
#[derive(Debug)]
pub struct AuditExportsCreate {
    exports: TrailExports,
    ids: IdSource,
}

/// Which records, and how.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    format: ExportFormat,
    filter: TrailFilter,
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        self.filter.problems("/filter/")
    }
}

impl HttpFunction for AuditExportsCreate {
    const NAME: &'static str = "audit-exports-create";
    const PERMISSION: Permission = Permission::AuditRead;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { exports: TrailExports::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let exports = self.exports.by(&call.trail());
        let (of, id) = ((call.organization(), call.caller.principal), call.new_id());
        let Body { format, filter } = call.body;

        let export = exports.request(of, (format, filter), (id, call.moment, &self.ids)).await?;

        Ok(Reply::accepted(&export))
    }
}
