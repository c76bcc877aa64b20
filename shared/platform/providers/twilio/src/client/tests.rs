#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use carillon_kernel::{Clock, IdSource};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::*;

const ROUTE: &str = "/2010-04-01/Accounts/ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX/Messages.json";

/// The documentation's answer to a created message ("Message resource", "Send an SMS message"), cut to a few of its fields.
const CREATED: &str = r#"{"account_sid":"ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX","api_version":"2010-04-01","body":"Hi there",
    "date_created":"Thu, 24 Aug 2023 05:01:45 +0000","date_sent":null,"direction":"outbound-api","error_code":null,"error_message":null,
    "from":"+15557122661","num_media":"0","num_segments":"1","price":null,"price_unit":null,"messaging_service_sid":null,
    "sid":"SMXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX","status":"queued","to":"+15558675310"}"#;

fn twilio(base: &str, time_out: Duration) -> Twilio {
    let settings =
        [("TWILIO_BASE_URL", base), ("TWILIO_ACCOUNT_SID", "ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"), ("TWILIO_AUTH_TOKEN", "token")];
    let settings: BTreeMap<String, String> = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Twilio::with_time_out(&Setup::new(Clock::system(), IdSource::seeded(1)).with_settings(settings), time_out).unwrap()
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    (listener, base)
}

async fn serve(router: Router) -> Twilio {
    let (listener, base) = listen().await;
    tokio::spawn(async move { axum::serve(listener, router).await });
    twilio(&base, TIME_OUT)
}

async fn answering(status: u16, body: &'static str) -> Twilio {
    let status = StatusCode::from_u16(status).unwrap();
    serve(Router::new().route(ROUTE, post(move || async move { (status, body) }))).await
}

fn sms() -> Sms {
    Sms {
        to: "+15558675310".to_owned(),
        from: From::Number("+15557122661".to_owned()),
        body: "Hi there".to_owned(),
        status_callback: "https://example.com/webhooks/twilio/status/1".to_owned(),
    }
}

#[tokio::test]
async fn a_text_is_posted_as_twilio_documents_it() {
    let seen = Arc::new(Mutex::new((String::new(), String::new())));
    let kept = Arc::clone(&seen);
    let router = Router::new().route(
        ROUTE,
        post(move |headers: HeaderMap, body: String| async move {
            let authorization = headers.get("authorization").unwrap().to_str().unwrap().to_owned();
            *kept.lock().unwrap() = (authorization, body);
            (StatusCode::CREATED, CREATED)
        }),
    );

    let accepted = serve(router).await.send(&sms()).await.unwrap();

    assert_eq!(accepted, Accepted { sid: "SMXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX".to_owned(), status: "queued".to_owned() });
    let (authorization, body) = seen.lock().unwrap().clone();
    assert_eq!(authorization, "Basic QUNYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWDp0b2tlbg==");
    assert_eq!(
        body,
        "To=%2B15558675310&From=%2B15557122661&Body=Hi+there&StatusCallback=https%3A%2F%2Fexample.com%2Fwebhooks%2Ftwilio%2Fstatus%2F1"
    );
}

#[test]
fn a_messaging_service_stands_in_the_place_of_the_number() {
    let sms = Sms { from: From::MessagingService("MG1".to_owned()), ..sms() };

    let form = Form::of(&sms);

    assert_eq!((form.from, form.messaging_service_sid), (None, Some("MG1")));
}

#[tokio::test]
async fn errors_of_twilio_are_judged_by_their_code() {
    let opted_out = r#"{"code":21610,"message":"Attempt to send to unsubscribed recipient","more_info":"https://www.twilio.com/docs/errors/21610","status":400}"#;
    let invalid =
        r#"{"code":21211,"message":"Invalid 'To' Phone Number","more_info":"https://www.twilio.com/docs/errors/21211","status":400}"#;

    assert_eq!(answering(400, opted_out).await.send(&sms()).await, Err(CallFailure::OptedOut));
    assert_eq!(answering(400, invalid).await.send(&sms()).await, Err(CallFailure::Refused { code: "21211".to_owned(), retryable: false }));
    assert_eq!(answering(429, "slow down").await.send(&sms()).await, Err(CallFailure::Throttled));
}

#[tokio::test]
async fn a_success_that_cannot_be_read_is_in_doubt() {
    assert_eq!(answering(201, "<html>").await.send(&sms()).await, Err(CallFailure::InDoubt { cause: "unreadable answer" }));
}

#[tokio::test]
async fn an_error_of_the_server_is_in_doubt_and_the_call_is_not_repeated() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let refuse = move || async move {
        counter.fetch_add(1, Ordering::SeqCst);
        StatusCode::SERVICE_UNAVAILABLE
    };

    let failure = serve(Router::new().route(ROUTE, post(refuse))).await.send(&sms()).await;

    assert_eq!(failure, Err(CallFailure::InDoubt { cause: "server error" }));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_was_sent_nothing() {
    let (listener, base) = listen().await;
    drop(listener);

    let failure = twilio(&base, TIME_OUT).send(&sms()).await;

    assert_eq!(failure, Err(CallFailure::Refused { code: "connection_failed".to_owned(), retryable: true }));
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_is_in_doubt() {
    let (listener, base) = listen().await;
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"status%2F1") {
            connection.read_buf(&mut seen).await.unwrap();
        }
    });

    let failure = twilio(&base, TIME_OUT).send(&sms()).await;

    assert_eq!(failure, Err(CallFailure::InDoubt { cause: "broken connection" }));
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_in_doubt() {
    let (listener, base) = listen().await;

    let failure = twilio(&base, Duration::from_millis(50)).send(&sms()).await;

    assert_eq!(failure, Err(CallFailure::InDoubt { cause: "time-out" }));
    drop(listener);
}
