//! The use cases of dead letters: count them, look at them, send them back, discard them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use carillon_dynamo::Trail;
use carillon_kernel::{Clock, Setup, SetupError};
use carillon_queue::{DeadLetter, DeadLetterQueue, DeadLetterQueues, QueueError};
use futures::future::{join_all, try_join_all};

use crate::clearing::{Cleared, Clearing, ClearingAction, Order, Turn};
use crate::letter::{Letter, Look, QueueDepth};
use crate::store::ClearingStore;
use crate::{OperationsError, QueueName};

/// How long letters are received; the rest of a request's 30 seconds is for letting go of those that were not wanted.
const WORKING: Duration = Duration::from_secs(15);
/// How many batches of letters are under way at the same time.
const LANES: usize = 8;

/// The queues of dead letters.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    queues: DeadLetterQueues,
    clock: Clock,
}

/// Sends dead letters back, and discards them, and leaves a record of both.
#[derive(Debug, Clone)]
pub struct Clearings {
    letters: DeadLetters,
    store: ClearingStore,
}

impl DeadLetters {
    /// Opens the queues; needs the setting `QUEUES_URL`.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { queues: DeadLetterQueues::from_setup(setup)?, clock: setup.clock() })
    }

    /// Tells of every queue how many dead letters it has.
    ///
    /// # Errors
    /// [`OperationsError::Queue`] when SQS does not answer.
    pub async fn depths(&self) -> Result<Vec<QueueDepth>, OperationsError> {
        let counted = QueueName::all().map(async |queue| {
            let dead_letters = self.queues.of(queue.name()).depth().await?;
            Ok(QueueDepth { queue, message: queue.message(), dead_letters })
        });
        try_join_all(counted).await
    }

    /// Looks at some dead letters of a queue, in no order that SQS promises, and leaves them there.
    ///
    /// # Errors
    /// [`OperationsError::Queue`] when SQS does not answer.
    pub async fn look(&self, name: QueueName, limit: usize) -> Result<Look, OperationsError> {
        let queue = self.queues.of(name.name());
        let until = self.clock.now() + WORKING;
        let (mut letters, mut has_more) = (Vec::new(), true);
        // One letter more than is shown tells that there are more.
        while has_more && letters.len() <= limit && self.clock.now() < until {
            let received = queue.receive().await?;
            has_more = !received.is_empty();
            letters.extend(received);
        }
        let mut data: Vec<Letter> = letters.iter().map(|letter| Letter::of(name, letter)).collect();
        let held: Vec<_> = letters.into_iter().map(DeadLetter::into_held).collect();
        queue.let_go(&held).await?;
        let dead_letters = queue.depth().await?;
        data.sort_by(|one, other| (one.sent_at, &one.id).cmp(&(other.sent_at, &other.id)));
        data.truncate(limit);
        Ok(Look { queue: name, dead_letters, data, has_more })
    }
}

impl Clearings {
    /// Opens the queues and the table; needs the settings `QUEUES_URL` and `ENTITIES_TABLE`.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { letters: DeadLetters::from_setup(setup)?, store: ClearingStore::from_setup(setup)? })
    }

    /// Gives the clearings for one call's use: what is done is recorded in the audit trail of the operator.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail), ..self.clone() }
    }

    /// Clears letters until all that are wanted are cleared, or the time is up.
    ///
    /// It is safe to run twice: a letter that is gone is not met again, and one that was sent back and not deleted is sent back once more,
    /// which its consumer bears.
    ///
    /// # Errors
    /// [`OperationsError`] when the table fails, or SQS does not answer before anything was done.
    pub async fn clear(&self, order: &Order) -> Result<Cleared, OperationsError> {
        let began_at = self.letters.clock.now();
        self.store.insert(order, began_at).await?;
        let queue = self.letters.queues.of(order.queue.name());
        let mut clearing = Clearing::begin(&order.wanted, began_at);
        let worked = self.work(&queue, order.action, &mut clearing).await;
        // What is not let go comes back by itself.
        let part = clearing.held().len().div_ceil(LANES).max(1);
        let _ = join_all(clearing.held().chunks(part).map(|held| queue.let_go(held))).await;
        if clearing.cleared().is_empty() {
            worked?;
        }
        let ids: Vec<String> = clearing.cleared().iter().cloned().collect();
        let cleared = clearing.end(queue.depth().await?);
        self.store.end(order, (&ids, &cleared), self.letters.clock.now()).await?;
        Ok(cleared)
    }

    /// Takes turn after turn until nothing is left, the time is up, or SQS does not answer.
    async fn work(&self, queue: &DeadLetterQueue, action: ClearingAction, clearing: &mut Clearing<'_>) -> Result<(), QueueError> {
        let until = self.letters.clock.now() + WORKING;
        while !clearing.is_over() && self.letters.clock.now() < until {
            let turns = join_all((0..LANES).map(|_| turn(queue, action, clearing))).await;
            let mut failed = Ok(());
            for turn in turns {
                match turn {
                    Ok(turn) => clearing.take(turn),
                    Err(error) => failed = Err(error),
                }
            }
            if failed.is_err() {
                clearing.interrupt();
                return failed;
            }
        }
        Ok(())
    }
}

/// Receives some letters, and clears those that are wanted.
async fn turn(queue: &DeadLetterQueue, action: ClearingAction, clearing: &Clearing<'_>) -> Result<Turn, QueueError> {
    let received = queue.receive().await?;
    let saw_end = received.is_empty();
    let (wanted, passed) = clearing.sort(received);
    let done = match action {
        _ if wanted.is_empty() => Vec::new(),
        ClearingAction::Redrive => queue.send_back(wanted.clone()).await?,
        ClearingAction::Discard => queue.delete(wanted.clone()).await?,
    };
    let cleared: BTreeSet<String> = done.into_iter().map(|letter| letter.id).collect();
    let refused = wanted.into_iter().filter(|letter| !cleared.contains(&letter.id)).map(DeadLetter::into_held).collect();
    let passed = passed.into_iter().map(DeadLetter::into_held).collect();
    Ok(Turn { cleared: cleared.into_iter().collect(), passed, refused, saw_end })
}
