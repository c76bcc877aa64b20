//! Where SES's events go: two small interfaces that the owner of the stand-ins fills.

use std::sync::Arc;

use futures::future::BoxFuture;

/// A sink could not take something; it is tried again a few times.
#[derive(Debug, thiserror::Error)]
#[error("the sink refused: {reason}")]
pub struct SinkError {
    /// Why, for the log; without addresses.
    pub reason: String,
}

/// Takes SES's exceptions: bounces, complaints, rejects, rendering failures and delivery delays.
pub trait EventSink: Send + Sync {
    /// Takes the JSON of an SNS envelope, as it would come out of the SQS queue that subscribes to the topic.
    fn exception(&self, sns_envelope: String) -> BoxFuture<'_, Result<(), SinkError>>;
}

/// Takes Firehose's batch objects of SES's sends, deliveries, opens and clicks.
pub trait BatchSink: Send + Sync {
    /// Writes an object of newline-delimited JSON under a key.
    fn put(&self, key: String, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), SinkError>>;
}

/// Where events go.
#[derive(Clone)]
pub struct Sinks {
    /// Takes SES's exceptions.
    pub exceptions: Arc<dyn EventSink>,
    /// Takes Firehose's batches.
    pub batches: Arc<dyn BatchSink>,
}
