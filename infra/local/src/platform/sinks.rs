//! Where the stand-ins' events go: SES's exceptions to the queues of their topic, Firehose's batches to the bucket.

use std::sync::Arc;

use aws_sdk_s3::primitives::ByteStream;
use carillon_standins::{BatchSink, EventSink, SinkError, Sinks};
use futures::future::BoxFuture;
use serde_json::Value;

use super::PlatformError;
use crate::embedded::Clients;
use crate::template::Deployment;
use crate::template::model::{Bucket, Subscription};

/// What the templates say of the events' ways.
pub(crate) struct Ways<'d> {
    /// The topic of SES's exceptions, and the queue that hears of them.
    pub(crate) subscription: &'d Subscription,
    /// The bucket of the batches.
    pub(crate) bucket: &'d Bucket,
    /// The start of the batches' keys, without the slash.
    pub(crate) prefix: &'d str,
}

impl<'d> Ways<'d> {
    /// Finds the ways: the one subscription, and the one prefix of a bucket that a queue hears of.
    pub(crate) fn find(deployment: &'d Deployment) -> Result<Self, PlatformError> {
        let subscription = deployment.subscriptions.first().ok_or(PlatformError::Lacking("subscription of a queue to a topic"))?;
        let notified = deployment.buckets.iter().find_map(|bucket| Some((bucket, bucket.notifications.first()?)));
        let (bucket, notification) = notified.ok_or(PlatformError::Lacking("bucket whose objects a queue hears of"))?;
        Ok(Self { subscription, bucket, prefix: notification.prefix.trim_end_matches('/') })
    }

    /// Makes the sinks.
    pub(crate) async fn sinks(&self, clients: &Clients) -> Result<Sinks, PlatformError> {
        let found = clients.sqs.get_queue_url().queue_name(&self.subscription.queue).send().await;
        let queue_url =
            found.ok().and_then(|found| found.queue_url).ok_or_else(|| PlatformError::Queue(self.subscription.queue.clone()))?;
        Ok(to(clients, (queue_url, self.subscription.raw), self.bucket.name.clone()))
    }
}

/// Makes the sinks to a queue, which may take messages without their envelopes, and to a bucket.
pub(crate) fn to(clients: &Clients, (queue_url, raw): (String, bool), bucket: String) -> Sinks {
    let topic = Topic { sqs: clients.sqs.clone(), queue_url, raw };
    let archive = Archive { s3: clients.s3.clone(), bucket };
    Sinks { exceptions: Arc::new(topic), batches: Arc::new(archive) }
}

struct Topic {
    sqs: aws_sdk_sqs::Client,
    queue_url: String,
    raw: bool,
}

impl EventSink for Topic {
    fn exception(&self, sns_envelope: String) -> BoxFuture<'_, Result<(), SinkError>> {
        Box::pin(async move {
            let body = if self.raw { bare(&sns_envelope) } else { sns_envelope };
            let sent = self.sqs.send_message().queue_url(&self.queue_url).message_body(body).send().await;
            sent.map(|_| ()).map_err(|error| refused(&error))
        })
    }
}

/// The message inside an envelope, as a subscription with raw delivery gets it.
fn bare(sns_envelope: &str) -> String {
    let envelope: Value = serde_json::from_str(sns_envelope).unwrap_or_default();
    envelope.get("Message").and_then(Value::as_str).unwrap_or_default().to_owned()
}

struct Archive {
    s3: aws_sdk_s3::Client,
    bucket: String,
}

impl BatchSink for Archive {
    fn put(&self, key: String, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), SinkError>> {
        Box::pin(async move {
            let put = self.s3.put_object().bucket(&self.bucket).key(key).body(ByteStream::from(bytes)).send().await;
            put.map(|_| ()).map_err(|error| refused(&error))
        })
    }
}

fn refused(error: &(impl std::error::Error + 'static)) -> SinkError {
    SinkError { reason: aws_sdk_sqs::error::DisplayErrorContext(error).to_string() }
}
