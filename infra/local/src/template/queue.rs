//! `AWS::SQS::Queue` and the subscriptions of queues to topics.

use serde_json::Value;

use super::model::{Queue, Redrive, Subscription};
use super::properties::{Known, Properties};
use super::{TemplateError, names};

/// The attributes that CloudFormation and SQS call by the same name.
const ATTRIBUTES: [&str; 5] =
    ["VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds", "ReceiveMessageWaitTimeSeconds", "MaximumMessageSize"];

/// The properties of a queue. FIFO queues are refused: no part of the platform uses one.
pub(super) const KNOWN: Known = Known {
    read: &[
        "QueueName",
        "RedrivePolicy",
        "VisibilityTimeout",
        "MessageRetentionPeriod",
        "DelaySeconds",
        "ReceiveMessageWaitTimeSeconds",
        "MaximumMessageSize",
    ],
    ignored: &["SqsManagedSseEnabled", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "RedriveAllowPolicy", "Tags"],
};

/// The properties of a subscription.
pub(super) const KNOWN_SUBSCRIPTION: Known =
    Known { read: &["TopicArn", "Protocol", "Endpoint", "RawMessageDelivery"], ignored: &["RedrivePolicy", "Region"] };

/// Reads a queue.
pub(super) fn read(logical_id: &str, name: String, properties: &Properties) -> Result<Queue, TemplateError> {
    let mut attributes = std::collections::BTreeMap::new();
    for attribute in ATTRIBUTES {
        if let Some(number) = properties.number(attribute)? {
            attributes.insert(attribute.to_owned(), number.to_string());
        }
    }
    Ok(Queue {
        logical_id: logical_id.to_owned(),
        name,
        attributes,
        redrive: properties.object("RedrivePolicy")?.map(|policy| redrive(&policy)).transpose()?,
    })
}

fn redrive(policy: &Properties) -> Result<Redrive, TemplateError> {
    policy.only(&["deadLetterTargetArn", "maxReceiveCount"])?;
    let receives = policy.number("maxReceiveCount")?;
    Ok(Redrive {
        queue: queue_name(policy, "deadLetterTargetArn")?,
        maximum_receives: receives.ok_or_else(|| policy.wrong("maxReceiveCount", "is missing"))?,
    })
}

/// The queue's name in a property that holds a queue's ARN.
pub(super) fn queue_name(properties: &Properties, property: &str) -> Result<String, TemplateError> {
    let arn = properties.required_text(property)?;
    names::queue_of_arn(&arn).map(ToOwned::to_owned).ok_or_else(|| properties.wrong(property, format!("{arn} is not the ARN of a queue")))
}

/// Reads a subscription.
pub(super) fn read_subscription(properties: &Properties) -> Result<Subscription, TemplateError> {
    if properties.value("Protocol") != Some(&Value::from("sqs")) {
        return Err(properties.wrong("Protocol", "must be sqs"));
    }
    Ok(Subscription {
        topic_arn: properties.required_text("TopicArn")?,
        queue: queue_name(properties, "Endpoint")?,
        raw: properties.flag("RawMessageDelivery", false)?,
    })
}
