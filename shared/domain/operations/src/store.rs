//! Reads and writes what the operator did.
//!
//! | access pattern | key |
//! | --- | --- |
//! | a clearing of dead letters, by its id | `ORG#{org}#CLEARINGS` · `{clearing}` |
//!
//! Queues know no transactions: that a clearing begins is noted before the first letter is touched, so that none is gone without a record
//! of the audit trail, and what came of it after the last. One that has no end died on its way.

use std::sync::Arc;
use std::time::Duration;

use carillon_dynamo::{Audited, Change, Condition, Key, StoreError, Table, Trail, number, text};
use carillon_kernel::{Setup, SetupError};
use jiff::Timestamp;
use serde::Serialize;

use crate::clearing::{ClearingAction, MOST_NAMED, Order, Wanted};
use crate::{Cleared, QueueName};

/// How long a clearing is kept; the audit trail keeps its records as long as all others.
const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// What the audit trail calls the dead letters of a queue; their id is the queue's name.
const KIND: &str = "dead_letters";

#[derive(Debug, Clone)]
pub(crate) struct ClearingStore(Table);

/// A clearing as it is stored.
#[derive(Serialize)]
struct Item {
    queue: QueueName,
    action: ClearingAction,
    began_at: Timestamp,
    ttl: i64,
}

/// What the audit trail says when a clearing begins.
#[derive(Serialize)]
struct Begun<'a> {
    clearing: String,
    action: ClearingAction,
    messages: &'a Wanted,
}

/// What it says when it ends.
#[derive(Serialize)]
struct Ended<'a> {
    clearing: String,
    action: ClearingAction,
    cleared: u64,
    /// As many as a record shows.
    messages: Vec<&'a String>,
    not_found: &'a [String],
    is_complete: bool,
}

impl ClearingStore {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self(Table::from_setup(setup, "ENTITIES_TABLE")?))
    }

    pub(crate) fn by(&self, trail: &Arc<Trail>) -> Self {
        Self(self.0.by(trail))
    }

    /// Notes that a clearing begins; one that a request which comes again has begun already is noted.
    pub(crate) async fn insert(&self, order: &Order, moment: Timestamp) -> Result<(), StoreError> {
        let Order { id, queue, action, wanted, .. } = order;
        let item = Item { queue: *queue, action: *action, began_at: moment, ttl: (moment + KEPT).as_second() };
        let put = self.0.put(key(order), &item, Condition::Absent)?.with("entity", text("clearing"));
        let begun = Begun { clearing: id.to_string(), action: *action, messages: wanted };
        match self.0.commit(vec![put.audited(Audited::done(KIND, queue, &begun))]).await {
            Err(error) if error.is_refused() => Ok(()),
            other => other,
        }
    }

    /// Notes what came of it.
    pub(crate) async fn end(&self, order: &Order, (ids, cleared): (&[String], &Cleared), moment: Timestamp) -> Result<(), StoreError> {
        let change = Change::new().set("ended_at", text(moment)).set("cleared", number(cleared.cleared));
        let ended = Ended {
            clearing: order.id.to_string(),
            action: order.action,
            cleared: cleared.cleared,
            messages: ids.iter().take(MOST_NAMED).collect(),
            not_found: &cleared.not_found,
            is_complete: cleared.is_complete,
        };
        let update = self.0.update(key(order), change, Condition::Present);
        self.0.commit(vec![update.audited(Audited::done(KIND, order.queue, &ended))]).await
    }
}

fn key(order: &Order) -> Key {
    Key::new(format!("ORG#{}#CLEARINGS", order.organization), order.id.to_string())
}
