//! A record of the trail as it is stored and as it is shown, and which records are wanted.

use carillon_contracts::{AuditRecordId, OrganizationId};
use carillon_dynamo::{Audited, Record};
use carillon_kernel::Problem;
use carillon_kernel::secret::sha256_hex;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Sorts after every record of a moment, and before those of the next one.
const AFTER_ALL: &str = "#~";

/// A record as its readers see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrailRecord {
    /// Its id: the moment, and a hash of the request and what it changed.
    pub id: AuditRecordId,
    /// When.
    pub at: String,
    /// Who did it: a user, an API key, or the name of a function that acted by itself.
    pub actor: String,
    /// By which function.
    pub function: String,
    /// In which request.
    pub request_id: String,
    /// From which address, unless the actor was erased since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// With which program, unless the actor was erased since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// What was changed, each with the members before and after.
    pub changes: Vec<Audited>,
    /// The number of its seal; none while it waits for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal: Option<u64>,
}

/// Which records are wanted; what is absent does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrailFilter {
    /// Not before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Not after this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// What this user, key or function did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What was done to things of this kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What was done to the thing of this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What was done by this function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
}

/// A record as it lies in the table, with what the sealer says of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct StoredRecord {
    pub(super) pk: String,
    /// `{at}#{the hash that is the end of its id}`: among the records of an organization, it names this one.
    pub(super) sk: String,
    #[serde(default)]
    pub(super) gsi1pk: Option<String>,
    #[serde(default)]
    pub(super) seal: Option<u64>,
    #[serde(flatten)]
    pub(super) record: Record,
}

impl TrailFilter {
    /// Lists what is wrong with it, by pointers that begin with `mark`.
    #[must_use]
    pub fn problems(&self, mark: &str) -> Vec<Problem> {
        let is_empty = self.from.zip(self.to).is_some_and(|(from, to)| from > to);
        let problem = || Problem::new(format!("{mark}to"), "audit.range", "the range ends before it begins");
        is_empty.then(problem).into_iter().collect()
    }

    pub(super) fn wants(&self, stored: &StoredRecord) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        if !is(&self.actor, &stored.record.actor) || !is(&self.function, &stored.record.function) {
            return false;
        }
        let of_thing = self.kind.is_some() || self.id.is_some();
        !of_thing || stored.changes().iter().any(|change| is(&self.kind, &change.kind) && is(&self.id, &change.id))
    }

    /// The first and the last sort key of what is wanted.
    pub(super) fn range(&self) -> (String, String) {
        let last = |to: Timestamp| format!("{to:.3}{AFTER_ALL}");
        (self.from.map_or_else(|| "0".to_owned(), |from| format!("{from:.3}")), self.to.map_or_else(|| "~".to_owned(), last))
    }

    /// The months in which records are wanted, the oldest first: of those since the organization was made.
    pub(super) fn months(&self, organization: OrganizationId, now: Timestamp) -> Vec<String> {
        let made = made_at(organization);
        months(self.from.unwrap_or(made).max(made), self.to.unwrap_or(now).min(now))
    }

    /// What tells it from other filters, for cursors.
    pub(super) fn mark(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        sha256_hex(text.as_bytes()).get(..16).unwrap_or_default().to_owned()
    }
}

impl StoredRecord {
    /// The moment in the sort key.
    pub(super) fn moment(&self) -> &str {
        self.sk.split('#').next().unwrap_or_default()
    }

    /// The part of the sort key after the moment.
    pub(super) fn id_part(&self) -> &str {
        self.sk.split_once('#').map_or("", |(_, id)| id)
    }

    /// Tells whether it waits for the sealer.
    pub(super) fn is_waiting(&self) -> bool {
        self.seal.is_none() && self.gsi1pk.as_ref().is_some_and(|key| key.starts_with("UNSEALED#"))
    }

    pub(super) fn shown(self) -> TrailRecord {
        let (id, changes) = (record_id(&self.sk), self.changes());
        let Record { at, actor, function, request_id, ip, user_agent, .. } = self.record;
        TrailRecord {
            id: id.unwrap_or(AuditRecordId::from_bytes([0; 16])),
            at,
            actor,
            function,
            request_id,
            ip,
            user_agent,
            changes,
            seal: self.seal,
        }
    }

    /// What it says was changed: nothing where somebody edited it so that it cannot be read.
    fn changes(&self) -> Vec<Audited> {
        serde_json::from_str(&self.record.changes).unwrap_or_default()
    }
}

/// Makes the id of the record with a sort key: 48 bits of its moment, 80 of its hash.
pub(super) fn record_id(sk: &str) -> Option<AuditRecordId> {
    let (at, hash) = sk.split_once('#')?;
    let milliseconds = u128::try_from(at.parse::<Timestamp>().ok()?.as_millisecond()).ok()?;
    let hash = u128::from_str_radix(hash, 16).ok().filter(|hash| hash >> 80 == 0)?;
    Some(AuditRecordId::from_bytes(((milliseconds << 80) | hash).to_be_bytes()))
}

/// When an organization was made: ids begin with the milliseconds of their making.
pub(super) fn made_at(organization: OrganizationId) -> Timestamp {
    let [a, b, c, d, e, f, ..] = organization.to_bytes();
    Timestamp::from_millisecond(i64::from_be_bytes([0, 0, a, b, c, d, e, f])).unwrap_or_default()
}

/// The months from one moment to another, such as `2026-11`, both included.
pub(super) fn months(from: Timestamp, to: Timestamp) -> Vec<String> {
    let month = |moment: Timestamp| {
        let date = moment.to_zoned(jiff::tz::TimeZone::UTC).date();
        i32::from(date.year()) * 12 + i32::from(date.month()) - 1
    };
    (month(from)..=month(to)).map(|month| format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn stored() -> StoredRecord {
        let changes =
            json!([{ "kind": "contact", "id": "con_1", "after": { "name": "Ada" } }, { "kind": "list", "id": "lst_1" }]).to_string();
        let item = json!({
            "pk": "ORG#org_1#AUDIT#2026-11", "sk": "2026-11-21T10:00:00.000Z#000102030405060708ff", "gsi1pk": "UNSEALED#3", "gsi1sk": "x",
            "entity": "audit_record", "organization": "org_1", "actor": "usr_1", "function": "contacts-create", "request_id": "req",
            "at": "2026-11-21T10:00:00.000Z", "changes": changes,
        });
        serde_json::from_value(item).unwrap()
    }

    #[test]
    fn a_record_has_an_id_that_sorts_by_its_moment() {
        let id = |sk| record_id(sk).unwrap();

        assert!(id("2026-11-21T10:00:00.000Z#ffffffffffffffffffff") < id("2026-11-21T10:00:00.001Z#00000000000000000000"));
        assert_eq!(record_id("2026-11-21T10:00:00.000Z#no"), None);
        assert_eq!(record_id("anything"), None);
    }

    #[test]
    fn a_filter_wants_what_all_of_its_members_want() {
        let wants = |filter: serde_json::Value| serde_json::from_value::<TrailFilter>(filter).unwrap().wants(&stored());

        assert!(wants(json!({})));
        assert!(wants(json!({ "actor": "usr_1", "kind": "contact", "id": "con_1", "function": "contacts-create" })));
        assert!(!wants(json!({ "actor": "usr_2" })));
        assert!(!wants(json!({ "function": "contacts-update" })));
        // The kind of one change with the id of another is no change of that record.
        assert!(!wants(json!({ "kind": "list", "id": "con_1" })));
    }

    #[test]
    fn a_range_holds_its_ends() {
        let filter = TrailFilter { from: Some(at("2026-11-21T10:00:00Z")), to: Some(at("2026-11-21T10:00:00Z")), ..TrailFilter::default() };
        let (first, last) = filter.range();

        assert!(first < stored().sk && stored().sk < last);
        assert!(last.as_str() < "2026-11-21T10:00:00.001Z#0");
        assert_eq!(TrailFilter { from: Some(at("2026-11-21T10:00:01Z")), ..filter }.problems("?").len(), 1);
    }

    #[test]
    fn months_are_those_between_the_making_of_the_organization_and_now() {
        let organization: OrganizationId = carillon_kernel::IdSource::seeded(1).id(at("2026-10-31T23:59:59.999Z"));

        assert_eq!(made_at(organization), at("2026-10-31T23:59:59.999Z"));
        assert_eq!(TrailFilter::default().months(organization, at("2027-01-01T00:00:00Z")), ["2026-10", "2026-11", "2026-12", "2027-01"]);
        let late = TrailFilter { from: Some(at("2026-12-05T00:00:00Z")), to: Some(at("2030-01-01T00:00:00Z")), ..TrailFilter::default() };
        assert_eq!(late.months(organization, at("2027-01-01T00:00:00Z")), ["2026-12", "2027-01"]);
    }

    #[test]
    fn other_filters_have_other_marks() {
        assert_ne!(TrailFilter::default().mark(), TrailFilter { actor: Some("usr_1".to_owned()), ..TrailFilter::default() }.mark());
    }
}
