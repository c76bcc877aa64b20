//! What can go wrong with the operator's work.

use carillon_dynamo::StoreError;
use carillon_kernel::{Fault, Kind};
use carillon_queue::QueueError;

/// A failure of the operations area.
#[derive(Debug, thiserror::Error)]
pub enum OperationsError {
    /// SQS does not answer.
    #[error("the dead letters cannot be reached")]
    Queue(#[from] QueueError),
    /// The table failed.
    #[error("what is done with dead letters cannot be noted")]
    Store(#[from] StoreError),
}

impl Fault for OperationsError {
    fn kind(&self) -> Kind {
        match self {
            Self::Queue(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Queue(_) => "dead_letters.queue",
            Self::Store(_) => "dead_letters.store",
        }
    }
}
