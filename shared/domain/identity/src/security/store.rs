//! Where security events are kept: the table of entities.
//!
//! | access pattern | key |
//! | --- | --- |
//! | the events of an organization, the latest first; one of them | `ORG#{org}#SECURITY` / `{event}` |
//! | the events that are about a user, in all organizations | index: `PERSON#{user}` / `{event}` |
//! | what the harness noticed, oldest first | `SIGNALS#{shard}` / `{hour}#{hash}` |

use std::collections::HashMap;
use std::sync::Arc;

use carillon_contracts::signal::{SIGNAL_SHARDS, SecuritySignal};
use carillon_contracts::{OrganizationId, PolicyRecord, SecurityEventId};
use carillon_dynamo::{Audited, Change, Condition, Cursor, Key, Page, Query, StoreError, Table, Trail, Value, Write, number, text};
use carillon_kernel::{Setup, SetupError};
use jiff::Timestamp;
use serde::Deserialize;

use super::event::{SecurityEvent, Subject, Suspicion};
use crate::person::events_index;
use crate::policy::Retention;

const SCHEMA: u32 = 1;
const DAY_SECONDS: i64 = 24 * 60 * 60;
/// How many signals of a shard are taken at once.
const TAKEN: u32 = 50;

#[derive(Debug, Clone)]
pub(super) struct SecurityStore {
    entities: Table,
}

impl SecurityStore {
    pub(super) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { entities: Table::from_setup(setup, "ENTITIES_TABLE")? })
    }

    pub(super) fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { entities: self.entities.by(trail) }
    }

    pub(super) async fn find(&self, organization: OrganizationId, id: SecurityEventId) -> Result<Option<SecurityEvent>, StoreError> {
        self.entities.find(event_key(organization, id)).await
    }

    pub(super) async fn page(
        &self,
        organization: OrganizationId,
        start: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<SecurityEvent>, StoreError> {
        let partition = events_partition(organization);
        if start.as_ref().is_some_and(|cursor| cursor.partition() != Some(&partition)) {
            return Err(StoreError::Cursor);
        }
        self.entities.query(Query::partition(partition).backwards().strong().limit(limit).start(start)).await
    }

    /// The cursor that goes on after an event of a page.
    pub(super) fn after(event: &SecurityEvent) -> Cursor {
        Cursor::after(&event_key(event.organization, event.id))
    }

    /// Makes an event, or counts it up: whatever is there, so that it can be part of any transaction.
    pub(super) fn count_up(&self, subject: &Subject<'_>, suspicion: &Suspicion, (moment, kept_days): (Timestamp, u32)) -> Write {
        let id = suspicion.event_id(subject, moment);
        let details: HashMap<String, Value> =
            suspicion.details.iter().map(|(name, value)| (name.clone(), Value::S(value.clone()))).collect();
        let mut change = Change::new()
            .set_once("id", text(id))
            .set_once("organization", text(subject.organization))
            .set_once("kind", text(suspicion.kind))
            .set_once("first_at", text(moment))
            .set_once("entity", text("security_event"))
            .set_once("schema", number(SCHEMA))
            .set("last_at", text(moment))
            .set("ttl", number(moment.as_second() + i64::from(kept_days) * DAY_SECONDS))
            .set("details", Value::M(details))
            .add("count", 1)
            .remove("acknowledged_at")
            .remove("acknowledged_by");
        if suspicion.step_up {
            change = change.set("step_up", Value::Bool(true));
        }
        if let Some(user) = subject.user {
            // By these an export and an erasure find the event, in whatever organization it is.
            change = change.set_once("gsi1pk", text(events_index(user))).set_once("gsi1sk", text(id));
        }
        let origin = subject.origin;
        let optional = [
            ("user", subject.user.map(|user| user.to_string())),
            ("api_key", subject.api_key.map(|key| key.to_string())),
            ("ip", origin.ip.map(|ip| ip.to_string())),
            ("user_agent", origin.user_agent.as_ref().map(|agent| agent.chars().take(256).collect())),
        ];
        for (attribute, value) in optional {
            if let Some(value) = value {
                change = change.set(attribute, Value::S(value));
            }
        }
        self.entities.update(event_key(subject.organization, id), change, Condition::Always)
    }

    /// Gives the days that an organization keeps its events.
    pub(super) async fn kept_days(&self, organization: OrganizationId) -> Result<u32, StoreError> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Kept {
            retention: Retention,
        }
        let (partition, sort) = PolicyRecord::key(organization);
        let kept: Option<Kept> = self.entities.find(Key::new(partition, sort)).await?;
        Ok(kept.unwrap_or_default().retention.security_events_days.get())
    }

    pub(super) async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.entities.commit(writes).await
    }

    /// Takes note of an event that did not happen again since it was read.
    pub(super) async fn acknowledge(&self, before: &SecurityEvent, after: &SecurityEvent) -> Result<(), StoreError> {
        let by = after.acknowledged_by.clone().unwrap_or_default();
        let change =
            Change::new().set("acknowledged_at", text(after.acknowledged_at.unwrap_or(after.last_at))).set("acknowledged_by", text(by));
        let unchanged = Condition::All(vec![Condition::Equals("count", number(before.count)), Condition::Without("acknowledged_at")]);
        let update = self.entities.update(event_key(after.organization, after.id), change, unchanged);
        self.entities.commit(vec![update.audited(Audited::changed("security_event", after.id, (before, after)))]).await
    }

    /// Lists what the harness noticed, some of each shard.
    pub(super) async fn signals(&self) -> Result<Vec<SecuritySignal>, StoreError> {
        let mut signals = Vec::new();
        for shard in 0..SIGNAL_SHARDS {
            signals.extend(self.entities.query(Query::partition(SecuritySignal::shard(shard)).strong().limit(TAKEN)).await?.items);
        }
        Ok(signals)
    }

    /// Makes the write that takes a signal away.
    pub(super) fn take(&self, signal: &SecuritySignal) -> Write {
        self.entities.delete(Key::new(signal.partition(), signal.sort()), Condition::Present)
    }
}

fn events_partition(organization: OrganizationId) -> String {
    format!("ORG#{organization}#SECURITY")
}

fn event_key(organization: OrganizationId, id: SecurityEventId) -> Key {
    Key::new(events_partition(organization), id.to_string())
}
