//! A message that was given up, as the operator sees it: why, since when, and what it is about, but not what it says.

use carillon_queue::DeadLetter;
use jiff::Timestamp;
use serde::Serialize;

use crate::QueueName;
use crate::reference::Reference;

/// Why a message lies here that no function gave up: SQS moved it.
const RECEIVED_TOO_OFTEN: &str = "queue.received_too_often";

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// The id that SQS gave it.
    pub id: String,
    /// When it was given up; or, where SQS moved it, when it was sent at first.
    pub sent_at: Timestamp,
    /// How often it was received before it was given up; where SQS moved it, looks at it are counted, too.
    pub received_count: u32,
    /// The code of the failure, as `docs/errors.md` has it.
    pub reason: String,
    /// The type of the message.
    pub message: &'static str,
    /// What it is about.
    pub reference: Reference,
}

/// How many dead letters a queue has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueDepth {
    /// The queue.
    pub queue: QueueName,
    /// The type of its messages.
    pub message: &'static str,
    /// The dead letters, approximately: SQS counts with some seconds of delay.
    pub dead_letters: u64,
}

/// Some dead letters of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Look {
    /// The queue.
    pub queue: QueueName,
    /// How many there are, approximately.
    pub dead_letters: u64,
    /// Those that were seen, the oldest first.
    pub data: Vec<Letter>,
    /// Whether there are more than these.
    pub has_more: bool,
}

impl Letter {
    /// Describes a dead letter of a queue.
    #[must_use]
    pub fn of(queue: QueueName, letter: &DeadLetter) -> Self {
        Self {
            id: letter.id.clone(),
            sent_at: letter.sent_at,
            received_count: letter.receives,
            reason: letter.code.clone().unwrap_or_else(|| RECEIVED_TOO_OFTEN.to_owned()),
            message: queue.message(),
            reference: Reference::of(&letter.body),
        }
    }
}
