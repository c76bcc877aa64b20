//! Typed queues over SQS: a message type knows its queue, and batches of ten cost one request.

mod dead_letters;

use std::collections::HashMap;
use std::marker::PhantomData;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    MessageSystemAttributeNameForSends, MessageSystemAttributeValue, QueueAttributeName, SendMessageBatchRequestEntry,
};
use carillon_aws::told;
use carillon_contracts::message::QueueMessage;
use carillon_kernel::{Fault, Kind, Meter, Setup, SetupError, Trace};

pub use dead_letters::{DeadLetter, DeadLetterQueue, DeadLetterQueues, Held};

/// The longest delay of a message (SQS quota): 15 minutes.
pub const MAXIMUM_DELAY_SECONDS: u32 = 900;

/// What can go wrong with a queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The queue does not answer or refuses.
    #[error("the queue does not take messages: {0}")]
    Unavailable(String),
    /// The message cannot be written as JSON.
    #[error("the message cannot be written")]
    Message(#[source] serde_json::Error),
}

impl Fault for QueueError {
    fn kind(&self) -> Kind {
        match self {
            Self::Unavailable(_) => Kind::Unavailable,
            Self::Message(_) => Kind::Internal,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "queue.unavailable",
            Self::Message(_) => "queue.message",
        }
    }
}

/// The queue of one message type.
#[derive(Debug)]
pub struct Queue<M> {
    client: Client,
    url: String,
    meter: Meter,
    messages: PhantomData<fn(M)>,
}

impl<M> Clone for Queue<M> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), url: self.url.clone(), meter: self.meter.clone(), messages: PhantomData }
    }
}

impl<M: QueueMessage> Queue<M> {
    /// Opens the queue of the message type.
    ///
    /// # Errors
    /// [`SetupError`] when the queue's setting, the region or the credentials are missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        let url = setup.text(M::QUEUE)?;
        Ok(Self { client: client(setup)?, url, meter: setup.meter(), messages: PhantomData })
    }

    /// Sends one message, to be received at once.
    ///
    /// # Errors
    /// [`QueueError`] when SQS does not take it.
    pub async fn send(&self, message: &M) -> Result<(), QueueError> {
        self.send_after(message, 0).await
    }

    /// Sends one message, to be received after a delay (at most 15 minutes, longer ones are cut).
    ///
    /// # Errors
    /// [`QueueError`] when SQS does not take it.
    pub async fn send_after(&self, message: &M, delay_seconds: u32) -> Result<(), QueueError> {
        send_text(&self.client, &self.meter, &self.url, (write(message)?, delay_seconds)).await
    }

    /// Sends many messages, each with its delay in seconds, ten a request.
    ///
    /// # Errors
    /// [`QueueError`] when SQS does not take one of them; those before it were sent.
    pub async fn send_all(&self, messages: &[(M, u32)]) -> Result<(), QueueError> {
        for ten in messages.chunks(10) {
            let entries = ten.iter().enumerate().map(|(place, (message, delay))| entry(place, write(message)?, *delay));
            let entries = entries.collect::<Result<Vec<_>, QueueError>>()?;
            self.meter.request("sqs.SendMessageBatch");
            let answer = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await;
            let answer = answer.map_err(|error| QueueError::Unavailable(told(&error)))?;
            if let Some(failed) = answer.failed().first() {
                return Err(QueueError::Unavailable(failed.code().to_owned()));
            }
        }
        Ok(())
    }
}

/// Sends texts to queues that are known by their settings only: for the outbox.
#[derive(Debug, Clone)]
pub struct AnyQueue {
    client: Client,
    setup: Setup,
}

impl AnyQueue {
    /// Makes the sender; each queue's setting is read when it is used.
    ///
    /// # Errors
    /// [`SetupError`] when the region or the credentials are missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { client: client(setup)?, setup: setup.clone() })
    }

    /// Sends a message's JSON to the queue that `setting` names.
    ///
    /// # Errors
    /// [`QueueError`] when the setting is missing or SQS does not take it.
    pub async fn send(&self, setting: &str, body: String) -> Result<(), QueueError> {
        let url = self.setup.text(setting).map_err(|error| QueueError::Unavailable(error.to_string()))?;
        send_text(&self.client, &self.setup.meter(), &url, (body, 0)).await
    }
}

/// Asks how much a queue holds.
#[derive(Debug, Clone)]
pub struct Backlog {
    client: Client,
    url: String,
    meter: Meter,
}

impl Backlog {
    /// Opens the queue whose URL the setting holds.
    ///
    /// # Errors
    /// [`SetupError`] when the setting, the region or the credentials are missing.
    pub fn from_setup(setup: &Setup, setting: &str) -> Result<Self, SetupError> {
        Ok(Self { client: client(setup)?, url: setup.text(setting)?, meter: setup.meter() })
    }

    /// Tells how many messages wait, are being worked on, or are delayed (approximate, as SQS says).
    ///
    /// # Errors
    /// [`QueueError`] when SQS does not answer.
    pub async fn messages(&self) -> Result<u64, QueueError> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        self.meter.request("sqs.GetQueueAttributes");
        let request = self.client.get_queue_attributes().queue_url(&self.url).set_attribute_names(Some(names.to_vec()));
        let answer = request.send().await.map_err(|error| QueueError::Unavailable(told(&error)))?;
        Ok(answer.attributes().into_iter().flat_map(|all| all.values()).filter_map(|text| text.parse::<u64>().ok()).sum())
    }
}

async fn send_text(client: &Client, meter: &Meter, url: &str, (body, delay_seconds): (String, u32)) -> Result<(), QueueError> {
    meter.request("sqs.SendMessage");
    let delay = i32::try_from(delay_seconds.min(MAXIMUM_DELAY_SECONDS)).unwrap_or_default();
    let request = client.send_message().queue_url(url).message_body(body).set_delay_seconds((delay > 0).then_some(delay));
    let request = request.set_message_system_attributes(trace_attribute(Trace::current()));
    request.send().await.map(|_| ()).map_err(|error| QueueError::Unavailable(told(&error)))
}

fn entry(place: usize, body: String, delay_seconds: u32) -> Result<SendMessageBatchRequestEntry, QueueError> {
    let delay = i32::try_from(delay_seconds.min(MAXIMUM_DELAY_SECONDS)).unwrap_or_default();
    let entry = SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(body);
    let entry = entry.set_delay_seconds((delay > 0).then_some(delay));
    let entry = entry.set_message_system_attributes(trace_attribute(Trace::current()));
    entry.build().map_err(|error| QueueError::Unavailable(error.to_string()))
}

/// The attribute by which a trace goes along with a message; it costs nothing, and does not count to the message's size
/// (Amazon SQS developer guide, "Message system attributes").
#[must_use]
pub fn trace_attribute(trace: Option<Trace>) -> Option<HashMap<MessageSystemAttributeNameForSends, MessageSystemAttributeValue>> {
    let value = MessageSystemAttributeValue::builder().data_type("String").string_value(trace?.to_string()).build().ok()?;
    Some(HashMap::from([(MessageSystemAttributeNameForSends::AwsTraceHeader, value)]))
}

fn write<M: QueueMessage>(message: &M) -> Result<String, QueueError> {
    serde_json::to_string(message).map_err(QueueError::Message)
}

fn client(setup: &Setup) -> Result<Client, SetupError> {
    let config = carillon_aws::config(setup, "SQS")?;
    let endpoint = carillon_aws::endpoint(setup, "SQS").unwrap_or_default();
    Ok(setup.shared(&endpoint, || Client::new(&config)))
}
