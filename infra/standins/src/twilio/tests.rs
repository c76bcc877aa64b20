#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, Uri},
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::sign;
use crate::{clock::lock, testing::Stage};

const ACCOUNT: &str = "AC00000000000000000000000000000000";
const TOKEN: &str = "00000000000000000000000000000000";

/// Something that takes callbacks, and checks their signatures.
struct Callbacks {
    url: String,
    forms: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
}

impl Callbacks {
    async fn listen() -> Self {
        let forms = Arc::new(Mutex::new(Vec::new()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/status?campaign=cmp_9&index=3", listener.local_addr().unwrap());
        let (kept, base) = (Arc::clone(&forms), format!("http://{}", listener.local_addr().unwrap()));
        let take = async move |uri: Uri, headers: HeaderMap, body: String| {
            let form: BTreeMap<String, String> = serde_urlencoded::from_str(&body).unwrap();
            let pairs: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let signature = sign(TOKEN, &format!("{base}{uri}"), &pairs);
            if headers["x-twilio-signature"] != signature {
                return StatusCode::FORBIDDEN;
            }
            lock(&kept).push(form);
            StatusCode::NO_CONTENT
        };
        tokio::spawn(axum::serve(listener, Router::new().route("/status", post(take))).into_future());
        Self { url, forms }
    }

    fn all(&self, name: &str) -> Vec<String> {
        lock(&self.forms).iter().map(|form| form.get(name).cloned().unwrap_or_default()).collect()
    }
}

async fn send(stage: &Stage, form: &[(&str, &str)]) -> (StatusCode, Value) {
    let request = Request::post(format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json"))
        .header("authorization", format!("Basic {}", STANDARD.encode(format!("{ACCOUNT}:{TOKEN}"))))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(serde_urlencoded::to_string(form).unwrap()))
        .unwrap();
    let (status, text) = stage.call(request).await;
    (status, serde_json::from_str(&text).unwrap())
}

/// The example of Twilio's Messages resource.
const EXAMPLE: [(&str, &str); 3] = [("From", "+15557122661"), ("To", "+15558675310"), ("Body", "Hi there")];

async fn write_back(stage: &Stage, body: Value) -> Value {
    let request = Request::post("/_twilio/inbound").body(Body::from(body.to_string())).unwrap();
    let (status, text) = stage.call(request).await;
    assert_eq!(status, StatusCode::CREATED, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn a_message_is_accepted_and_its_statuses_are_posted_signed_and_in_order() {
    let (stage, callbacks) = (Stage::open(|_| {}), Callbacks::listen().await);

    let form = [EXAMPLE.as_slice(), &[("StatusCallback", &callbacks.url)]].concat();
    let (status, answer) = send(&stage, &form).await;
    stage.standins.settle().await;

    assert_eq!(status, StatusCode::CREATED);
    let sid = answer["sid"].as_str().unwrap();
    assert!(sid.len() == 34 && sid.starts_with("SM") && sid[2..].bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(answer["status"], "queued");
    assert_eq!(answer["num_segments"], "1");
    assert_eq!(answer["direction"], "outbound-api");
    assert_eq!(answer["error_code"], Value::Null);
    assert_eq!(answer["date_created"], "Tue, 14 Nov 2023 22:13:20 +0000");
    assert_eq!(answer["uri"], format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json"));
    assert_eq!(callbacks.all("MessageStatus"), ["queued", "sent", "delivered"]);
    assert_eq!(callbacks.all("MessageSid"), [sid, sid, sid]);
    let request = Request::get(answer["uri"].as_str().unwrap())
        .header("authorization", format!("Basic {}", STANDARD.encode(format!("{ACCOUNT}:{TOKEN}"))));
    let (_, now) = stage.call(request.body(Body::empty()).unwrap()).await;
    assert_eq!(serde_json::from_str::<Value>(&now).unwrap()["status"], "delivered");
    assert_eq!(stage.get("/_outbox.json?campaign=cmp_9&channel=sms").await["total"], 1);
}

#[tokio::test]
async fn a_messaging_service_accepts_without_a_sender_or_segments() {
    let stage = Stage::open(|_| {});

    let service = "MG0123456789abcdef0123456789abcdef";
    let form = [("MessagingServiceSid", service), ("To", "+15558675310"), ("Body", "Hi")];
    let (status, answer) = send(&stage, &form).await;

    assert_eq!(status, StatusCode::CREATED);
    assert_eq!((&answer["status"], &answer["from"]), (&json!("accepted"), &Value::Null));
    assert_eq!((&answer["num_segments"], &answer["messaging_service_sid"]), (&json!("0"), &json!(service)));
}

#[tokio::test]
async fn errors_have_twilios_codes() {
    let stage = Stage::open(|config| config.twilio.numbers = Some(vec!["+15557122661".into()]));
    let long = "a".repeat(1_601);
    let cases: [(&[(&str, &str)], u32); 8] = [
        (&[("From", "+15557122661"), ("Body", "x")], 21_604),
        (&[("From", "+15557122661"), ("To", "12345"), ("Body", "x")], 21_211),
        (&[("From", "+15557122661"), ("To", "+15558675310")], 21_602),
        (&[("To", "+15558675310"), ("Body", "x")], 21_603),
        (&[("From", "+15550000000"), ("To", "+15558675310"), ("Body", "x")], 21_606),
        (&[("From", "+15557122661"), ("To", "+15005550004"), ("Body", "x")], 21_610),
        (&[("From", "+15557122661"), ("To", "+15558675310"), ("Body", &long)], 21_617),
        (&[("From", "not a number at all"), ("To", "+15558675310"), ("Body", "x")], 21_212),
    ];

    for (form, code) in cases {
        let (status, error) = send(&stage, form).await;
        assert_eq!((status.as_u16(), &error["code"], &error["status"]), (400, &json!(code), &json!(400)));
        assert_eq!(error["more_info"], format!("https://www.twilio.com/docs/errors/{code}"));
    }
    let unknown = Request::post(format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json")).body(Body::empty()).unwrap();
    let (status, error) = stage.call(unknown).await;
    assert_eq!((status.as_u16(), serde_json::from_str::<Value>(&error).unwrap()["code"].clone()), (401, json!(20_003)));
}

#[tokio::test]
async fn a_number_has_a_rate() {
    let stage = Stage::open(|_| {});
    stage.knobs("twilio", json!({"throttle_per_second": 1.0})).await;

    let (first, _) = send(&stage, &EXAMPLE).await;
    let (second, error) = send(&stage, &EXAMPLE).await;

    assert_eq!((first.as_u16(), second.as_u16(), &error["code"]), (201, 429, &json!(20_429)));
}

#[tokio::test]
async fn stop_ends_messages_from_that_number_until_start() {
    let (stage, callbacks) = (Stage::open(|_| {}), Callbacks::listen().await);
    stage.standins.set_inbound_url(callbacks.url.clone());

    let inbound = |body: &str| json!({"from": "+15558675310", "to": "+15557122661", "body": body});
    let received = write_back(&stage, inbound(" stop ")).await;
    assert_eq!(received["answered_status"], 204);
    let (refused, error) = send(&stage, &EXAMPLE).await;
    let (other, _) = send(&stage, &[("From", "+15557122662"), ("To", "+15558675310"), ("Body", "x")]).await;
    let Stage { standins, folder, .. } = stage;
    drop(standins);
    let stage = Stage::open_on(folder, |_| {});
    let (still, _) = send(&stage, &EXAMPLE).await;
    write_back(&stage, inbound("START")).await;
    let (again, _) = send(&stage, &EXAMPLE).await;

    assert_eq!((refused.as_u16(), &error["code"]), (400, &json!(21_610)));
    assert_eq!((other.as_u16(), still.as_u16(), again.as_u16()), (201, 400, 201));
    assert_eq!(callbacks.all("OptOutType"), ["STOP"]);
    assert_eq!(callbacks.all("Body"), [" stop "]);
}

#[tokio::test]
async fn messages_can_fail_and_callbacks_come_twice_and_reordered() {
    let (stage, callbacks) = (Stage::open(|_| {}), Callbacks::listen().await);
    stage
        .knobs(
            "twilio",
            json!({
                "event_duplicate_share": 1.0,
                "event_reorder_share": 1.0,
                "rules": [{"pattern": "+1555867*", "fate": "undelivered"}]
            }),
        )
        .await;

    let form = [EXAMPLE.as_slice(), &[("StatusCallback", &callbacks.url)]].concat();
    let (_, answer) = send(&stage, &form).await;
    stage.standins.settle().await;

    let twice = ["undelivered", "undelivered", "sent", "sent", "queued", "queued"];
    assert_eq!(callbacks.all("MessageStatus"), twice);
    assert_eq!(callbacks.all("ErrorCode")[..2], ["30003", "30003"]);
    let kept = stage.standins.store.find(answer["sid"].as_str().unwrap()).unwrap();
    let Some(crate::Message::Sms(kept)) = kept else { panic!("the message is kept") };
    assert_eq!((kept.status.as_str(), kept.error_code), ("undelivered", Some(30_003)));
}

#[tokio::test]
async fn a_restart_posts_the_statuses_that_a_kill_swallowed() {
    let (stage, callbacks) = (Stage::open(|_| {}), Callbacks::listen().await);
    stage.knobs("twilio", json!({"event_delay_ms": 3_600_000})).await;
    let form = [EXAMPLE.as_slice(), &[("StatusCallback", &callbacks.url)]].concat();
    send(&stage, &form).await;
    let Stage { standins, folder, .. } = stage;
    drop(standins);
    std::fs::write(folder.path().join("faults-twilio.json"), "{}").unwrap();

    let again = Stage::open_on(folder, |_| {});
    again.standins.settle().await;

    assert_eq!(callbacks.all("MessageStatus"), ["queued", "sent", "delivered"]);
    assert_eq!(again.get("/_outbox.json").await["items"][0]["status"], "delivered");
}
