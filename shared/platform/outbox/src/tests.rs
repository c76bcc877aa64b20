#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use carillon_contracts::message::ReleaseRequested;
use carillon_kernel::Clock;
use tokio::net::TcpListener;

use super::*;

/// A table, and a queue that keeps what it takes and refuses bodies that speak of a stoppage.
struct World {
    outbox: Outbox,
    ids: IdSource,
    taken: Arc<Mutex<Vec<String>>>,
}

async fn world() -> World {
    let tables = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let queues = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (tables_url, queues_url) = (url(&tables), url(&queues));
    let taken = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&taken);
    tokio::spawn(dynoxide::server::serve_on(tables, dynoxide::Database::memory().unwrap()));
    tokio::spawn(async move { axum::serve(queues, Router::new().route("/", post(move |body| take(kept.clone(), body)))).await });
    let settings = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL_DYNAMODB", &tables_url),
        ("AWS_ENDPOINT_URL_SQS", &queues_url),
        ("ENTITIES_TABLE", "entities"),
        ("RELEASES_QUEUE_URL", &format!("{queues_url}/000000000000/releases")),
    ];
    let settings: BTreeMap<String, String> = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let setup = Setup::new(Clock::system(), IdSource::seeded(1)).with_settings(settings);
    create_table(&setup).await;
    World { outbox: Outbox::from_setup(&setup).unwrap(), ids: setup.ids(), taken }
}

fn url(listener: &TcpListener) -> String {
    format!("http://{}", listener.local_addr().unwrap())
}

async fn take(taken: Arc<Mutex<Vec<String>>>, body: Bytes) -> Response {
    let request: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let text = request.get("MessageBody").and_then(serde_json::Value::as_str).unwrap().to_owned();
    if text.contains("stoppage") {
        let refused = (StatusCode::BAD_REQUEST, [("x-amzn-errortype", "InvalidMessageContents")], "{}");
        return refused.into_response();
    }
    taken.lock().unwrap().push(text);
    r#"{"MessageId":"1"}"#.into_response()
}

async fn create_table(setup: &Setup) {
    let client = aws_sdk_dynamodb::Client::new(&carillon_aws::config(setup, "DYNAMODB").unwrap());
    let mut request = client.create_table().table_name("entities").billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let text = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap();
        let key = KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
        request = request.attribute_definitions(text).key_schema(key);
    }
    request.send().await.unwrap();
}

impl World {
    async fn commit(&self, reason: &str, moment: Timestamp) -> Ticket {
        let message = ReleaseRequested { reason: reason.to_owned() };
        let (write, ticket) = self.outbox.write(&message, moment, &self.ids).unwrap();
        self.outbox.table.commit(vec![write]).await.unwrap();
        ticket
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

#[tokio::test]
async fn a_dispatched_message_is_sent_once_and_leaves_nothing_to_sweep() {
    let world = world().await;
    let ticket = world.commit("first", at(0)).await;

    world.outbox.dispatch(ticket).await;
    let swept = world.outbox.sweep(at(3600), SWEEP_AGE).await.unwrap();

    assert_eq!(world.taken(), [r#"{"reason":"first"}"#]);
    assert_eq!(swept, 0);
}

#[tokio::test]
async fn a_message_that_a_crash_left_is_swept_when_it_is_old_enough() {
    let world = world().await;
    drop(world.commit("left", at(0)).await);

    let too_early = world.outbox.sweep(at(29), SWEEP_AGE).await.unwrap();
    let due = world.outbox.sweep(at(31), SWEEP_AGE).await.unwrap();
    let again = world.outbox.sweep(at(32), SWEEP_AGE).await.unwrap();

    assert_eq!((too_early, due, again), (0, 1, 0));
    assert_eq!(world.taken(), [r#"{"reason":"left"}"#]);
}

#[tokio::test]
async fn a_message_that_cannot_be_sent_stays_and_does_not_hold_up_the_others() {
    let world = world().await;
    let ticket = world.commit("stoppage", at(0)).await;
    world.outbox.dispatch(ticket).await;
    for number in 1..=20 {
        drop(world.commit(&number.to_string(), at(number)).await);
    }

    let first = world.outbox.sweep(at(3600), SWEEP_AGE).await;
    let second = world.outbox.sweep(at(3600), SWEEP_AGE).await;

    assert!(matches!(first, Err(OutboxError::Queue(_))));
    assert!(matches!(second, Err(OutboxError::Queue(_))), "the message is still there");
    assert_eq!(world.taken().len(), 20);
}

#[test]
fn moments_sort_as_texts() {
    assert!(sort_text(at(0)) < sort_text(Timestamp::from_millisecond(1_700_000_000_001).unwrap()));
    assert!(sort_text(Timestamp::from_millisecond(1_700_000_000_999).unwrap()) < sort_text(at(1)));
}
