//! Runs a consumer: reads each message, lets the function handle it, and answers with the ones that must come again.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;
use carillon_kernel::{Clock, Failure, Kind, Setup, SetupError};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::entry::{BoxFuture, Invocation, Invoke};
use crate::event::{QueueEvent, QueueRecord};
use crate::function::{BatchFunction, Delivery, QueueFunction};
use crate::log::{self, Span, Traces};

struct Consumer<F> {
    function: F,
    frame: Frame,
}

struct Folder<F> {
    function: F,
    frame: Frame,
}

/// What all consumers share, without their types.
struct Frame {
    journal: log::Journal,
    clock: Clock,
    dead_letters: DeadLetters,
}

/// The queue for messages that no retry can help.
struct DeadLetters {
    client: Client,
    url: String,
}

impl Frame {
    fn from_setup(setup: &Setup, name: &'static str) -> Result<Self, SetupError> {
        let config = carillon_aws::config(setup, "SQS")?;
        let endpoint = carillon_aws::endpoint(setup, "SQS").unwrap_or_default();
        let client = setup.shared(&endpoint, || Client::new(&config));
        Ok(Self {
            journal: log::Journal::from_setup(setup, name),
            clock: setup.clock(),
            dead_letters: DeadLetters { client, url: setup.text("DEAD_LETTERS_QUEUE_URL")? },
        })
    }

    /// Opens the line of an invocation.
    fn open(&self, records: &[QueueRecord], invocation: Invocation) -> Span<'_> {
        let traces = Traces::of(records.iter().filter_map(QueueRecord::trace), invocation.trace);
        self.journal.open(&invocation.request_id, invocation.remaining, traces)
    }

    fn delivery(&self, record: Option<&QueueRecord>, remaining: Duration) -> Delivery {
        Delivery { moment: self.clock.now(), receives: record.map_or(1, QueueRecord::receives), remaining }
    }

    /// Settles one message: true when it must come again.
    async fn must_come_again(&self, record: &QueueRecord, outcome: Result<(), Failure>) -> bool {
        let Err(failure) = outcome else { return false };
        self.journal.message_failed(record, &failure);
        // A conflict is another worker's doing: the next look finds what it left.
        if failure.is_retryable() || failure.kind == Kind::Conflict {
            return true;
        }
        // When the dead letters do not take it, the queue's own redrive will.
        self.dead_letters.put(record, &failure).await.is_err()
    }
}

impl DeadLetters {
    async fn put(&self, record: &QueueRecord, failure: &Failure) -> Result<(), String> {
        let attribute = |kind: &str, text: String| {
            MessageAttributeValue::builder().data_type(kind).string_value(text).build().map_err(|error| error.to_string())
        };
        let request = self.client.send_message().queue_url(&self.url).message_body(&record.body);
        let request = request.message_attributes("code", attribute("String", failure.code.to_owned())?);
        let request = request.message_attributes("receives", attribute("Number", record.receives().to_string())?);
        let request = request.set_message_system_attributes(carillon_queue::trace_attribute(record.trace()));
        request.send().await.map(|_| ()).map_err(|error| error.to_string())
    }
}

pub(crate) fn build<F: QueueFunction>(setup: &Setup) -> Result<Box<dyn Invoke>, SetupError> {
    Ok(Box::new(Consumer { function: F::build(setup)?, frame: Frame::from_setup(setup, F::NAME)? }))
}

pub(crate) fn build_batch<F: BatchFunction>(setup: &Setup) -> Result<Box<dyn Invoke>, SetupError> {
    Ok(Box::new(Folder { function: F::build(setup)?, frame: Frame::from_setup(setup, F::NAME)? }))
}

impl<F: QueueFunction> Invoke for Consumer<F> {
    fn invoke(&self, event: Value, invocation: Invocation) -> BoxFuture<'_, Result<Value, String>> {
        Box::pin(async move {
            let (records, remaining) = (records(event)?, invocation.remaining);
            let span = self.frame.open(&records, invocation);
            // The messages of an invocation are handled at the same time: they wait for the network, not for each other.
            let handled = futures::future::join_all(records.iter().map(|record| {
                let span = &span;
                let delivery = self.frame.delivery(Some(record), remaining);
                async move {
                    let outcome = match read::<F::Message>(record) {
                        Ok(message) => span.run_for(record.trace(), self.function.handle(message, delivery)).await,
                        Err(failure) => Err(failure),
                    };
                    self.frame.must_come_again(record, outcome).await
                }
            }));
            let failed = handled.await;
            span.close_queue(records.len(), failed.iter().filter(|again| **again).count());
            Ok(answer(records.iter().zip(failed)))
        })
    }
}

impl<F: BatchFunction> Invoke for Folder<F> {
    fn invoke(&self, event: Value, invocation: Invocation) -> BoxFuture<'_, Result<Value, String>> {
        Box::pin(async move {
            let (records, remaining) = (records(event)?, invocation.remaining);
            let span = self.frame.open(&records, invocation);
            let mut outcomes: Vec<Option<Result<(), Failure>>> = Vec::with_capacity(records.len());
            let mut messages = Vec::with_capacity(records.len());
            for record in &records {
                match read::<F::Message>(record) {
                    Ok(message) => {
                        messages.push(message);
                        outcomes.push(None);
                    }
                    Err(failure) => outcomes.push(Some(Err(failure))),
                }
            }
            let delivery = self.frame.delivery(None, remaining);
            let mut folded = span.run(self.function.handle_all(messages, delivery)).await.into_iter();
            let mut failed = Vec::with_capacity(records.len());
            for (record, outcome) in records.iter().zip(outcomes) {
                let unanswered = || Err(Failure::new(Kind::Internal, "queue.unanswered", "the function gave no result for a message"));
                let outcome = outcome.or_else(|| folded.next()).unwrap_or_else(unanswered);
                failed.push(self.frame.must_come_again(record, outcome).await);
            }
            span.close_queue(records.len(), failed.iter().filter(|again| **again).count());
            Ok(answer(records.iter().zip(failed)))
        })
    }
}

fn records(event: Value) -> Result<Vec<QueueRecord>, String> {
    serde_json::from_value::<QueueEvent>(event).map(|event| event.records).map_err(|error| format!("not an event of SQS: {error}"))
}

fn read<M: DeserializeOwned>(record: &QueueRecord) -> Result<M, Failure> {
    serde_json::from_str(&record.body)
        .map_err(|error| Failure::new(Kind::Unreadable, "queue.unreadable", format!("the message cannot be read: line {}", error.line())))
}

/// Writes the answer that makes SQS give the failed messages again.
fn answer<'a>(handled: impl Iterator<Item = (&'a QueueRecord, bool)>) -> Value {
    let failures: Vec<Value> =
        handled.filter(|(_, again)| *again).map(|(record, _)| json!({ "itemIdentifier": record.message_id })).collect();
    json!({ "batchItemFailures": failures })
}
