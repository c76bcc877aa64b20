//! Against a stand-in that speaks AppConfig's data plane.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex as Lock};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use carillon_kernel::{Clock, IdSource};
use serde::Deserialize;

use super::*;

const ARN: &str = "arn:aws:appconfig:us-east-1:111122223333:application/app/environment/env/configuration/prof";

#[derive(Debug, Default)]
struct Server {
    /// What is deployed.
    document: String,
    /// What every call is answered with instead, if anything.
    refusal: Option<StatusCode>,
    /// Each token that was given: the document that its session has; nothing once it was used.
    tokens: Vec<Option<String>>,
    sessions: u32,
    questions: u32,
}

type Shared = Arc<Lock<Server>>;

#[derive(Deserialize)]
struct Asked {
    configuration_token: usize,
}

fn give_token(server: &mut Server, has: String) -> String {
    server.tokens.push(Some(has));
    (server.tokens.len() - 1).to_string()
}

async fn start(State(server): State<Shared>, body: String) -> Response {
    let mut server = server.lock().unwrap();
    server.sessions += 1;
    if let Some(refusal) = server.refusal {
        return refusal.into_response();
    }
    let expected = r#"{"ApplicationIdentifier":"app","ConfigurationProfileIdentifier":"prof","EnvironmentIdentifier":"env","RequiredMinimumPollIntervalInSeconds":15}"#;
    assert_eq!(body, expected);
    let token = give_token(&mut server, String::new());
    (StatusCode::CREATED, format!(r#"{{"InitialConfigurationToken":"{token}"}}"#)).into_response()
}

async fn answer(State(server): State<Shared>, Query(asked): Query<Asked>) -> Response {
    let mut server = server.lock().unwrap();
    server.questions += 1;
    if let Some(refusal) = server.refusal {
        return refusal.into_response();
    }
    let Some(has) = server.tokens[asked.configuration_token].take() else {
        return (StatusCode::BAD_REQUEST, [("x-amzn-errortype", "BadRequestException")], "{}").into_response();
    };
    let document = server.document.clone();
    let token = give_token(&mut server, document.clone());
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("next-poll-configuration-token", token),
        ("next-poll-interval-in-seconds", "15".to_owned()),
    ];
    (headers, if has == document { String::new() } else { document }).into_response()
}

struct Stage {
    server: Shared,
    setup: Setup,
    now: Timestamp,
}

impl Stage {
    async fn build(document: &str) -> Self {
        let server = Shared::default();
        server.lock().unwrap().document = document.to_owned();
        let routes = Router::new().route("/configurationsessions", post(start)).route("/configuration", get(answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = routes.with_state(Arc::clone(&server));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let settings = [
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "key"),
            ("AWS_ENDPOINT_URL_APPCONFIGDATA", &url),
            ("FLAGS_CONFIGURATION_ARN", ARN),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let setup = Setup::new(Clock::system(), IdSource::seeded(1)).with_settings(settings);
        Self { server, setup, now: Timestamp::UNIX_EPOCH }
    }

    fn flags(&self) -> Flags {
        Flags::from_setup(&self.setup).unwrap()
    }

    fn deploy(&self, document: &str) {
        self.server.lock().unwrap().document = document.to_owned();
    }

    fn refuse(&self, refusal: Option<StatusCode>) {
        self.server.lock().unwrap().refusal = refusal;
    }

    /// How many sessions were begun, and questions asked.
    fn asked(&self) -> (u32, u32) {
        let server = self.server.lock().unwrap();
        (server.sessions, server.questions)
    }

    /// The moment after so many intervals.
    fn after(&self, intervals: i32) -> Timestamp {
        after(self.now, 15 * intervals)
    }
}

const ALL_ON: &str = r#"{"email_sending":{"enabled":true},"sms_sending":{"enabled":true}}"#;
const NO_MAIL: &str = r#"{"email_sending":{"enabled":false},"sms_sending":{"enabled":true}}"#;

#[tokio::test]
async fn a_process_asks_once_in_an_interval_and_hears_of_a_change_in_the_next() {
    let stage = Stage::build(ALL_ON).await;
    let (flags, of_another_function) = (stage.flags(), stage.flags());

    assert!(flags.is_on(Flag::EmailSending, stage.now).await);
    stage.deploy(NO_MAIL);
    assert!(of_another_function.is_on(Flag::EmailSending, stage.now).await);
    assert_eq!(stage.asked(), (1, 1));

    assert!(!of_another_function.is_on(Flag::EmailSending, stage.after(1)).await);
    assert!(flags.is_on(Flag::SmsSending, stage.after(1)).await);
    assert_eq!(stage.asked(), (1, 2));
    // Nothing has changed: the answer is empty.
    assert!(!flags.is_on(Flag::EmailSending, stage.after(2)).await);
    assert_eq!(stage.asked(), (1, 3));
}

#[tokio::test]
async fn those_who_come_while_a_question_is_under_way_wait_for_its_answer() {
    let stage = Stage::build(NO_MAIL).await;
    let flags = stage.flags();

    let ask = || flags.is_on(Flag::EmailSending, stage.now);
    let answers = tokio::join!(ask(), ask(), ask());

    assert_eq!(answers, (false, false, false));
    assert_eq!(stage.asked(), (1, 1));
}

#[tokio::test]
async fn the_last_known_flags_hold_while_nobody_answers() {
    let stage = Stage::build(NO_MAIL).await;
    let flags = stage.flags();
    assert!(!flags.is_on(Flag::EmailSending, stage.now).await);

    stage.refuse(Some(StatusCode::INTERNAL_SERVER_ERROR));
    stage.deploy(ALL_ON);
    assert!(!flags.is_on(Flag::EmailSending, stage.after(1)).await);
    let asked = stage.asked();
    assert!(!flags.is_on(Flag::EmailSending, stage.after(1)).await);
    assert_eq!(stage.asked(), asked, "whoever got no answer asks again in the next interval only");
    stage.refuse(None);

    assert!(flags.is_on(Flag::EmailSending, stage.after(2)).await);
}

#[tokio::test]
async fn everything_is_on_for_a_process_that_never_heard_anything() {
    let stage = Stage::build(NO_MAIL).await;
    stage.refuse(Some(StatusCode::SERVICE_UNAVAILABLE));

    for flag in Flag::ALL {
        assert!(stage.flags().is_on(flag, stage.now).await);
    }
}

#[tokio::test]
async fn a_document_that_cannot_be_read_changes_nothing() {
    let stage = Stage::build(NO_MAIL).await;
    let flags = stage.flags();
    assert!(!flags.is_on(Flag::EmailSending, stage.now).await);

    stage.deploy(r#"{"email_sending":"on"}"#);
    assert!(!flags.is_on(Flag::EmailSending, stage.after(1)).await);
    stage.deploy(ALL_ON);

    assert!(flags.is_on(Flag::EmailSending, stage.after(2)).await);
}

#[tokio::test]
async fn a_session_whose_token_does_not_hold_any_more_is_begun_anew() {
    let stage = Stage::build(ALL_ON).await;
    let flags = stage.flags();
    assert!(flags.is_on(Flag::EmailSending, stage.now).await);
    stage.server.lock().unwrap().tokens.iter_mut().for_each(|token| *token = None);
    stage.deploy(NO_MAIL);

    assert!(!flags.is_on(Flag::EmailSending, stage.after(1)).await);
    assert_eq!(stage.asked(), (2, 3));
}

#[test]
fn a_setting_that_is_no_arn_of_a_configuration_is_told_at_the_start() {
    let settings = [("AWS_REGION", "r"), ("AWS_ACCESS_KEY_ID", "i"), ("AWS_SECRET_ACCESS_KEY", "k"), ("FLAGS_CONFIGURATION_ARN", "flags")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let setup = Setup::new(Clock::system(), IdSource::seeded(1)).with_settings(settings);

    let error = Flags::from_setup(&setup).unwrap_err().to_string();

    assert_eq!(error, "the setting FLAGS_CONFIGURATION_ARN is not the ARN of a configuration of AppConfig");
}
