//! Requests through the gateway to a function that shows its event.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use carillon_harness::entry::BoxFuture;
use carillon_harness::{Invocation, Invoke};
use serde_json::json;

use super::*;
use crate::functions::LocalFunction;
use crate::template::model::Function;

/// Answers with its event, or not at all where the body says so.
struct Echo;

impl Invoke for Echo {
    fn invoke(&self, event: Value, _: Invocation) -> BoxFuture<'_, Result<Value, String>> {
        Box::pin(async move {
            match event["body"].as_str() {
                Some("hang") => std::future::pending().await,
                Some("fail") => Err("no".to_owned()),
                _ => Ok(json!({
                    "statusCode": 201,
                    "headers": { "content-type": "application/json" },
                    "body": event.to_string(),
                    "isBase64Encoded": false,
                })),
            }
        })
    }
}

fn gateway() -> Gateway {
    let function = Function {
        file: PathBuf::new(),
        logical_id: "Echo".to_owned(),
        name: "echo".to_owned(),
        physical_name: "echo".to_owned(),
        code_uri: "echo".to_owned(),
        handler: "bootstrap".to_owned(),
        memory_mb: 128,
        timeout: Duration::from_secs(3),
        reserved_concurrency: None,
        environment: BTreeMap::new(),
        policies: Value::Null,
        sources: Vec::new(),
    };
    let route = Route {
        method: "POST".to_owned(),
        path: "/v1/things/{id}".to_owned(),
        function: "echo".to_owned(),
        payload_version: "2.0".to_owned(),
    };
    let functions = Functions::of(vec![LocalFunction::new(function, Arc::new(Echo))]);
    Gateway::new(&[route], functions, Clock::system(), IdSource::seeded(1))
}

async fn post(content_type: &str, body: &'static str) -> (u16, Value) {
    let request = Request::post("/v1/things/a?b=c&d").header("host", "api").header("content-type", content_type);
    let request = request.header("x-many", "1").header("X-Many", "2").body(Full::from(body)).unwrap();
    let response = gateway().answer(request, "10.0.0.1".to_owned()).await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_request_becomes_an_event_of_payload_2_0() {
    let (status, event) = post("application/json; charset=utf-8", "{}").await;

    assert_eq!(status, 201);
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "POST /v1/things/{id}");
    assert_eq!(event["rawPath"], "/v1/things/a");
    assert_eq!(event["rawQueryString"], "b=c&d");
    assert_eq!(event["headers"]["x-many"], "1,2");
    assert_eq!(event["pathParameters"]["id"], "a");
    assert_eq!(event["requestContext"]["http"]["method"], "POST");
    assert_eq!(event["requestContext"]["http"]["sourceIp"], "10.0.0.1");
    assert_eq!(event["requestContext"]["domainName"], "api");
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("{}"), &json!(false)));
}

#[tokio::test]
async fn a_form_comes_in_base_64() {
    let (_, event) = post("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click").await;

    assert_eq!(event["isBase64Encoded"], true);
    let body = STANDARD.decode(event["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, b"List-Unsubscribe=One-Click");
}

#[tokio::test(start_paused = true)]
async fn a_function_that_fails_or_hangs_is_an_internal_error_without_details() {
    for body in ["fail", "hang"] {
        let (status, answer) = post("text/plain", body).await;

        assert_eq!(status, 500);
        assert_eq!(answer, json!({ "message": "Internal Server Error" }));
    }
}

#[tokio::test]
async fn an_unknown_path_is_not_found_and_a_body_over_10_mb_is_too_large() {
    let unknown = Request::get("/v1/nothing").body(Full::<Bytes>::default()).unwrap();
    let large = Request::post("/v1/things/a").body(Full::from(vec![b'x'; LARGEST_BODY_BYTES + 1])).unwrap();

    let unknown = gateway().answer(unknown, String::new()).await;
    let large = gateway().answer(large, String::new()).await;

    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
}
