//! SQS: the crates `rustack-sqs-core` and `rustack-sqs-http` behind a journal.
//!
//! The engine keeps messages in memory only (its snapshots hold queue definitions, no messages). The ledger is the truth
//! and messages are hints, but provider events travel in messages too, so a [journal](super::journal) keeps them: after
//! a restart each undeleted message comes again as soon as its queue is created. What the journal does not keep: receive
//! counts, visibility time-outs, and moves to dead letters; such a message starts anew in the queue that it was sent to.
//! That is inside what a standard queue may do: deliver at least once, in any order.

use std::path::Path;
use std::sync::Arc;

use rustack_sqs_core::config::SqsConfig;
use rustack_sqs_core::provider::RustackSqs;
use rustack_sqs_http::service::{SqsHttpConfig, SqsHttpService};

use super::durable_queues::DurableQueues;
use super::journal::Journal;
use super::server::{Server, accept, bind};
use super::{ACCOUNT_ID, EmbeddedError, REGION, wall_clock};

/// The running SQS server.
#[derive(Debug)]
pub struct Sqs {
    server: Server,
    engine: Arc<RustackSqs>,
}

impl Sqs {
    /// Starts the server on `port` (0 takes any free one), with its journal in `folder`.
    ///
    /// # Errors
    /// Fails when the journal cannot be opened or the port cannot be bound.
    pub async fn start(folder: &Path, port: u16) -> Result<Self, EmbeddedError> {
        std::fs::create_dir_all(folder).map_err(EmbeddedError::at(folder))?;
        let file = folder.join("messages.journal");
        let (journal, recovered) = Journal::open(&file, wall_clock().as_second()).map_err(EmbeddedError::at(&file))?;
        let (listener, address) = bind(port).await?;
        let engine = Arc::new(RustackSqs::new(SqsConfig {
            skip_signature_validation: true,
            default_region: REGION.to_owned(),
            account_id: ACCOUNT_ID.to_owned(),
            host: address.ip().to_string(),
            port: address.port(),
        }));
        let handler = DurableQueues::new(Arc::clone(&engine), journal, recovered);
        let service = SqsHttpService::new(Arc::new(handler), SqsHttpConfig::default());
        let server = Server::spawn(address, |stopped| accept(listener, service, stopped));
        Ok(Self { server, engine })
    }

    /// Returns the base URL of the server.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// Stops the server; running long polls are cut off after a moment.
    pub async fn stop(self) {
        self.server.stop().await;
        self.engine.shutdown_all().await;
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::{
        MessageSystemAttributeName, MessageSystemAttributeNameForSends, MessageSystemAttributeValue, QueueAttributeName,
        SendMessageBatchRequestEntry,
    };

    use super::*;
    use crate::embedded::{Clients, Endpoints};

    async fn started(folder: &Path) -> (Sqs, aws_sdk_sqs::Client) {
        let server = Sqs::start(folder, 0).await.unwrap();
        let clients = Clients::connect(&Endpoints { dynamodb: String::new(), sqs: server.endpoint(), s3: String::new() });
        (server, clients.sqs)
    }

    async fn create(client: &aws_sdk_sqs::Client, name: &str) -> String {
        let created = client.create_queue().queue_name(name).send().await.unwrap();
        created.queue_url.unwrap()
    }

    async fn receive(client: &aws_sdk_sqs::Client, url: &str) -> Vec<aws_sdk_sqs::types::Message> {
        let received = client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            .wait_time_seconds(1)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .unwrap();
        received.messages.unwrap_or_default()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn messages_that_were_not_deleted_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (server, client) = started(folder.path()).await;
        let url = create(&client, "work").await;
        let batch = ["first", "second"].map(|body| SendMessageBatchRequestEntry::builder().id(body).message_body(body).build().unwrap());
        client.send_message_batch().queue_url(&url).set_entries(Some(batch.to_vec())).send().await.unwrap();
        for message in receive(&client, &url).await {
            if message.body() == Some("first") {
                client.delete_message().queue_url(&url).receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
            }
        }

        server.stop().await;
        let (server, client) = started(folder.path()).await;
        let url = create(&client, "work").await;

        let left = receive(&client, &url).await;
        let bodies: Vec<_> = left.iter().filter_map(|message| message.body()).collect();
        assert_eq!(bodies, ["second"]);
        server.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_trace_of_a_message_goes_along_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let (server, client) = started(folder.path()).await;
        let url = create(&client, "work").await;
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
        let trace = MessageSystemAttributeValue::builder().data_type("String").string_value(header).build().unwrap();
        let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
        let batched = SendMessageBatchRequestEntry::builder().id("b").message_body("batched");
        let batched = batched.message_system_attributes(name.clone(), trace.clone()).build().unwrap();

        client.send_message().queue_url(&url).message_body("one").message_system_attributes(name, trace).send().await.unwrap();
        client.send_message_batch().queue_url(&url).entries(batched).send().await.unwrap();

        let mut received = receive(&client, &url).await;
        received.extend(receive(&client, &url).await);
        for message in &received {
            let system = message.attributes().unwrap();
            assert_eq!(system.get(&MessageSystemAttributeName::AwsTraceHeader).map(String::as_str), Some(header));
            assert_eq!(message.message_attributes(), None, "it is none of the sender's own attributes");
        }
        assert_eq!(received.len(), 2);
        server.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_message_received_too_often_goes_to_the_dead_letters() {
        let folder = tempfile::tempdir().unwrap();
        let (server, client) = started(folder.path()).await;
        let dead_letters = create(&client, "work-dead").await;
        let policy = format!(r#"{{"deadLetterTargetArn":"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:work-dead","maxReceiveCount":1}}"#);
        let url = client
            .create_queue()
            .queue_name("work")
            .attributes(QueueAttributeName::RedrivePolicy, policy)
            .attributes(QueueAttributeName::VisibilityTimeout, "0")
            .send()
            .await
            .unwrap()
            .queue_url
            .unwrap();
        client.send_message().queue_url(&url).message_body("poison").send().await.unwrap();

        assert_eq!(receive(&client, &url).await.len(), 1);
        assert!(receive(&client, &url).await.is_empty());

        let dead = receive(&client, &dead_letters).await;
        assert_eq!(dead.first().and_then(|message| message.body()), Some("poison"));
        server.stop().await;
    }
}
