//! Pollers on the embedded SQS, with functions that tell what they get.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use carillon_harness::entry::BoxFuture;
use carillon_harness::{Invocation, Invoke};
use serde_json::json;
use tokio::sync::mpsc;

use super::*;
use crate::embedded::{Clients, Embedded};
use crate::template::model::Function;

/// Tells the bodies of each batch, and reports each message whose body is `fail`.
struct Teller(mpsc::UnboundedSender<Vec<String>>);

impl Invoke for Teller {
    fn invoke(&self, event: Value, _: Invocation) -> BoxFuture<'_, Result<Value, String>> {
        Box::pin(async move {
            let records = event["Records"].as_array().unwrap().clone();
            let body = |record: &Value| record["body"].as_str().unwrap().to_owned();
            let failed = records.iter().filter(|record| body(record) == "fail");
            let failed: Vec<_> = failed.map(|record| json!({ "itemIdentifier": record["messageId"] })).collect();
            self.0.send(records.iter().map(body).collect()).unwrap();
            Ok(json!({ "batchItemFailures": failed }))
        })
    }
}

struct Running {
    embedded: Embedded,
    pollers: Pollers,
    sqs: Client,
    queue_url: String,
    told: mpsc::UnboundedReceiver<Vec<String>>,
}

async fn running(folder: &Path, source: QueueSource) -> Running {
    let embedded = Embedded::start(folder).await.unwrap();
    let sqs = Clients::connect(&embedded.endpoints()).sqs;
    let create = sqs.create_queue().queue_name("work");
    let create = create.attributes(aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout, "1");
    let queue_url = create.send().await.unwrap().queue_url.unwrap();
    let function = Function {
        file: PathBuf::new(),
        logical_id: "Tell".to_owned(),
        name: "tell".to_owned(),
        physical_name: "tell".to_owned(),
        alias: None,
        code_uri: "tell".to_owned(),
        handler: "bootstrap".to_owned(),
        memory_mb: 128,
        timeout: Duration::from_secs(3),
        reserved_concurrency: None,
        environment: BTreeMap::new(),
        policies: Value::Null,
        sources: vec![Source::Queue(source)],
    };
    let (teller, told) = mpsc::unbounded_channel();
    let functions = Functions::of(vec![LocalFunction::new(function, Arc::new(Teller(teller)))]);
    let pollers = Pollers::start(&functions, &sqs, Clock::system(), IdSource::seeded(1)).await.unwrap();
    Running { embedded, pollers, sqs, queue_url, told }
}

fn source() -> QueueSource {
    QueueSource {
        queue: "work".to_owned(),
        batch_size: 10,
        batching_window: Duration::ZERO,
        reports_item_failures: true,
        maximum_concurrency: Some(2),
        enabled: true,
    }
}

async fn send(running: &Running, body: &str) {
    running.sqs.send_message().queue_url(&running.queue_url).message_body(body).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_reported_comes_again_and_one_that_is_not_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = running(folder.path(), source()).await;

    send(&running, "good").await;
    send(&running, "fail").await;

    let mut bodies = Vec::new();
    while bodies.iter().filter(|body| *body == "fail").count() < 3 {
        bodies.extend(running.told.recv().await.unwrap());
    }
    assert_eq!(bodies.iter().filter(|body| *body == "good").count(), 1);
    running.pollers.stop().await;
    running.embedded.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_gathers_more_messages_than_one_receive_gives() {
    let folder = tempfile::tempdir().unwrap();
    let wide = QueueSource { batch_size: 25, batching_window: Duration::from_secs(5), ..source() };
    let mut running = running(folder.path(), wide).await;

    for number in 0..25 {
        send(&running, &number.to_string()).await;
    }

    let batch = running.told.recv().await.unwrap();
    assert_eq!(batch.len(), 25);
    running.pollers.stop().await;
    running.embedded.stop().await;
}

#[test]
fn an_answer_without_failures_is_a_success_and_a_broken_one_fails_the_batch() {
    assert_eq!(batch::failures(&Value::Null), Some(BTreeSet::new()));
    assert_eq!(batch::failures(&json!({ "batchItemFailures": null })), Some(BTreeSet::new()));
    assert_eq!(batch::failures(&json!({ "batchItemFailures": [{ "itemIdentifier": "a" }] })), Some(["a".to_owned()].into()));
    assert_eq!(batch::failures(&json!({ "batchItemFailures": [{ "itemIdentifier": "" }] })), None);
    assert_eq!(batch::failures(&json!({ "batchItemFailures": [{ "other": "a" }] })), None);
}
