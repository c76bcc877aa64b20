//! Twilio: `wire` (shapes and errors), `segments` (how long a text is), `send` (acceptance), `callback` (statuses), `inbound` (what people write back), `signature`.

mod callback;
mod inbound;
mod segments;
mod send;
mod signature;
mod state;
mod wire;

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD};

pub(crate) use callback::report_again;
pub use inbound::InboundSms;
pub(crate) use inbound::{keyword, receive};
pub use signature::sign;
pub(crate) use state::TwilioState;
use wire::{MessageAnswer, TwilioError};

use crate::{
    record::Message,
    standins::{AfterAcceptance, Standins},
};

/// The routes of Twilio's REST API.
pub fn twilio_router(standins: Arc<Standins>) -> Router {
    Router::new()
        .route("/2010-04-01/Accounts/{account}/Messages.json", post(create_message))
        .route("/2010-04-01/Accounts/{account}/Messages/{file}", get(get_message))
        .with_state(standins)
}

/// Answers a call as the knobs say: late, refused, accepted, or accepted and never answered.
async fn create_message(State(standins): State<Arc<Standins>>, Path(account): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let faults = standins.twilio.faults();
    if let Err(error) = authorize(&standins, &account, &headers) {
        return error.into_response();
    }
    standins.delay(&faults.calls).await;
    if standins.dice.chooses_anew(faults.calls.refuse_share, "refuse", &body) {
        return TwilioError::internal().into_response();
    }
    match send::create_message(&standins, &body) {
        Err(error) => error.into_response(),
        Ok(sms) => match standins.after_acceptance(&faults.calls, &body).await {
            AfterAcceptance::Answer => (StatusCode::CREATED, Json(MessageAnswer::new(&sms, &standins.config.twilio))).into_response(),
            AfterAcceptance::ServerError => TwilioError::internal().into_response(),
        },
    }
}

async fn get_message(State(standins): State<Arc<Standins>>, Path((account, file)): Path<(String, String)>, headers: HeaderMap) -> Response {
    if let Err(error) = authorize(&standins, &account, &headers) {
        return error.into_response();
    }
    match file.strip_suffix(".json").map(|sid| standins.store.find(sid)) {
        Some(Ok(Some(Message::Sms(sms)))) => Json(MessageAnswer::new(&sms, &standins.config.twilio)).into_response(),
        Some(Err(_)) => TwilioError::internal().into_response(),
        _ => TwilioError::new(20_404).into_response(),
    }
}

/// Basic authentication with the account and its token.
fn authorize(standins: &Standins, account: &str, headers: &HeaderMap) -> Result<(), TwilioError> {
    let config = &standins.config.twilio;
    let wanted = format!("Basic {}", STANDARD.encode(format!("{}:{}", config.account_sid, config.auth_token)));
    let given = headers.get("authorization").map(|value| value.as_bytes()).unwrap_or_default();
    if given == wanted.as_bytes() && account == config.account_sid {
        return Ok(());
    }
    Err(TwilioError::new(20_003))
}

#[cfg(test)]
mod tests;
