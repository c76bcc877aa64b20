//! SQS operations in front of the in-memory queue engine, with every message journalled.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Response;
use rustack_sqs_core::handler::RustackSqsHandler;
use rustack_sqs_core::provider::RustackSqs;
use rustack_sqs_http::body::SqsResponseBody;
use rustack_sqs_http::dispatch::SqsHandler;
use rustack_sqs_http::response::json_response;
use rustack_sqs_model::error::SqsError;
use rustack_sqs_model::input::{
    CreateQueueInput, DeleteMessageBatchInput, DeleteMessageInput, PurgeQueueInput, ReceiveMessageInput, SendMessageBatchInput,
    SendMessageInput,
};
use rustack_sqs_model::operations::SqsOperation;
use rustack_sqs_model::types::SendMessageBatchRequestEntry;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::journal::{Journal, Sent};
use super::{traces, wall_clock};

type Answer = Result<Response<SqsResponseBody>, SqsError>;

/// The engine and its journal.
#[derive(Debug, Clone)]
pub(crate) struct DurableQueues {
    engine: Arc<RustackSqs>,
    journal: Arc<Mutex<Journal>>,
    recovered: Arc<Mutex<BTreeMap<String, Vec<Sent>>>>,
}

impl DurableQueues {
    /// Puts `journal` before `engine`; `recovered` messages are sent again when their queue is created.
    pub(crate) fn new(engine: Arc<RustackSqs>, journal: Journal, recovered: BTreeMap<String, Vec<Sent>>) -> Self {
        Self { engine, journal: Arc::new(Mutex::new(journal)), recovered: Arc::new(Mutex::new(recovered)) }
    }

    async fn create_queue(&self, input: CreateQueueInput) -> Answer {
        let name = input.queue_name.clone();
        let output = self.engine.create_queue(input).await?;
        let waiting = self.recovered.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
        for sent in waiting.unwrap_or_default() {
            self.send_again(sent, output.queue_url.as_deref()).await?;
        }
        answer(&output)
    }

    /// Sends a recovered message again under a new id; a crash in between leaves it twice, never not at all.
    async fn send_again(&self, sent: Sent, queue_url: Option<&str>) -> Result<(), SqsError> {
        let mut input = sent.input;
        input.queue_url = queue_url.unwrap_or_default().to_owned();
        let waited = wall_clock().as_second() - sent.sent_at;
        input.delay_seconds = input.delay_seconds.map(|delay| delay.saturating_sub(i32::try_from(waited).unwrap_or(i32::MAX)).max(0));
        let output = self.engine.send_message(traces::packed(input.clone())).await?;
        self.record(|journal| {
            journal.sent(vec![Sent {
                id: output.message_id.unwrap_or_default(),
                queue: sent.queue,
                sent_at: wall_clock().as_second(),
                input,
            }])?;
            journal.deleted(vec![sent.id])
        })
    }

    async fn send(&self, input: SendMessageInput) -> Answer {
        let output = self.engine.send_message(traces::packed(input.clone())).await?;
        let id = output.message_id.clone().unwrap_or_default();
        self.record(|journal| journal.sent(vec![sent(id, input)]))?;
        answer(&output)
    }

    async fn send_batch(&self, input: SendMessageBatchInput) -> Answer {
        let output = self.engine.send_message_batch(traces::all_packed(input.clone())).await?;
        let mut entries: BTreeMap<String, SendMessageBatchRequestEntry> =
            input.entries.into_iter().map(|entry| (entry.id.clone(), entry)).collect();
        let messages = output.successful.iter().filter_map(|accepted| {
            let entry = entries.remove(&accepted.id)?;
            let input = SendMessageInput {
                queue_url: input.queue_url.clone(),
                message_body: entry.message_body,
                delay_seconds: entry.delay_seconds,
                message_attributes: entry.message_attributes,
                message_system_attributes: entry.message_system_attributes,
                message_deduplication_id: entry.message_deduplication_id,
                message_group_id: entry.message_group_id,
            };
            Some(sent(accepted.message_id.clone(), input))
        });
        let messages = messages.collect();
        self.record(|journal| journal.sent(messages))?;
        answer(&output)
    }

    async fn receive(&self, input: ReceiveMessageInput) -> Answer {
        let wish = traces::Wish::of(&input);
        let mut output = self.engine.receive_message(traces::asked(input)).await?;
        for message in &mut output.messages {
            wish.unpack(message);
        }
        answer(&output)
    }

    async fn delete(&self, input: DeleteMessageInput) -> Answer {
        let id = message_id(&input.receipt_handle);
        let output = self.engine.delete_message(input).await?;
        self.record(|journal| journal.deleted(id.into_iter().collect()))?;
        answer(&output)
    }

    async fn delete_batch(&self, input: DeleteMessageBatchInput) -> Answer {
        let output = self.engine.delete_message_batch(input.clone()).await?;
        let handles: BTreeMap<&str, &str> = input.entries.iter().map(|entry| (entry.id.as_str(), entry.receipt_handle.as_str())).collect();
        let ids = output.successful.iter().filter_map(|deleted| message_id(handles.get(deleted.id.as_str())?)).collect();
        self.record(|journal| journal.deleted(ids))?;
        answer(&output)
    }

    async fn purge(&self, input: PurgeQueueInput) -> Answer {
        let queue = queue_name(&input.queue_url);
        let output = self.engine.purge_queue(input).await?;
        self.record(|journal| journal.purged(&queue))?;
        answer(&output)
    }

    fn record(&self, write: impl FnOnce(&mut Journal) -> io::Result<()>) -> Result<(), SqsError> {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        write(&mut journal).map_err(|error| SqsError::internal_error(format!("the journal of messages cannot be written: {error}")))
    }
}

impl SqsHandler for DurableQueues {
    fn handle_operation(&self, operation: SqsOperation, body: Bytes) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        let queues = self.clone();
        Box::pin(async move {
            match operation {
                SqsOperation::CreateQueue => queues.create_queue(read(&body)?).await,
                SqsOperation::SendMessage => queues.send(read(&body)?).await,
                SqsOperation::SendMessageBatch => queues.send_batch(read(&body)?).await,
                SqsOperation::ReceiveMessage => queues.receive(read(&body)?).await,
                SqsOperation::DeleteMessage => queues.delete(read(&body)?).await,
                SqsOperation::DeleteMessageBatch => queues.delete_batch(read(&body)?).await,
                SqsOperation::PurgeQueue => queues.purge(read(&body)?).await,
                other => RustackSqsHandler::new(queues.engine).handle_operation(other, body).await,
            }
        })
    }
}

fn sent(id: String, input: SendMessageInput) -> Sent {
    Sent { id, queue: queue_name(&input.queue_url), sent_at: wall_clock().as_second(), input }
}

/// The name at the end of a queue URL.
fn queue_name(queue_url: &str) -> String {
    queue_url.rsplit('/').next().unwrap_or_default().to_owned()
}

/// The message id inside a receipt handle of the engine: base64 of `id:time:nonce`.
fn message_id(receipt_handle: &str) -> Option<String> {
    let decoded = String::from_utf8(STANDARD.decode(receipt_handle).ok()?).ok()?;
    Some(decoded.split(':').next()?.to_owned())
}

fn read<Input: DeserializeOwned>(body: &[u8]) -> Result<Input, SqsError> {
    serde_json::from_slice(body).map_err(|error| SqsError::invalid_parameter_value(format!("the request cannot be read: {error}")))
}

fn answer<Output: Serialize>(output: &Output) -> Answer {
    let json = serde_json::to_vec(output).map_err(|error| SqsError::internal_error(error.to_string()))?;
    // The HTTP layer adds the request id to its header.
    Ok(json_response(json, "embedded"))
}
