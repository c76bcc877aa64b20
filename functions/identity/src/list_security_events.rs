//! GET /v1/security/events: gives the security events, the latest first, and says which checks are carried out.

use std::collections::BTreeMap;

use carillon_contracts::{ApiKeyId, Permission, UserId};
use carillon_dynamo::Cursor;
use carillon_harness::{Call, Failure, HttpFunction, Input, Listing, Nothing, Problem, Reply, Setup, SetupError};
use carillon_identity::security::{CheckStatus, SecurityEvent, SecurityEventFilter, SecurityEventKind, SecurityEvents};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Lists what looked unlike the usual.
#[derive(Debug)]
pub struct SecurityEventsList {
    events: SecurityEvents,
}

/// Which events: `from` and `to` are moments (RFC 3339), `acknowledged` is `true` or `false`. A page may be short although more follow.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventsQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    kind: Option<SecurityEventKind>,
    user_id: Option<UserId>,
    api_key_id: Option<ApiKeyId>,
    acknowledged: Option<Acknowledged>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

/// Whether somebody took note: a query has texts only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Acknowledged {
    True,
    False,
}

/// A page of events, with the state of the checks.
#[derive(Debug, Serialize)]
struct Events {
    data: Vec<SecurityEvent>,
    next_cursor: Option<Cursor>,
    /// Which checks are carried out, and why others are not.
    checks: BTreeMap<&'static str, CheckStatus>,
}

impl EventsQuery {
    fn listing(&self) -> Listing {
        Listing { limit: self.limit, cursor: self.cursor.clone() }
    }

    fn filter(&self) -> SecurityEventFilter {
        SecurityEventFilter {
            kind: self.kind,
            user: self.user_id,
            api_key: self.api_key_id,
            acknowledged: self.acknowledged.map(|acknowledged| acknowledged == Acknowledged::True),
            from: self.from,
            to: self.to,
        }
    }
}

impl Input for EventsQuery {
    fn problems(&self) -> Vec<Problem> {
        self.listing().problems()
    }
}

impl HttpFunction for SecurityEventsList {
    const NAME: &'static str = "security-events-list";
    const PERMISSION: Permission = Permission::SecurityRead;
    type Query = EventsQuery;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { events: SecurityEvents::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<EventsQuery, Nothing>) -> Result<Reply, Failure> {
        let listing = call.query.listing();

        let page = self.events.page(call.organization(), &call.query.filter(), listing.cursor()?, listing.limit()).await?;

        Ok(Reply::ok(&Events { data: page.items, next_cursor: page.next, checks: self.events.checks() }))
    }
}
