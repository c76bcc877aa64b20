//! What lies in the queues: for waiting until nothing does, and for looking at dead letters.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, Message, QueueAttributeName};
use futures::future::join_all;

use super::PlatformError;
use crate::template::Deployment;

/// What is counted of a queue: waiting, being handled, delayed.
const COUNTS: [QueueAttributeName; 3] = [
    QueueAttributeName::ApproximateNumberOfMessages,
    QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    QueueAttributeName::ApproximateNumberOfMessagesDelayed,
];
/// How long dead letters hide from a second look while they are read.
const LOOK_SECONDS: i32 = 30;

/// A message that no retry could help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The name of the queue of dead letters.
    pub queue: String,
    /// The message.
    pub body: String,
    /// The code of the failure, where a function gave the message up; none where it was received too often.
    pub code: Option<String>,
}

/// What was left when the platform had not settled in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    /// The messages that wait, by queue: waiting, being handled, delayed.
    pub queues: BTreeMap<String, [u64; 3]>,
    /// The invocations that run.
    pub running: usize,
}

impl fmt::Display for Unsettled {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the platform has not settled: {} invocations run", self.running)?;
        for (queue, [waiting, handled, delayed]) in &self.queues {
            write!(formatter, "\n  {queue}: {waiting} waiting, {handled} being handled, {delayed} delayed")?;
        }
        Ok(())
    }
}

impl std::error::Error for Unsettled {}

/// All queues, those of dead letters apart.
#[derive(Debug)]
pub(crate) struct Queues {
    sqs: Client,
    /// Names and URLs.
    work: Vec<(String, String)>,
    dead_letters: Vec<(String, String)>,
}

impl Queues {
    /// Takes queues whose names and URLs are known.
    pub(crate) const fn of(sqs: Client, work: Vec<(String, String)>, dead_letters: Vec<(String, String)>) -> Self {
        Self { sqs, work, dead_letters }
    }

    /// Finds the URLs of all queues.
    pub(crate) async fn find(deployment: &Deployment, sqs: &Client) -> Result<Self, PlatformError> {
        let dead: BTreeSet<&str> =
            deployment.queues.iter().filter_map(|queue| queue.redrive.as_ref()).map(|redrive| redrive.queue.as_str()).collect();
        let mut queues = Self { sqs: sqs.clone(), work: Vec::new(), dead_letters: Vec::new() };
        for queue in &deployment.queues {
            let found = sqs.get_queue_url().queue_name(&queue.name).send().await;
            let url = found.ok().and_then(|found| found.queue_url).ok_or_else(|| PlatformError::Queue(queue.name.clone()))?;
            let list = if dead.contains(queue.name.as_str()) { &mut queues.dead_letters } else { &mut queues.work };
            list.push((queue.name.clone(), url));
        }
        Ok(queues)
    }

    /// Counts the messages of every queue that has any.
    pub(crate) async fn waiting(&self) -> BTreeMap<String, [u64; 3]> {
        let counted = join_all(self.work.iter().map(|(name, url)| async move { (name.clone(), self.count(url).await) })).await;
        counted.into_iter().filter(|(_, counts)| counts.iter().any(|count| *count > 0)).collect()
    }

    /// Tells whether all queues are empty, looking first at the one that was not the last time.
    pub(crate) async fn are_empty(&self, look_first: &mut usize) -> bool {
        for offset in 0..self.work.len() {
            let place = (*look_first + offset) % self.work.len();
            let Some((_, url)) = self.work.get(place) else { continue };
            if self.count(url).await != [0; 3] {
                *look_first = place;
                return false;
            }
        }
        true
    }

    /// Counts a queue; one that does not answer is not empty.
    async fn count(&self, url: &str) -> [u64; 3] {
        let asked = self.sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(COUNTS.to_vec())).send().await;
        let Ok(found) = asked else { return [1, 0, 0] };
        COUNTS.map(|name| found.attributes().and_then(|all| all.get(&name)).and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// Reads all dead letters, and leaves them where they are.
    pub(crate) async fn dead_letters(&self) -> Vec<DeadLetter> {
        let mut letters = Vec::new();
        for (name, url) in &self.dead_letters {
            let mut handles = Vec::new();
            loop {
                let messages = self.look(url).await;
                if messages.is_empty() {
                    break;
                }
                for message in messages {
                    handles.extend(message.receipt_handle().map(ToOwned::to_owned));
                    letters.push(letter(name, &message));
                }
            }
            self.put_back(url, &handles).await;
        }
        letters
    }

    async fn look(&self, url: &str) -> Vec<Message> {
        let request = self.sqs.receive_message().queue_url(url).max_number_of_messages(10).visibility_timeout(LOOK_SECONDS);
        let received = request.message_attribute_names("All").send().await;
        received.ok().and_then(|received| received.messages).unwrap_or_default()
    }

    async fn put_back(&self, url: &str, handles: &[String]) {
        for chunk in handles.chunks(10) {
            let entries = chunk.iter().enumerate().map(|(index, handle)| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(handle)
                    .visibility_timeout(0)
                    .build()
            });
            let Ok(entries) = entries.collect::<Result<Vec<_>, _>>() else { continue };
            // What is not put back comes back by itself.
            let _ = self.sqs.change_message_visibility_batch().queue_url(url).set_entries(Some(entries)).send().await;
        }
    }
}

fn letter(queue: &str, message: &Message) -> DeadLetter {
    let code = message.message_attributes().and_then(|all| all.get("code")).and_then(|value| value.string_value());
    DeadLetter { queue: queue.to_owned(), body: message.body().unwrap_or_default().to_owned(), code: code.map(ToOwned::to_owned) }
}
