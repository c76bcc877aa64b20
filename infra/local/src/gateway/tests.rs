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
                    "headers": { "content-type": "application/json", "access-control-allow-origin": "*" },
                    "cookies": ["one=1; Path=/", "two=2; Path=/"],
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
        alias: None,
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
    let trace = event["headers"]["x-amzn-trace-id"].as_str().unwrap();
    assert!(trace.parse::<carillon_kernel::Trace>().is_ok(), "{trace}");
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

#[tokio::test]
async fn cookies_and_the_program_have_a_place_of_their_own() {
    let request = Request::post("/v1/things/a").header("cookie", "a=1; b=2").header("cookie", "c=3").header("user-agent", "Bells/1");
    let response = gateway().answer(request.body(Full::<Bytes>::default()).unwrap(), "10.0.0.1".to_owned()).await;

    let set: Vec<_> = response.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned()).collect();
    let event: Value = serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!(set, ["one=1; Path=/", "two=2; Path=/"]);
    assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"]));
    assert_eq!(event["headers"]["cookie"], Value::Null);
    assert_eq!(event["requestContext"]["http"]["userAgent"], "Bells/1");
}

fn cors() -> Cors {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Cors {
        origins: texts(&["https://app.example"]),
        credentials: true,
        methods: texts(&["GET", "POST"]),
        headers: texts(&["content-type", "x-csrf-token"]),
        exposed: texts(&["etag"]),
        max_age_seconds: Some(600),
    }
}

async fn from_origin(method: &str, origin: &str) -> (StatusCode, http::HeaderMap) {
    let request = Request::builder().method(method).uri("/v1/things/a").header("origin", origin);
    let request = request.header("access-control-request-method", "POST").body(Full::<Bytes>::default()).unwrap();
    let response = gateway().with_cors(Some(cors())).answer(request, String::new()).await;
    (response.status(), response.headers().clone())
}

#[tokio::test]
async fn a_preflight_of_a_known_origin_is_answered_without_a_function() {
    let (status, headers) = from_origin("OPTIONS", "https://app.example").await;

    assert_eq!(status, StatusCode::NO_CONTENT);
    let expected = [
        ("access-control-allow-origin", "https://app.example"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET,POST"),
        ("access-control-allow-headers", "content-type,x-csrf-token"),
        ("access-control-max-age", "600"),
        ("vary", "origin"),
    ];
    for (name, value) in expected {
        assert_eq!(headers[name], value, "{name}");
    }
}

#[tokio::test]
async fn an_unknown_origin_is_told_nothing() {
    for origin in ["https://evil.example", "null", "https://app.example.evil.example"] {
        for method in ["OPTIONS", "POST"] {
            let (_, headers) = from_origin(method, origin).await;
            assert!(!headers.keys().any(|name| name.as_str().starts_with("access-control-")), "{method} {origin}: {headers:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_may_be_read_by_a_known_origin_whatever_the_function_says() {
    let (status, headers) = from_origin("POST", "https://app.example").await;

    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(headers["access-control-allow-origin"], "https://app.example");
    assert_eq!(headers["access-control-expose-headers"], "etag");
}
