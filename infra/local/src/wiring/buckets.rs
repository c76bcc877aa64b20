//! Buckets of the embedded S3, and their notifications to queues.

use std::collections::BTreeMap;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::WiringError;
use crate::embedded::{ObjectCreated, ObjectHook, REGION, wall_clock};
use crate::template::model::{Bucket, Notification};

/// Creates `bucket` if it is not there.
pub(super) async fn create(client: &aws_sdk_s3::Client, bucket: &Bucket) -> Result<(), WiringError> {
    match client.create_bucket().bucket(&bucket.name).send().await {
        Ok(_) => Ok(()),
        Err(error)
            if error.as_service_error().is_some_and(|error| error.is_bucket_already_exists() || error.is_bucket_already_owned_by_you()) =>
        {
            Ok(())
        }
        Err(error) => Err(WiringError::about(format!("the bucket {}", bucket.name))(error)),
    }
}

/// Sends S3's event notifications to queues.
#[derive(Debug)]
pub(super) struct Notifier {
    sqs: aws_sdk_sqs::Client,
    by_bucket: BTreeMap<String, Vec<(Notification, String)>>,
}

impl Notifier {
    /// Looks up the URLs of the queues that `buckets` notify.
    pub(super) async fn new(buckets: &[Bucket], sqs: &aws_sdk_sqs::Client) -> Result<Self, WiringError> {
        let mut by_bucket: BTreeMap<String, Vec<(Notification, String)>> = BTreeMap::new();
        for bucket in buckets {
            for notification in &bucket.notifications {
                let found = sqs.get_queue_url().queue_name(&notification.queue).send().await;
                let about = format!("the notifications of the bucket {}", bucket.name);
                let url = found.map_err(WiringError::about(about))?.queue_url;
                let targets = by_bucket.entry(bucket.name.clone()).or_default();
                targets.push((notification.clone(), url.unwrap_or_default()));
            }
        }
        Ok(Self { sqs: sqs.clone(), by_bucket })
    }

    /// The hook for the embedded S3.
    pub(super) fn hook(self) -> ObjectHook {
        let notifier = Arc::new(self);
        Arc::new(move |object| {
            let notifier = Arc::clone(&notifier);
            Box::pin(async move { notifier.notify(&object).await })
        })
    }

    async fn notify(&self, object: &ObjectCreated) {
        let targets = self.by_bucket.get(&object.bucket).into_iter().flatten();
        for (notification, queue_url) in targets.filter(|(notification, _)| wants(notification, object)) {
            let body = event(object).to_string();
            let sent = self.sqs.send_message().queue_url(queue_url).message_body(body).send().await;
            if let Err(error) = sent {
                tracing::error!(?error, queue = notification.queue, "a bucket's notification was lost");
            }
        }
    }
}

fn wants(notification: &Notification, object: &ObjectCreated) -> bool {
    let kind = notification.event.trim_start_matches("s3:ObjectCreated:");
    (kind == "*" || kind == object.how) && object.key.starts_with(&notification.prefix) && object.key.ends_with(&notification.suffix)
}

/// What stays as it is in the key of an event; a space becomes a plus.
const KEY_ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b' ');

/// S3's event of one new object. Source: Amazon S3 user guide, "Event message structure", version 2.1.
fn event(object: &ObjectCreated) -> Value {
    let now = wall_clock();
    json!({"Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": format!("{now:.3}"),
        "eventName": format!("ObjectCreated:{}", object.how),
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {
                "name": object.bucket,
                "arn": format!("arn:aws:s3:::{}", object.bucket),
            },
            "object": {
                "key": utf8_percent_encode(&object.key, KEY_ENCODED).to_string().replace(' ', "+"),
                "size": object.size_bytes,
                "sequencer": format!("{:016X}", now.as_microsecond()),
            },
        },
    }]})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str) -> ObjectCreated {
        ObjectCreated { bucket: "files".to_owned(), key: key.to_owned(), size_bytes: 1024, how: "Put" }
    }

    #[test]
    fn the_key_of_an_event_is_encoded_with_a_plus_for_a_space() {
        let event = event(&object("a/red flower+1.jpg"));

        let record = &event["Records"][0];
        assert_eq!(record["s3"]["object"]["key"], "a/red+flower%2B1.jpg");
        assert_eq!(record["s3"]["object"]["size"], 1024);
        assert_eq!(record["eventName"], "ObjectCreated:Put");
    }

    #[test]
    fn a_notification_wants_only_its_own_kind_prefix_and_suffix() {
        let notification = |event: &str| Notification {
            event: event.to_owned(),
            queue: "q".to_owned(),
            prefix: "events/".to_owned(),
            suffix: ".gz".to_owned(),
        };

        assert!(wants(&notification("s3:ObjectCreated:*"), &object("events/a.gz")));
        assert!(wants(&notification("s3:ObjectCreated:Put"), &object("events/a.gz")));
        assert!(!wants(&notification("s3:ObjectCreated:Copy"), &object("events/a.gz")));
        assert!(!wants(&notification("s3:ObjectCreated:*"), &object("other/a.gz")));
        assert!(!wants(&notification("s3:ObjectCreated:*"), &object("events/a.csv")));
    }
}
