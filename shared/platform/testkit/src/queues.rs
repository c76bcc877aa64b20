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
    /// From when on it can be received, in milliseconds since 1970.
    pub due_ms: i64,
    /// How often it was received.
    pub receives: u32,
}

#[derive(Debug, Default)]
struct Queues {
    messages: BTreeMap<String, Vec<Queued>>,
    sent: u64,
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
        let due_ms = self.clock.now().as_millisecond() + i64::try_from(delay_seconds * 1000).unwrap_or(i64::MAX);
        let mut queues = self.lock();
        queues.sent += 1;
        let id = format!("message-{}", queues.sent);
        let message = Queued { queue: queue.to_owned(), id: id.clone(), body: body.to_owned(), due_ms, receives: 0 };
        queues.messages.entry(queue.to_owned()).or_default().push(message);
        id
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

    /// Answers a request of the SQS client (AWS JSON 1.0): `SendMessage`, `SendMessageBatch`, `GetQueueAttributes`.
    pub(crate) fn answer(&self, operation: &str, request: &Value) -> Value {
        let url = request["QueueUrl"].as_str().expect("a queue's URL");
        let queue = url.rsplit('/').next().expect("a queue's name");
        let send = |entry: &Value| {
            let body = entry["MessageBody"].as_str().expect("a body");
            self.send(queue, body, entry["DelaySeconds"].as_u64().unwrap_or_default())
        };
        match operation {
            "SendMessage" => json!({ "MessageId": send(request) }),
            "SendMessageBatch" => {
                let entries = request["Entries"].as_array().expect("entries");
                let sent: Vec<Value> =
                    entries.iter().map(|entry| json!({ "Id": entry["Id"], "MessageId": send(entry), "MD5OfMessageBody": "" })).collect();
                json!({ "Successful": sent, "Failed": [] })
            }
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
}
