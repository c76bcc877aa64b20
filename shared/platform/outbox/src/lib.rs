//! The outbox: a message that a change of the tables must cause is written in the change's own transaction, and sent after it.
//!
//! A message sent before the commit may speak of something that never happens; one sent after it is lost when the process dies in
//! between. So [`Outbox::write`] gives a write for the transaction and a [`Ticket`]; [`Outbox::dispatch`] sends the message after the
//! commit and deletes the item; what a crash left behind, the schedule's [`Outbox::sweep`] sends.
//!
//! | access pattern | key |
//! | --- | --- |
//! | one message | `OUTBOX#{shard}` · `{due}#{id}` |
//! | the messages of a shard that were due before a moment, oldest first | `OUTBOX#{shard}` · up to `{due}` |
//!
//! Both may run twice, and at the same time: a message that was sent and not yet deleted is sent again, and consumers of queues take
//! every message for a hint that may come twice. Nothing is ever deleted before it was sent. For commands only, never per batch of a
//! campaign: a shard takes some hundred writes a second.

use std::time::Duration;

use carillon_contracts::message::QueueMessage;
use carillon_dynamo::{Condition, Key, Query, StoreError, Table, Write};
use carillon_kernel::{Fault, IdSource, Kind, Setup, SetupError};
use carillon_queue::{AnyQueue, QueueError};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How old an item must be for the sweep: younger ones are still in the hands of the function that wrote them.
pub const SWEEP_AGE: Duration = Duration::from_secs(30);

const SHARDS: u8 = 8;
const SWEPT_PER_SHARD: u32 = 100;

/// What can go wrong with the outbox.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The table.
    #[error("the outbox cannot be read or written")]
    Store(#[from] StoreError),
    /// The queue.
    #[error("a message of the outbox cannot be sent")]
    Queue(#[from] QueueError),
}

impl Fault for OutboxError {
    fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Queue(error) => error.kind(),
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Queue(error) => error.code(),
        }
    }
}

/// A message that was written into a transaction and waits for its commit.
#[derive(Debug)]
#[must_use = "dispatch it after the commit, or it waits for the sweep"]
pub struct Ticket(Item);

/// The outbox of the table of entities.
#[derive(Debug, Clone)]
pub struct Outbox {
    table: Table,
    queues: AnyQueue,
}

/// A message as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Item {
    pk: String,
    sk: String,
    entity: String,
    schema: u32,
    /// The setting that holds the queue's URL.
    queue: String,
    /// The message's JSON.
    body: String,
}

impl Outbox {
    /// Opens the outbox in the table of entities; a queue's setting is read when a message for it is sent.
    ///
    /// # Errors
    /// [`SetupError`] when a setting, the region or the credentials are missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { table: Table::from_setup(setup, "ENTITIES_TABLE")?, queues: AnyQueue::from_setup(setup)? })
    }

    /// Makes the write that puts a message into a transaction, and the ticket to send it with afterwards.
    ///
    /// # Errors
    /// [`OutboxError`] when the message cannot be written as JSON.
    pub fn write<M: QueueMessage>(&self, message: &M, moment: Timestamp, ids: &IdSource) -> Result<(Write, Ticket), OutboxError> {
        let body = serde_json::to_string(message).map_err(QueueError::Message)?;
        let key = key(moment, ids);
        let item = Item { pk: key.pk, sk: key.sk, entity: "outbox".to_owned(), schema: 1, queue: M::QUEUE.to_owned(), body };
        Ok((self.table.put(item.key(), &item, Condition::Always)?, Ticket(item)))
    }

    /// Sends a message whose transaction was committed.
    ///
    /// It cannot fail for its caller, whose change is done: a message that could not be sent now is sent by the sweep.
    pub async fn dispatch(&self, ticket: Ticket) {
        let Ticket(item) = ticket;
        let _left_to_the_sweep = self.send(item).await;
    }

    /// Sends the messages that were due `older_than` before `moment` and are still there; gives their number.
    ///
    /// Some hundred at a time, the oldest of each shard first; what cannot be sent does not hold up the others.
    ///
    /// # Errors
    /// The first [`OutboxError`], after everything was tried.
    pub async fn sweep(&self, moment: Timestamp, older_than: Duration) -> Result<u32, OutboxError> {
        let age = SignedDuration::try_from(older_than).unwrap_or(SignedDuration::MAX);
        let due = moment.checked_sub(age).unwrap_or(Timestamp::MIN);
        let mut sent = 0;
        let mut first_error = None;
        for shard in 0..SHARDS {
            let query = Query::partition(partition(shard)).between("0", sort_text(due)).limit(SWEPT_PER_SHARD);
            for item in self.table.query::<Item>(query).await?.items {
                match self.send(item).await {
                    Ok(()) => sent += 1,
                    Err(error) => first_error = first_error.or(Some(error)),
                }
            }
        }
        first_error.map_or(Ok(sent), Err)
    }

    async fn send(&self, item: Item) -> Result<(), OutboxError> {
        let key = item.key();
        self.queues.send(&item.queue, item.body).await?;
        self.table.commit(vec![self.table.delete(key, Condition::Always)]).await?;
        Ok(())
    }
}

impl Item {
    fn key(&self) -> Key {
        Key::new(&self.pk, &self.sk)
    }
}

/// Items spread over the shards by the random part of their ids, and stand in the order of their moments within a shard.
fn key(moment: Timestamp, ids: &IdSource) -> Key {
    let id = ids.uuid(moment);
    let [.., last] = id.into_bytes();
    Key::new(partition(last % SHARDS), format!("{}#{}", sort_text(moment), id.simple()))
}

fn partition(shard: u8) -> String {
    format!("OUTBOX#{shard}")
}

/// RFC 3339 with exactly three digits of milliseconds, so that texts sort as moments do.
fn sort_text(moment: Timestamp) -> String {
    format!("{moment:.3}")
}

#[cfg(test)]
mod tests;
