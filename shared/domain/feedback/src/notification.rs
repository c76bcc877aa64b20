//! The envelopes that events come in: notifications of SNS with one event, and of S3 with the place of many.

use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::FeedbackError;

/// A notification of SNS, as a queue receives it
/// (<https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>).
///
/// A queue's policy admits our topic only, so the signature is not checked; the topic is, in case the policy is ever wider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SnsNotification {
    /// `Notification`, or the confirmation of a subscription.
    #[serde(rename = "Type")]
    pub kind: String,
    /// The topic that it comes from.
    pub topic_arn: String,
    /// The event's JSON.
    pub message: String,
}

impl SnsNotification {
    /// Gives the event's JSON.
    ///
    /// # Errors
    /// [`FeedbackError`] when it is no notification, or not of this topic.
    pub fn open(&self, topic_arn: &str) -> Result<&str, FeedbackError> {
        if self.topic_arn != topic_arn {
            return Err(FeedbackError::ForeignTopic);
        }
        if self.kind != "Notification" {
            return Err(FeedbackError::NoNotification);
        }
        Ok(&self.message)
    }
}

/// A notification of S3: objects that were made
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>).
///
/// The test message that S3 sends when notifications are configured has no records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct S3Notification {
    records: Vec<Record>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Record {
    s3: Place,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Place {
    object: Object,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Object {
    key: String,
}

impl S3Notification {
    /// Gives the keys of the objects, which S3 writes like a form's values.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.records.iter().map(|record| decoded(&record.s3.object.key)).collect()
    }
}

fn decoded(key: &str) -> String {
    percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const TOPIC: &str = "arn:aws:sns:us-west-2:123456789012:MyTopic";

    /// The example of SNS's documentation of HTTP notifications, whose body a queue receives, too.
    const EXAMPLE: &str = r#"{
        "Type" : "Notification",
        "MessageId" : "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn" : "arn:aws:sns:us-west-2:123456789012:MyTopic",
        "Subject" : "My First Message",
        "Message" : "Hello world!",
        "Timestamp" : "2012-05-02T00:54:06.655Z",
        "SignatureVersion" : "1",
        "Signature" : "EXAMPLEw6JRN...",
        "SigningCertURL" : "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem",
        "UnsubscribeURL" : "https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=arn:aws:sns:us-west-2:123456789012:MyTopic:c9135db0-26c4-47ec-8998-413945fb5a96"
    }"#;

    #[test]
    fn a_notification_of_our_topic_gives_its_message() {
        let notification: SnsNotification = serde_json::from_str(EXAMPLE).unwrap();

        assert_eq!(notification.open(TOPIC), Ok("Hello world!"));
        assert_eq!(notification.open("arn:aws:sns:us-west-2:123456789012:Other"), Err(FeedbackError::ForeignTopic));
    }

    #[test]
    fn the_confirmation_of_a_subscription_is_no_notification() {
        let confirmation = EXAMPLE.replace("\"Notification\"", "\"SubscriptionConfirmation\"");
        let notification: SnsNotification = serde_json::from_str(&confirmation).unwrap();

        assert_eq!(notification.open(TOPIC), Err(FeedbackError::NoNotification));
    }

    /// The structure of S3's documentation, cut to its nested objects, with a key that needs decoding.
    #[test]
    fn a_notification_of_s3_gives_decoded_keys() {
        let text = r#"{ "Records":[ { "eventVersion":"2.1", "eventSource":"aws:s3", "awsRegion":"us-west-2",
            "eventTime":"1970-01-01T00:00:00.000Z", "eventName":"ObjectCreated:Put",
            "s3":{ "s3SchemaVersion":"1.0", "configurationId":"testConfigRule", "bucket":{ "name":"amzn-s3-demo-bucket" },
            "object":{ "key":"Happy+Face%2B1.jpg", "size":1024, "eTag":"d41d8cd98f00b204e9800998ecf8427e" } } } ] }"#;

        assert_eq!(serde_json::from_str::<S3Notification>(text).unwrap().keys(), ["Happy Face+1.jpg"]);
    }

    #[test]
    fn the_test_message_of_s3_has_no_keys() {
        let text =
            r#"{ "Service":"Amazon S3", "Event":"s3:TestEvent", "Time":"2014-10-13T15:57:02.089Z", "Bucket":"amzn-s3-demo-bucket" }"#;

        assert!(serde_json::from_str::<S3Notification>(text).unwrap().keys().is_empty());
    }
}
