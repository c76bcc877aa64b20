//! Queues that answer for SQS, with delays by a clock that a test moves, and deliveries that the test makes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carillon_kernel::Clock;
use serde_json::{Value, json};

/// A message in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// The queue's name.
    pub queue: String,
    /// The message's id.
    pub id: String,
    /// The body.
    pub body: String,
    /// The attributes, as they were sent.
    pub attributes: Value,
    /// When it was sent, in milliseconds since 1970.
    pub sent_ms: i64,
    /// From when on it can be received, in milliseconds since 1970.
    pub due_ms: i64,
    /// How often it was received.
    pub receives: u32,
}

#[derive(Debug, Default)]
struct Queues {
    messages: BTreeMap<String, Vec<Queued>>,
    sent: u64,
    /// How many messages of batches are refused from now on.
    refused: usize,
}

/// All queues of a process; clones share them.
#[derive(Debug, Clone)]
pub struct SimulatedQueues {
    queues: Arc<Mutex<Queues>>,
    clock: Clock,
}

impl SimulatedQueues {
    /// Makes empty queues on a clock.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { queues: Arc::default(), clock }
    }

    /// Puts a message into a queue.
    pub fn send(&self, queue: &str, body: &str, delay_seconds: u64) -> String {
        self.put(queue, (body, Value::Null), delay_seconds)
    }

    fn put(&self, queue: &str, (body, attributes): (&str, Value), delay_seconds: u64) -> String {
        let sent_ms = self.clock.now().as_millisecond();
        let due_ms = sent_ms + i64::try_from(delay_seconds * 1000).unwrap_or(i64::MAX);
        let mut queues = self.lock();
        queues.sent += 1;
        let (queue, id) = (queue.to_owned(), format!("message-{}", queues.sent));
        let message = Queued { queue: queue.clone(), id: id.clone(), body: body.to_owned(), attributes, sent_ms, due_ms, receives: 0 };
        queues.messages.entry(queue).or_default().push(message);
        id
    }

    /// Refuses so many messages of batches from now on, one by one.
    pub fn refuse(&self, messages: usize) {
        self.lock().refused = messages;
    }

    /// Puts a message back that was not handled, to come again after some seconds.
    pub fn put_back(&self, message: Queued, delay_seconds: u64) {
        let due_ms = self.clock.now().as_millisecond() + i64::try_from(delay_seconds * 1000).unwrap_or(i64::MAX);
        self.lock().messages.entry(message.queue.clone()).or_default().push(Queued { due_ms, ..message });
    }

    /// Lists the queues that have a message which can be received now.
    #[must_use]
    pub fn ready(&self) -> Vec<String> {
        let now = self.clock.now().as_millisecond();
        let queues = self.lock();
        let ready = queues.messages.iter().filter(|(_, messages)| messages.iter().any(|message| message.due_ms <= now));
        ready.map(|(queue, _)| queue.clone()).collect()
    }

    /// Takes a message that can be received now: of those in the queue, the `choice`th modulo their number.
    #[must_use]
    pub fn take(&self, queue: &str, choice: usize) -> Option<Queued> {
        let now = self.clock.now().as_millisecond();
        let mut queues = self.lock();
        let messages = queues.messages.get_mut(queue)?;
        let ready: Vec<usize> = messages.iter().enumerate().filter(|(_, message)| message.due_ms <= now).map(|(place, _)| place).collect();
        let place = *ready.get(choice.checked_rem(ready.len())?)?;
        let mut message = messages.remove(place);
        message.receives += 1;
        Some(message)
    }

    /// When the next message can be received, in milliseconds since 1970; nothing when all queues are empty.
    #[must_use]
    pub fn next_due_ms(&self) -> Option<i64> {
        self.lock().messages.values().flatten().map(|message| message.due_ms).min()
    }

    /// Counts the messages of a queue.
    #[must_use]
    pub fn count(&self, queue: &str) -> usize {
        self.lock().messages.get(queue).map_or(0, Vec::len)
    }

    /// Gives up to so many messages out, and hides them for some seconds; a message's receipt handle is its id.
    fn receive(&self, queue: &str, most: usize, hidden_seconds: u64) -> Vec<Value> {
        let now = self.clock.now().as_millisecond();
        let mut queues = self.lock();
        let ready = queues.messages.entry(queue.to_owned()).or_default().iter_mut().filter(|message| message.due_ms <= now).take(most);
        let given = ready.map(|message| {
            message.due_ms = now + i64::try_from(hidden_seconds * 1000).unwrap_or(i64::MAX);
            message.receives += 1;
            let system = json!({ "SentTimestamp": message.sent_ms.to_string(), "ApproximateReceiveCount": message.receives.to_string() });
            let given = json!({ "MessageId": message.id, "ReceiptHandle": message.id, "Body": message.body, "Attributes": system });
            with(given, "MessageAttributes", &message.attributes)
        });
        given.collect()
    }

    fn send_batch(&self, queue: &str, entries: &[Value]) -> Value {
        let (mut sent, mut failed) = (Vec::new(), Vec::new());
        for entry in entries {
            let is_refused = {
                let mut queues = self.lock();
                let is_refused = queues.refused > 0;
                queues.refused = queues.refused.saturating_sub(1);
                is_refused
            };
            if is_refused {
                failed.push(json!({ "Id": entry["Id"], "Code": "InternalError", "SenderFault": false }));
            } else {
                sent.push(json!({ "Id": entry["Id"], "MessageId": self.send_entry(queue, entry), "MD5OfMessageBody": "" }));
            }
        }
        json!({ "Successful": sent, "Failed": failed })
    }

    fn send_entry(&self, queue: &str, entry: &Value) -> String {
        let body = entry["MessageBody"].as_str().expect("a body");
        self.put(queue, (body, entry["MessageAttributes"].clone()), entry["DelaySeconds"].as_u64().unwrap_or_default())
    }

    /// Does something with the messages of a batch's entries, by their receipt handles.
    fn each_of(&self, queue: &str, entries: &[Value], change: impl Fn(&mut Vec<Queued>, usize, &Value)) -> Value {
        let mut queues = self.lock();
        let messages = queues.messages.entry(queue.to_owned()).or_default();
        for entry in entries {
            if let Some(place) = messages.iter().position(|message| entry["ReceiptHandle"] == message.id) {
                change(messages, place, entry);
            }
        }
        let done: Vec<Value> = entries.iter().map(|entry| json!({ "Id": entry["Id"] })).collect();
        json!({ "Successful": done, "Failed": [] })
    }

    /// Answers a request of the SQS client (AWS JSON 1.0).
    pub(crate) fn answer(&self, operation: &str, request: &Value) -> Value {
        let url = request["QueueUrl"].as_str().expect("a queue's URL");
        let queue = url.rsplit('/').next().expect("a queue's name");
        let entries = request["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
        let now = self.clock.now().as_millisecond();
        match operation {
            "SendMessage" => json!({ "MessageId": self.send_entry(queue, request) }),
            "SendMessageBatch" => self.send_batch(queue, entries),
            "ReceiveMessage" => {
                let most = request["MaxNumberOfMessages"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(1);
                json!({ "Messages": self.receive(queue, most, request["VisibilityTimeout"].as_u64().unwrap_or(30)) })
            }
            "DeleteMessageBatch" => self.each_of(queue, entries, |messages, place, _| drop(messages.remove(place))),
            "ChangeMessageVisibilityBatch" => self.each_of(queue, entries, |messages, place, entry| {
                messages[place].due_ms = now + entry["VisibilityTimeout"].as_i64().unwrap_or_default() * 1000;
            }),
            "GetQueueAttributes" => json!({ "Attributes": {
                "ApproximateNumberOfMessages": self.count(queue).to_string(),
                "ApproximateNumberOfMessagesNotVisible": "0",
                "ApproximateNumberOfMessagesDelayed": "0",
            } }),
            other => panic!("the simulated queues do not know {other}"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds a member that is there.
fn with(mut object: Value, name: &str, value: &Value) -> Value {
    if !value.is_null() {
        object[name] = value.clone();
    }
    object
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use carillon_kernel::clock::ManualClock;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_delayed_message_comes_when_the_clock_was_moved() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let queues = SimulatedQueues::new(clock.clock());

        queues.answer("SendMessage", &json!({ "QueueUrl": "http://x/0/work", "MessageBody": "late", "DelaySeconds": 5 }));
        assert_eq!((queues.ready().len(), queues.take("work", 0), queues.next_due_ms()), (0, None, Some(5_000)));
        clock.advance(Duration::from_secs(5));

        let message = queues.take("work", 7).unwrap();
        assert_eq!((message.body.as_str(), message.receives, queues.count("work")), ("late", 1, 0));
    }

    #[test]
    fn a_message_that_was_received_is_hidden_until_it_is_let_go_and_gone_when_it_is_deleted() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let queues = SimulatedQueues::new(clock.clock());
        let attributes = json!({ "code": { "DataType": "String", "StringValue": "why" } });
        let asked = |more: Value| {
            let mut request = json!({ "QueueUrl": "http://x/0/dead" });
            more.as_object().unwrap().iter().for_each(|(name, value)| request[name] = value.clone());
            request
        };
        let received =
            || queues.answer("ReceiveMessage", &asked(json!({ "MaxNumberOfMessages": 10, "VisibilityTimeout": 60 })))["Messages"].take();
        queues.answer("SendMessage", &asked(json!({ "MessageBody": "one", "MessageAttributes": attributes })));

        let first = received();
        assert_eq!((&first[0]["Body"], &first[0]["MessageAttributes"]["code"]["StringValue"]), (&json!("one"), &json!("why")));
        assert_eq!(received(), json!([]));
        let entry = json!({ "Entries": [{ "Id": "0", "ReceiptHandle": first[0]["ReceiptHandle"], "VisibilityTimeout": 0 }] });
        queues.answer("ChangeMessageVisibilityBatch", &asked(entry.clone()));
        assert_eq!(received()[0]["Attributes"]["ApproximateReceiveCount"], "2");
        queues.answer("DeleteMessageBatch", &asked(entry));
        clock.advance(Duration::from_secs(61));
        assert_eq!(queues.count("dead"), 0);
    }

    #[test]
    fn refused_messages_of_a_batch_are_named() {
        let queues = SimulatedQueues::new(ManualClock::at(Timestamp::UNIX_EPOCH).clock());
        let entries = json!([{ "Id": "0", "MessageBody": "one" }, { "Id": "1", "MessageBody": "two" }]);
        queues.refuse(1);

        let answer = queues.answer("SendMessageBatch", &json!({ "QueueUrl": "http://x/0/work", "Entries": entries }));

        assert_eq!((&answer["Failed"][0]["Id"], &answer["Successful"][0]["Id"], queues.count("work")), (&json!("0"), &json!("1"), 1));
    }
}
