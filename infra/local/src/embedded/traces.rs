//! The system attribute `AWSTraceHeader`, which the queue engine forgets: it travels among the attributes that the engine keeps.
//!
//! Source: Amazon SQS developer guide, "Message system attributes".

use std::collections::HashMap;

use rustack_sqs_model::input::{ReceiveMessageInput, SendMessageBatchInput, SendMessageInput};
use rustack_sqs_model::types::{Message, MessageAttributeValue, MessageSystemAttributeValue};

const NAME: &str = "AWSTraceHeader";

/// What a receiver wants of the trace.
pub(super) struct Wish {
    wanted: bool,
}

impl Wish {
    pub(super) fn of(input: &ReceiveMessageInput) -> Self {
        let mut names = input.attribute_names.iter().chain(&input.message_system_attribute_names);
        Self { wanted: names.any(|name| name == "All" || name == NAME) }
    }

    /// Puts the trace of a received message where SQS has it.
    pub(super) fn unpack(&self, message: &mut Message) {
        let Some(trace) = message.message_attributes.remove(NAME) else { return };
        // It was made of all attributes; nobody gets one rather than a wrong one.
        message.md5_of_message_attributes = None;
        if let Some(header) = trace.string_value.filter(|_| self.wanted) {
            message.attributes.insert(NAME.to_owned(), header);
        }
    }
}

/// Asks the engine for the trace, too.
pub(super) fn asked(mut input: ReceiveMessageInput) -> ReceiveMessageInput {
    input.message_attribute_names.push(NAME.to_owned());
    input
}

/// Puts the trace of a message where the engine keeps it.
pub(super) fn packed(mut input: SendMessageInput) -> SendMessageInput {
    pack(&mut input.message_attributes, &input.message_system_attributes);
    input
}

/// Puts the traces of messages where the engine keeps them.
pub(super) fn all_packed(mut input: SendMessageBatchInput) -> SendMessageBatchInput {
    for entry in &mut input.entries {
        pack(&mut entry.message_attributes, &entry.message_system_attributes);
    }
    input
}

fn pack(attributes: &mut HashMap<String, MessageAttributeValue>, system: &HashMap<String, MessageSystemAttributeValue>) {
    if let Some(trace) = system.get(NAME) {
        let value = MessageAttributeValue {
            data_type: trace.data_type.clone(),
            string_value: trace.string_value.clone(),
            ..MessageAttributeValue::default()
        };
        attributes.insert(NAME.to_owned(), value);
    }
}
