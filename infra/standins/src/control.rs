//! The control routes: fault knobs, the SES account, inbound messages.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Serialize;

use crate::{
    config::SesConfig,
    faults::parse,
    standins::Standins,
    twilio::{InboundSms, receive},
};

/// The control routes: `/_faults/{ses|twilio|google|facebook}`, `/_account/ses` (GET and PUT; a PUT replaces all knobs), and `POST /_twilio/inbound`.
pub fn control_router(standins: Arc<Standins>) -> Router {
    Router::new()
        .route("/_faults/ses", get(ses_faults).put(set_ses_faults))
        .route("/_faults/twilio", get(twilio_faults).put(set_twilio_faults))
        .route("/_faults/google", get(google_faults).put(set_google_faults))
        .route("/_faults/facebook", get(facebook_faults).put(set_facebook_faults))
        .route("/_account/ses", get(ses_account).put(set_ses_account))
        .route("/_twilio/inbound", post(inbound))
        .with_state(standins)
}

#[derive(Serialize)]
struct Wrong {
    error: String,
}

async fn ses_faults(State(standins): State<Arc<Standins>>) -> Response {
    Json(&*standins.ses.faults()).into_response()
}

async fn set_ses_faults(State(standins): State<Arc<Standins>>, body: Bytes) -> Response {
    match parse(&body) {
        Ok(faults) => done(standins.set_ses_faults(faults)),
        Err(error) => wrong(error),
    }
}

async fn twilio_faults(State(standins): State<Arc<Standins>>) -> Response {
    Json(&*standins.twilio.faults()).into_response()
}

async fn set_twilio_faults(State(standins): State<Arc<Standins>>, body: Bytes) -> Response {
    match parse(&body) {
        Ok(faults) => done(standins.set_twilio_faults(faults)),
        Err(error) => wrong(error),
    }
}

async fn google_faults(State(standins): State<Arc<Standins>>) -> Response {
    Json(standins.google_faults()).into_response()
}

async fn set_google_faults(State(standins): State<Arc<Standins>>, body: Bytes) -> Response {
    match parse(&body) {
        Ok(faults) => done(standins.set_google_faults(faults)),
        Err(error) => wrong(error),
    }
}

async fn facebook_faults(State(standins): State<Arc<Standins>>) -> Response {
    Json(standins.facebook_faults()).into_response()
}

async fn set_facebook_faults(State(standins): State<Arc<Standins>>, body: Bytes) -> Response {
    match parse(&body) {
        Ok(faults) => done(standins.set_facebook_faults(faults)),
        Err(error) => wrong(error),
    }
}

async fn ses_account(State(standins): State<Arc<Standins>>) -> Response {
    Json(&*standins.ses.account()).into_response()
}

async fn set_ses_account(State(standins): State<Arc<Standins>>, body: Bytes) -> Response {
    match serde_json::from_slice::<SesConfig>(&body) {
        Ok(account) => {
            standins.ses.set_account(account);
            done(Ok(()))
        }
        Err(error) => wrong(error.to_string()),
    }
}

async fn inbound(State(standins): State<Arc<Standins>>, body: Bytes) -> Response {
    match serde_json::from_slice::<InboundSms>(&body) {
        Ok(inbound) => match receive(&standins, inbound).await {
            Ok(received) => (StatusCode::CREATED, Json(received)).into_response(),
            Err(error) => done(Err(error)),
        },
        Err(error) => wrong(error.to_string()),
    }
}

fn done(outcome: std::io::Result<()>) -> Response {
    match outcome {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => {
            let wrong = Wrong { error: error.to_string() };
            (StatusCode::INTERNAL_SERVER_ERROR, Json(wrong)).into_response()
        }
    }
}

fn wrong(error: String) -> Response {
    (StatusCode::BAD_REQUEST, Json(Wrong { error })).into_response()
}
