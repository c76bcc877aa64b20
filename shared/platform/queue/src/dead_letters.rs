//! Queues of dead letters, for whoever looks at them and clears them: SQS shows a message only by giving it out, hidden from others for a
//! while.
//!
//! Letters go back by being sent to their queue and then deleted here: who dies in between leaves a message twice, which every consumer
//! bears, and none is lost. SQS's own task of moving messages tells nothing of single ones, and takes all or none.

use std::collections::HashMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message, MessageAttributeValue, MessageSystemAttributeName,
    SendMessageBatchRequestEntry,
};
use carillon_aws::told;
use carillon_kernel::{Meter, Setup, SetupError, Trace};
use jiff::Timestamp;

use crate::{Backlog, QueueError, client, trace_attribute};

/// How long a letter that was received is nobody else's; longer than any function works on it.
const HELD_SECONDS: i32 = 60;
/// An empty answer is the end of a queue only after waiting: without it SQS asks but some of its servers
/// (Amazon SQS developer guide, "Amazon SQS short and long polling").
const WAIT_SECONDS: i32 = 1;
/// The most messages of one request, in both directions (SQS quota).
const MOST_AT_ONCE: usize = 10;
/// The most bytes that the messages of one request may have together (SQS quota, as it was before it was raised).
const MOST_BYTES: usize = 256 * 1024;
/// The attribute that holds the code of the failure for which a message was given up.
const CODE: &str = "code";
/// The attribute that says how often a message was received until it was given up.
const RECEIVES: &str = "receives";

/// The queues of dead letters of all queues.
#[derive(Debug, Clone)]
pub struct DeadLetterQueues {
    client: Client,
    meter: Meter,
    url: String,
}

/// The dead letters of one queue.
#[derive(Debug, Clone)]
pub struct DeadLetterQueue {
    client: Client,
    meter: Meter,
    origin: String,
    url: String,
}

/// A message that was given up, held by whoever received it.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The id that SQS gave it.
    pub id: String,
    /// The message.
    pub body: String,
    /// When it was sent here by who gave it up; or, where SQS moved it, when it was sent at first.
    pub sent_at: Timestamp,
    /// How often it was received before it was given up; where SQS moved it, looks at it are counted, too.
    pub receives: u32,
    /// The code of the failure; none where SQS moved it because it was received too often.
    pub code: Option<String>,
    handle: Held,
    attributes: HashMap<String, MessageAttributeValue>,
    trace: Option<Trace>,
}

/// The right to a letter that was received.
#[derive(Debug, Clone)]
pub struct Held(String);

impl DeadLetterQueues {
    /// Opens the queues; the setting `QUEUES_URL` is the URL of any of them without its name.
    ///
    /// # Errors
    /// [`SetupError`] when the setting, the region or the credentials are missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { client: client(setup)?, meter: setup.meter(), url: setup.text("QUEUES_URL")? })
    }

    /// Gives the dead letters of the queue with this short name.
    #[must_use]
    pub fn of(&self, name: &str) -> DeadLetterQueue {
        let origin = format!("{}{name}", self.url);
        DeadLetterQueue { client: self.client.clone(), meter: self.meter.clone(), url: format!("{origin}-dead-letters"), origin }
    }
}

impl DeadLetterQueue {
    /// Tells how many letters there are, those that somebody holds included (approximate, as SQS says).
    ///
    /// # Errors
    /// [`QueueError`] when SQS does not answer.
    pub async fn depth(&self) -> Result<u64, QueueError> {
        Backlog { client: self.client.clone(), url: self.url.clone(), meter: self.meter.clone() }.messages().await
    }

    /// Receives up to ten letters, in no order, which nobody else is given for a minute; none when there are no more.
    ///
    /// # Errors
    /// [`QueueError`] when SQS does not answer.
    pub async fn receive(&self) -> Result<Vec<DeadLetter>, QueueError> {
        self.meter.request("sqs.ReceiveMessage");
        let request = self.client.receive_message().queue_url(&self.url).max_number_of_messages(10);
        let request = request.visibility_timeout(HELD_SECONDS).wait_time_seconds(WAIT_SECONDS);
        let request = request.message_attribute_names("All").message_system_attribute_names(MessageSystemAttributeName::All);
        let answer = request.send().await.map_err(|error| QueueError::Unavailable(told(&error)))?;
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(letter).collect())
    }

    /// Lets letters be received again at once, as far as SQS takes it: the others come back by themselves.
    ///
    /// # Errors
    /// [`QueueError`] when SQS does not answer.
    pub async fn let_go(&self, held: &[Held]) -> Result<(), QueueError> {
        for ten in held.chunks(MOST_AT_ONCE) {
            let entries = ten.iter().enumerate().map(|(place, Held(handle))| {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(place.to_string());
                entry.receipt_handle(handle).visibility_timeout(0).build()
            });
            let entries = entries.collect::<Result<Vec<_>, _>>().map_err(|error| QueueError::Unavailable(error.to_string()))?;
            self.meter.request("sqs.ChangeMessageVisibilityBatch");
            let request = self.client.change_message_visibility_batch().queue_url(&self.url).set_entries(Some(entries));
            request.send().await.map_err(|error| QueueError::Unavailable(told(&error)))?;
        }
        Ok(())
    }

    /// Sends letters to the queue that they come from and deletes them here; gives those that the queue took.
    ///
    /// # Errors
    /// [`QueueError`] when the queue does not answer; some may have been sent.
    pub async fn send_back(&self, letters: Vec<DeadLetter>) -> Result<Vec<DeadLetter>, QueueError> {
        let mut sent = Vec::with_capacity(letters.len());
        for batch in batches(letters) {
            let entries = batch.iter().enumerate().map(|(place, letter)| sending(place, letter)).collect::<Result<Vec<_>, _>>()?;
            self.meter.request("sqs.SendMessageBatch");
            let request = self.client.send_message_batch().queue_url(&self.origin).set_entries(Some(entries));
            let answer = request.send().await.map_err(|error| QueueError::Unavailable(told(&error)))?;
            let taken: Vec<&str> = answer.successful().iter().map(|entry| entry.id()).collect();
            sent.extend(named(batch, &taken));
        }
        // They are on their way: what is not deleted now comes again, and is sent again.
        let _ = self.delete(sent.clone()).await;
        Ok(sent)
    }

    /// Deletes letters; gives those that are gone.
    ///
    /// # Errors
    /// [`QueueError`] when SQS does not answer; some may be gone.
    pub async fn delete(&self, letters: Vec<DeadLetter>) -> Result<Vec<DeadLetter>, QueueError> {
        let mut gone = Vec::with_capacity(letters.len());
        for batch in batches(letters) {
            let entries = batch.iter().enumerate().map(|(place, letter)| {
                DeleteMessageBatchRequestEntry::builder().id(place.to_string()).receipt_handle(&letter.handle.0).build()
            });
            let entries = entries.collect::<Result<Vec<_>, _>>().map_err(|error| QueueError::Unavailable(error.to_string()))?;
            self.meter.request("sqs.DeleteMessageBatch");
            let request = self.client.delete_message_batch().queue_url(&self.url).set_entries(Some(entries));
            let answer = request.send().await.map_err(|error| QueueError::Unavailable(told(&error)))?;
            let deleted: Vec<&str> = answer.successful().iter().map(|entry| entry.id()).collect();
            gone.extend(named(batch, &deleted));
        }
        Ok(gone)
    }
}

/// Makes the entry that sends a letter as it was: with the attributes that it had before it was given up.
fn sending(place: usize, letter: &DeadLetter) -> Result<SendMessageBatchRequestEntry, QueueError> {
    let is_own = |name: &String| ![CODE, RECEIVES].contains(&name.as_str());
    let attributes: HashMap<_, _> =
        letter.attributes.iter().filter(|(name, _)| is_own(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
    let entry = SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(&letter.body);
    let entry = entry.set_message_attributes(Some(attributes).filter(|attributes| !attributes.is_empty()));
    let entry = entry.set_message_system_attributes(trace_attribute(letter.trace.clone()));
    entry.build().map_err(|error| QueueError::Unavailable(error.to_string()))
}

/// Divides letters into what one request takes: ten of them, and not too large together.
fn batches(letters: Vec<DeadLetter>) -> Vec<Vec<DeadLetter>> {
    let mut batches: Vec<Vec<DeadLetter>> = Vec::new();
    let mut bytes = 0;
    for letter in letters {
        let size = letter.size();
        match batches.last_mut() {
            Some(batch) if batch.len() < MOST_AT_ONCE && bytes + size <= MOST_BYTES => {
                bytes += size;
                batch.push(letter);
            }
            _ => {
                bytes = size;
                batches.push(vec![letter]);
            }
        }
    }
    batches
}

impl DeadLetter {
    /// Keeps of a letter only the right to let it go.
    #[must_use]
    pub fn into_held(self) -> Held {
        self.handle
    }

    /// What SQS counts: body, and names, types and values of attributes.
    fn size(&self) -> usize {
        let of_value = |value: &MessageAttributeValue| {
            value.data_type().len()
                + value.string_value().map_or(0, str::len)
                + value.binary_value().map_or(0, |bytes| bytes.as_ref().len())
        };
        self.body.len() + self.attributes.iter().map(|(name, value)| name.len() + of_value(value)).sum::<usize>()
    }
}

/// Gives those of a batch whose entries SQS named.
fn named(batch: Vec<DeadLetter>, entries: &[&str]) -> impl Iterator<Item = DeadLetter> {
    let is_named = |place: usize| entries.contains(&place.to_string().as_str());
    let named: Vec<bool> = (0..batch.len()).map(is_named).collect();
    batch.into_iter().zip(named).filter(|(_, is_named)| *is_named).map(|(letter, _)| letter)
}

fn letter(message: Message) -> Option<DeadLetter> {
    let attributes = message.message_attributes.unwrap_or_default();
    let of_system = |name| message.attributes.as_ref()?.get(&name).cloned();
    let text = |name: &str| attributes.get(name).and_then(MessageAttributeValue::string_value).map(ToOwned::to_owned);
    let sent_at = of_system(MessageSystemAttributeName::SentTimestamp).and_then(|text| text.parse().ok());
    let receives = text(RECEIVES).or_else(|| of_system(MessageSystemAttributeName::ApproximateReceiveCount));
    Some(DeadLetter {
        id: message.message_id?,
        body: message.body.unwrap_or_default(),
        sent_at: Timestamp::from_millisecond(sent_at.unwrap_or_default()).unwrap_or_default(),
        receives: receives.and_then(|text| text.parse().ok()).unwrap_or_default(),
        code: text(CODE),
        trace: of_system(MessageSystemAttributeName::AwsTraceHeader).and_then(|header| header.parse().ok()),
        handle: Held(message.receipt_handle?),
        attributes,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use aws_sdk_sqs::types::MessageSystemAttributeNameForSends;

    use super::*;

    const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";

    fn attribute(text: &str) -> MessageAttributeValue {
        MessageAttributeValue::builder().data_type("String").string_value(text).build().unwrap()
    }

    fn received(body: &str, attributes: &[(&str, &str)]) -> DeadLetter {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), attribute(value))).collect();
        let message = Message::builder().message_id("one").receipt_handle("handle").body(body).set_message_attributes(Some(attributes));
        let message = message.attributes(MessageSystemAttributeName::SentTimestamp, "1795219200000");
        let message = message.attributes(MessageSystemAttributeName::AwsTraceHeader, TRACE);
        letter(message.attributes(MessageSystemAttributeName::ApproximateReceiveCount, "7").build()).unwrap()
    }

    #[test]
    fn a_letter_tells_why_and_after_how_many_receives_it_was_given_up() {
        let given_up = received("{}", &[("code", "queue.unreadable"), ("receives", "2")]);
        let moved = received("{}", &[]);

        assert_eq!((given_up.code.as_deref(), given_up.receives), (Some("queue.unreadable"), 2));
        assert_eq!((moved.code, moved.receives, moved.sent_at.to_string().as_str()), (None, 7, "2026-11-21T00:00:00Z"));
    }

    #[test]
    fn a_letter_goes_back_as_it_was_before_it_was_given_up() {
        let entry = sending(3, &received("{\"plan\":1}", &[("code", "sending.absent"), ("receives", "1"), ("origin", "a topic")])).unwrap();

        assert_eq!((entry.id(), entry.message_body()), ("3", "{\"plan\":1}"));
        let attributes = entry.message_attributes().unwrap();
        assert_eq!(attributes.keys().collect::<Vec<_>>(), ["origin"]);
        assert_eq!(attributes["origin"].string_value(), Some("a topic"));
        let trace = &entry.message_system_attributes().unwrap()[&MessageSystemAttributeNameForSends::AwsTraceHeader];
        assert_eq!(trace.string_value(), Some(TRACE));
    }

    #[test]
    fn one_request_takes_ten_letters_and_not_more_than_it_may_carry() {
        let small: Vec<_> = (0..23).map(|_| received("x", &[])).collect();
        let large: Vec<_> = (0..5).map(|_| received(&"x".repeat(100 * 1024), &[])).collect();

        let sizes = |letters| batches(letters).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(small), [10, 10, 3]);
        assert_eq!(sizes(large), [2, 2, 1]);
        assert!(batches(Vec::new()).is_empty());
    }

    #[test]
    fn only_the_letters_whose_entries_were_taken_count() {
        let batch = (0..3).map(|place| DeadLetter { id: format!("letter {place}"), ..received("x", &[]) }).collect();

        let taken: Vec<String> = named(batch, &["2", "0"]).map(|letter| letter.id).collect();

        assert_eq!(taken, ["letter 0", "letter 2"]);
    }
}
