//! Event source mappings: messages of queues become invocations, as Lambda's pollers do it.
//!
//! Kept from Lambda: long poll, batches with a window, `ReportBatchItemFailures`, the maximum concurrency; what failed stays
//! in the queue until its visibility time-out. Source: AWS Lambda developer guide, "Using Lambda with Amazon SQS".

mod batch;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message};
use carillon_kernel::{Clock, IdSource};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::functions::{Functions, LocalFunction};
use crate::template::model::{QueueSource, Source};

/// The concurrency of a mapping that names none. Lambda would go up to 1,000; one process has no use for that.
const USUAL_CONCURRENCY: u32 = 10;
/// How long a poller rests after a queue could not be read.
const REST: Duration = Duration::from_secs(1);

/// All running pollers.
#[derive(Debug)]
pub struct Pollers {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Pollers {
    /// Starts a poller for every queue of every function.
    ///
    /// # Errors
    /// The name of a queue whose URL cannot be found.
    pub async fn start(functions: &Functions, sqs: &Client, clock: Clock, ids: IdSource) -> Result<Self, String> {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for function in functions.all() {
            for source in &function.description.sources {
                let Source::Queue(source) = source else { continue };
                if !source.enabled {
                    continue;
                }
                let found = sqs.get_queue_url().queue_name(&source.queue).send().await;
                let queue_url = found.ok().and_then(|found| found.queue_url).ok_or_else(|| source.queue.clone())?;
                let poller = Poller {
                    function: Arc::clone(function),
                    source: source.clone(),
                    queue_url,
                    sqs: sqs.clone(),
                    clock: clock.clone(),
                    ids: ids.clone(),
                };
                tasks.spawn(Arc::new(poller).run(stopped.clone()));
            }
        }
        Ok(Self { stop, tasks })
    }

    /// Stops polling, and returns when the running invocations have ended.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

struct Poller {
    function: Arc<LocalFunction>,
    source: QueueSource,
    queue_url: String,
    sqs: Client,
    clock: Clock,
    ids: IdSource,
}

impl Poller {
    async fn run(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let most = self.source.maximum_concurrency.unwrap_or(USUAL_CONCURRENCY);
        let slots = Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(1)));
        let mut invocations = JoinSet::new();
        loop {
            // A slot first: what is received must be handled at once, its visibility time-out runs.
            let next = async {
                let slot = Arc::clone(&slots).acquire_owned().await.ok()?;
                Some((slot, self.next_batch().await))
            };
            let batch = tokio::select! {
                batch = next => batch,
                _ = stopped.wait_for(|stop| *stop) => None,
            };
            let Some((slot, messages)) = batch else { break };
            if !messages.is_empty() {
                invocations.spawn(Arc::clone(&self).handle(messages, slot));
            }
            while invocations.try_join_next().is_some() {}
        }
        while invocations.join_next().await.is_some() {}
    }

    /// Waits for messages, then for more of them until the batch is full or the window over.
    async fn next_batch(&self) -> Vec<Message> {
        let size = usize::try_from(self.source.batch_size).unwrap_or(usize::MAX);
        let mut messages = self.receive(size, batch::LONGEST_POLL).await;
        let opened = tokio::time::Instant::now();
        while !messages.is_empty() && messages.len() < size && batch::has_room(&messages) {
            let left = self.source.batching_window.saturating_sub(opened.elapsed());
            if left.is_zero() {
                break;
            }
            messages.extend(self.receive(size - messages.len(), left.min(batch::LONGEST_POLL)).await);
        }
        messages
    }

    async fn receive(&self, most: usize, wait: Duration) -> Vec<Message> {
        let most = i32::try_from(most.min(10)).unwrap_or(10);
        // A poll waits for whole seconds, so a window may last up to a second longer.
        let wait = i32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(0);
        let request = batch::wanting_all(self.sqs.receive_message()).queue_url(&self.queue_url);
        match request.max_number_of_messages(most).wait_time_seconds(wait).send().await {
            Ok(received) => received.messages.unwrap_or_default(),
            Err(error) => {
                tracing::warn!(?error, queue = self.source.queue, "a queue could not be read");
                tokio::time::sleep(REST).await;
                Vec::new()
            }
        }
    }

    async fn handle(self: Arc<Self>, messages: Vec<Message>, _slot: OwnedSemaphorePermit) {
        let request_id = self.ids.uuid(self.clock.now()).to_string();
        let event = batch::event(&messages, &self.source.queue);
        let failed = match self.function.call(event, request_id).await {
            Ok(answer) => self.failed(&answer),
            Err(error) => {
                tracing::error!(%error, function = self.function.description.name, "a batch failed");
                None
            }
        };
        if let Some(failed) = failed {
            self.delete(messages.iter().filter(|message| !message.message_id().is_some_and(|id| failed.contains(id)))).await;
        }
    }

    /// The ids that failed; none means that the whole batch did.
    fn failed(&self, answer: &Value) -> Option<BTreeSet<String>> {
        if self.source.reports_item_failures { batch::failures(answer) } else { Some(BTreeSet::new()) }
    }

    async fn delete(&self, done: impl Iterator<Item = &Message>) {
        let handles: Vec<&str> = done.filter_map(Message::receipt_handle).collect();
        for chunk in handles.chunks(10) {
            let entries = chunk
                .iter()
                .enumerate()
                .map(|(index, handle)| DeleteMessageBatchRequestEntry::builder().id(index.to_string()).receipt_handle(*handle).build());
            let Ok(entries) = entries.collect::<Result<Vec<_>, _>>() else { continue };
            let deleted = self.sqs.delete_message_batch().queue_url(&self.queue_url).set_entries(Some(entries)).send().await;
            if let Err(error) = deleted {
                tracing::warn!(?error, queue = self.source.queue, "handled messages could not be deleted and will come again");
            }
        }
    }
}
