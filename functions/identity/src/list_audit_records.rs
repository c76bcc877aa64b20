//! GET /v1/audit/records: gives the records of the audit trail, the latest first.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Listing, Nothing, Problem, Reply, Setup, SetupError};
use carillon_identity::audit::{AuditTrail, TrailFilter};
use jiff::Timestamp;
use serde::Deserialize;

/// Lists who did what to which thing, from where, before and after.
#[derive(Debug)]
pub struct AuditRecordsList {
    trail: AuditTrail,
}

/// Which records: `from` and `to` are moments (RFC 3339), `actor` is the id of a user or an API key or the name of a function, `kind` and
/// `id` are those of a thing that was changed. A page may be short although more follow.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    actor: Option<String>,
    kind: Option<String>,
    id: Option<String>,
    function: Option<String>,
}

impl AuditQuery {
    fn listing(&self) -> Listing {
        Listing { limit: self.limit, cursor: self.cursor.clone() }
    }

    fn filter(&self) -> TrailFilter {
        let Self { from, to, actor, kind, id, function, .. } = self;
        TrailFilter { from: *from, to: *to, actor: actor.clone(), kind: kind.clone(), id: id.clone(), function: function.clone() }
    }
}

impl Input for AuditQuery {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = self.listing().problems();
        problems.extend(self.filter().problems("?"));
        problems
    }
}

impl HttpFunction for AuditRecordsList {
    const NAME: &'static str = "audit-records-list";
    const PERMISSION: Permission = Permission::AuditRead;
    type Query = AuditQuery;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { trail: AuditTrail::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<AuditQuery, Nothing>) -> Result<Reply, Failure> {
        let listing = call.query.listing();
        let of = (call.organization(), &call.query.filter());

        let page = self.trail.page(of, (listing.cursor()?, listing.limit()), call.moment).await?;

        Ok(Reply::page(&page))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_range_that_ends_before_it_begins_is_refused() {
        let query: AuditQuery = serde_json::from_value(json!({ "from": "2026-11-21T00:00:00Z", "to": "2026-11-20T00:00:00Z" })).unwrap();

        let pointers: Vec<String> = query.problems().into_iter().map(|problem| problem.pointer).collect();

        assert_eq!(pointers, ["?to"]);
        assert!(AuditQuery::default().problems().is_empty());
    }
}
