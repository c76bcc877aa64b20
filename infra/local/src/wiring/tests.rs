//! The fixture's deployment in embedded servers.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sqs::types::QueueAttributeName;

use super::{WiringError, create};
use crate::embedded::{Clients, Embedded};
use crate::template::fixtures::{Fixture, ROOT, WORK};

async fn queue_url(clients: &Clients) -> String {
    let found = clients.sqs.get_queue_url().queue_name("carillon-work").send().await;
    found.unwrap().queue_url.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_finds_tables_queues_and_buckets_with_their_contents() {
    let folder = tempfile::tempdir().unwrap();
    let deployment = Fixture::new(ROOT, WORK).read().unwrap();
    let embedded = Embedded::start(folder.path()).await.unwrap();
    let clients = create(&deployment, &embedded).await.unwrap();
    let put = clients.dynamodb.put_item().table_name("carillon-ledger");
    let item = put.item("pk", AttributeValue::S("a".to_owned())).item("sk", AttributeValue::S("b".to_owned()));
    item.send().await.unwrap();
    let put = clients.s3.put_object().bucket("carillon-uploads").key("kept");
    put.body(ByteStream::from_static(b"kept")).send().await.unwrap();
    let send = clients.sqs.send_message().queue_url(queue_url(&clients).await);
    send.message_body("kept").send().await.unwrap();

    embedded.stop().await;
    let embedded = Embedded::start(folder.path()).await.unwrap();
    let clients = create(&deployment, &embedded).await.unwrap();

    let query = clients.dynamodb.query().table_name("carillon-ledger").key_condition_expression("pk = :pk");
    let found = query.expression_attribute_values(":pk", AttributeValue::S("a".to_owned())).send().await;
    assert_eq!(found.unwrap().count, 1);
    let kept = clients.s3.head_object().bucket("carillon-uploads").key("kept").send().await;
    assert_eq!(kept.unwrap().content_length, Some(4));
    let received = clients.sqs.receive_message().queue_url(queue_url(&clients).await).wait_time_seconds(5);
    let messages = received.send().await.unwrap().messages.unwrap();
    assert_eq!(messages[0].body(), Some("kept"));
    embedded.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_has_its_attributes_and_dead_letters() {
    let folder = tempfile::tempdir().unwrap();
    let deployment = Fixture::new(ROOT, WORK).read().unwrap();
    let embedded = Embedded::start(folder.path()).await.unwrap();

    let clients = create(&deployment, &embedded).await.unwrap();

    let request = clients.sqs.get_queue_attributes().queue_url(queue_url(&clients).await);
    let found = request.attribute_names(QueueAttributeName::All).send().await.unwrap();
    let attribute = |name: QueueAttributeName| found.attributes().unwrap().get(&name).unwrap().clone();
    assert_eq!(attribute(QueueAttributeName::VisibilityTimeout), "60");
    assert_eq!(attribute(QueueAttributeName::MessageRetentionPeriod), "1209600");
    let policy: serde_json::Value = serde_json::from_str(&attribute(QueueAttributeName::RedrivePolicy)).unwrap();
    assert_eq!(policy["maxReceiveCount"], 5);
    assert_eq!(policy["deadLetterTargetArn"], "arn:aws:sqs:us-east-1:000000000000:carillon-WorkDeadLetters");
    embedded.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_object_is_told_to_the_queue_that_wants_its_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let deployment = Fixture::new(ROOT, WORK).read().unwrap();
    let embedded = Embedded::start(folder.path()).await.unwrap();
    let clients = create(&deployment, &embedded).await.unwrap();

    for key in ["other/one", "events/two"] {
        let put = clients.s3.put_object().bucket("carillon-uploads").key(key);
        put.body(ByteStream::from_static(b"four")).send().await.unwrap();
    }

    let receive = clients.sqs.receive_message().queue_url(queue_url(&clients).await);
    let received = receive.max_number_of_messages(10).wait_time_seconds(1).send().await.unwrap();
    let bodies: Vec<serde_json::Value> =
        received.messages().iter().map(|message| serde_json::from_str(message.body().unwrap()).unwrap()).collect();
    assert_eq!(bodies.len(), 1);
    assert_eq!(bodies[0]["Records"][0]["s3"]["object"]["key"], "events/two");
    embedded.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_whose_keys_changed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let deployment = Fixture::new(ROOT, WORK).read().unwrap();
    let embedded = Embedded::start(folder.path()).await.unwrap();
    create(&deployment, &embedded).await.unwrap();

    let changed = Fixture::new(&ROOT.replace("IndexName: by-due", "IndexName: by-time"), WORK);
    let refused = create(&changed.read().unwrap(), &embedded).await.unwrap_err();

    assert!(matches!(refused, WiringError::Changed(table) if table == "carillon-ledger"));
    embedded.stop().await;
}
