//! The form of a batch: the event that a function gets, and the answer that it gives.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_sqs::operation::receive_message::builders::ReceiveMessageFluentBuilder;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use serde_json::{Map, Value, json};

use crate::embedded::{ACCOUNT_ID, REGION};

/// SQS's longest poll.
pub(super) const LONGEST_POLL: Duration = Duration::from_secs(20);
/// A batch is full at 6 MB; messages have up to 256 KiB, and ten more must have room.
const FULL_BYTES: usize = 6 * 1024 * 1024 - 10 * 256 * 1024;

/// Asks for all attributes, as Lambda's pollers do.
pub(super) fn wanting_all(request: ReceiveMessageFluentBuilder) -> ReceiveMessageFluentBuilder {
    request.message_attribute_names("All").message_system_attribute_names(MessageSystemAttributeName::All)
}

/// Whether ten more messages fit into the batch.
pub(super) fn has_room(messages: &[Message]) -> bool {
    messages.iter().map(|message| message.body().map_or(0, str::len)).sum::<usize>() < FULL_BYTES
}

/// The event of a batch. Source: AWS Lambda developer guide, "Example standard queue message event".
pub(super) fn event(messages: &[Message], queue: &str) -> Value {
    let records: Vec<Value> = messages.iter().map(|message| record(message, queue)).collect();
    json!({ "Records": records })
}

fn record(message: &Message, queue: &str) -> Value {
    let attributes = message.attributes().into_iter().flatten();
    let attributes: Map<String, Value> = attributes.map(|(name, value)| (name.as_str().to_owned(), json!(value))).collect();
    let sent = message.message_attributes().into_iter().flatten();
    let sent: Map<String, Value> =
        sent.map(|(name, value)| (name.clone(), json!({ "dataType": value.data_type(), "stringValue": value.string_value() }))).collect();
    json!({
        "messageId": message.message_id(),
        "receiptHandle": message.receipt_handle(),
        "body": message.body(),
        "attributes": attributes,
        "messageAttributes": sent,
        "md5OfBody": message.md5_of_body(),
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{queue}"),
        "awsRegion": REGION,
    })
}

/// The ids in `batchItemFailures`; none where the answer means that the whole batch failed: an entry without a usable id.
pub(super) fn failures(answer: &Value) -> Option<BTreeSet<String>> {
    let entries = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return Some(BTreeSet::new()),
        Some(entries) => entries.as_array()?,
    };
    let ids = entries.iter().map(|entry| {
        let id = entry.get("itemIdentifier")?.as_str()?;
        (!id.is_empty()).then(|| id.to_owned())
    });
    ids.collect()
}
