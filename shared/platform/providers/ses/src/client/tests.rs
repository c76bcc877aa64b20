#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use carillon_kernel::{Clock, IdSource};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::*;

fn ses(endpoint: &str, time_out: Duration) -> Ses {
    let settings = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        ("AWS_ENDPOINT_URL_SESV2", endpoint),
    ];
    let settings: BTreeMap<String, String> = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Ses::with_time_out(&Setup::new(Clock::system(), IdSource::seeded(1)).with_settings(settings), time_out).unwrap()
}

async fn serve(router: Router) -> Ses {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    ses(&endpoint, TIME_OUT)
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn email(recipients: usize) -> BulkEmail {
    let entry = |number: usize| BulkEntry {
        to: format!("recipient{number}@example.com"),
        data: r#"{"name":"Anna \"Ann\""}"#.to_owned(),
        headers: vec![pair("List-Unsubscribe", "<https://example.com/u/1>")],
        tags: vec![pair("carillon_entry", &number.to_string())],
    };
    BulkEmail {
        from: "Sender <sender@example.com>".to_owned(),
        reply_to: Some("answers@example.com".to_owned()),
        configuration_set: Some("carillon".to_owned()),
        subject: "Greetings, {{{name}}}".to_owned(),
        html: Some("<h1>Hello {{{name}}}</h1>".to_owned()),
        text: Some("Hello {{{name}}}".to_owned()),
        default_data: r#"{"name":"friend"}"#.to_owned(),
        headers: vec![pair("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")],
        tags: vec![pair("carillon_run", "cmp_1")],
        entries: (0..recipients).map(entry).collect(),
    }
}

fn refusal(status: u16, code: &'static str) -> Response {
    (StatusCode::from_u16(status).unwrap(), [("x-amzn-errortype", code)], r#"{"message":"no"}"#).into_response()
}

#[tokio::test]
async fn a_bulk_call_has_the_shape_of_the_api_and_gives_an_outcome_for_each_entry() {
    let seen = Arc::new(Mutex::new(Bytes::new()));
    let kept = Arc::clone(&seen);
    let answer = json!({ "BulkEmailEntryResults": [
        { "Status": "SUCCESS", "MessageId": "0100018c-1" },
        { "Status": "ACCOUNT_THROTTLED", "Error": "Maximum sending rate exceeded." },
    ]});
    let router = Router::new().route(
        "/v2/email/outbound-bulk-emails",
        post(move |body: Bytes| async move {
            *kept.lock().unwrap() = body;
            answer.to_string()
        }),
    );

    let outcomes = serve(router).await.send_bulk(email(2)).await.unwrap();

    assert_eq!(outcomes, [EntryOutcome::Accepted { message_id: "0100018c-1".to_owned() }, EntryOutcome::Throttled]);
    let body = seen.lock().unwrap().clone();
    let sent: Value = serde_json::from_slice(&body).unwrap();
    let template = &sent["DefaultContent"]["Template"];
    let entry = &sent["BulkEmailEntries"][1];
    assert_eq!(sent["FromEmailAddress"], "Sender <sender@example.com>");
    assert_eq!(sent["ReplyToAddresses"], json!(["answers@example.com"]));
    assert_eq!(sent["ConfigurationSetName"], "carillon");
    assert_eq!(sent["DefaultEmailTags"], json!([{ "Name": "carillon_run", "Value": "cmp_1" }]));
    assert_eq!(template["TemplateContent"]["Subject"], "Greetings, {{{name}}}");
    assert_eq!(template["TemplateContent"]["Html"], "<h1>Hello {{{name}}}</h1>");
    assert_eq!(template["TemplateContent"]["Text"], "Hello {{{name}}}");
    assert_eq!(template["TemplateData"], r#"{"name":"friend"}"#);
    assert_eq!(template["Headers"], json!([{ "Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click" }]));
    assert_eq!(entry["Destination"]["ToAddresses"], json!(["recipient1@example.com"]));
    assert_eq!(entry["ReplacementEmailContent"]["ReplacementTemplate"]["ReplacementTemplateData"], r#"{"name":"Anna \"Ann\""}"#);
    assert_eq!(entry["ReplacementHeaders"], json!([{ "Name": "List-Unsubscribe", "Value": "<https://example.com/u/1>" }]));
    assert_eq!(entry["ReplacementTags"], json!([{ "Name": "carillon_entry", "Value": "1" }]));
    assert!((body.len()..body.len() * 2).contains(&email(2).estimate_size()), "{} of {}", email(2).estimate_size(), body.len());
}

#[tokio::test]
async fn an_answer_with_too_few_results_is_in_doubt() {
    let answer = json!({ "BulkEmailEntryResults": [{ "Status": "SUCCESS", "MessageId": "1" }] }).to_string();
    let router = Router::new().route("/v2/email/outbound-bulk-emails", post(|| async { answer }));

    let failure = serve(router).await.send_bulk(email(2)).await.unwrap_err();

    assert!(matches!(failure, CallFailure::InDoubt { .. }));
}

#[tokio::test]
async fn a_refusal_says_that_nothing_was_sent() {
    let router = Router::new().route("/v2/email/outbound-bulk-emails", post(|| async { refusal(400, "MessageRejected") }));

    let failure = serve(router).await.send_bulk(email(1)).await.unwrap_err();

    assert_eq!(failure, CallFailure::Refused { code: "MessageRejected".to_owned(), retryable: false });
}

#[tokio::test]
async fn an_error_of_the_server_is_in_doubt_and_the_call_is_not_repeated() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let router = Router::new().route(
        "/v2/email/outbound-bulk-emails",
        post(move || async move {
            counter.fetch_add(1, Ordering::SeqCst);
            refusal(500, "InternalFailure")
        }),
    );

    let failure = serve(router).await.send_bulk(email(1)).await.unwrap_err();

    assert_eq!(failure, CallFailure::InDoubt { cause: "server error" });
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_was_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);

    let failure = ses(&endpoint, TIME_OUT).send_bulk(email(1)).await.unwrap_err();

    assert_eq!(failure, CallFailure::Refused { code: "connection_failed".to_owned(), retryable: true });
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_is_in_doubt() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"]}") {
            connection.read_buf(&mut seen).await.unwrap();
        }
    });

    let failure = ses(&endpoint, TIME_OUT).send_bulk(email(1)).await.unwrap_err();

    assert_eq!(failure, CallFailure::InDoubt { cause: "broken connection" });
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_in_doubt() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());

    let failure = ses(&endpoint, Duration::from_millis(50)).send_bulk(email(1)).await.unwrap_err();

    assert_eq!(failure, CallFailure::InDoubt { cause: "time-out" });
    drop(listener);
}

/// The example of the API reference of `GetAccount`, cut to what is read.
#[tokio::test]
async fn the_account_tells_its_quota() {
    let answer = json!({ "SendingEnabled": true, "SendQuota": { "Max24HourSend": 50000.0, "MaxSendRate": 14.0, "SentLast24Hours": 20.0 } });
    let unlimited =
        json!({ "SendingEnabled": false, "SendQuota": { "Max24HourSend": -1.0, "MaxSendRate": 200.0, "SentLast24Hours": 0.0 } });
    let serve_text = |text: String| serve(Router::new().route("/v2/email/account", get(|| async { text })));

    let limited = serve_text(answer.to_string()).await.account().await.unwrap();
    let unlimited = serve_text(unlimited.to_string()).await.account().await.unwrap();

    assert_eq!(limited, Account { max_send_rate: 14.0, max_24_hour: Some(50_000.0), sent_24_hour: 20.0, sending_enabled: true });
    assert_eq!((unlimited.max_24_hour, unlimited.sending_enabled), (None, false));
}

#[tokio::test]
async fn an_address_is_verified_through_its_domain_or_one_above() {
    let identity = |Path(name): Path<String>| async move {
        match name.as_str() {
            "example.com" => json!({ "VerifiedForSendingStatus": true }).to_string().into_response(),
            "pending.org" => json!({ "VerifiedForSendingStatus": false }).to_string().into_response(),
            _ => refusal(404, "NotFoundException"),
        }
    };
    let ses = serve(Router::new().route("/v2/email/identities/{name}", get(identity))).await;

    assert!(ses.identity_verified("sender@example.com").await.unwrap());
    assert!(ses.identity_verified("news@mail.example.com").await.unwrap());
    assert!(ses.identity_verified("example.com").await.unwrap());
    assert!(!ses.identity_verified("sender@pending.org").await.unwrap());
    assert!(!ses.identity_verified("sender@elsewhere.net").await.unwrap());
}
