//! SES v2: `wire` (shapes), `send` (acceptance), `check` (what SES refuses), `content` and `template`
//! (rendering), `fate` (what becomes of a mail), `report` and `event` (what SES says of it afterwards).

mod check;
mod content;
mod event;
mod event_body;
mod fate;
mod report;
mod send;
mod state;
mod template;
mod wire;

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};

pub(crate) use event::{SesEvent, sns_envelope, write_event};
pub(crate) use report::report_again;
pub(crate) use state::SesState;
use wire::{EmailIdentity, SesError};

use crate::standins::{AfterAcceptance, Standins};

/// SES takes messages of 40 MB after encoding; base64 and JSON make them longer.
const BODY_LIMIT_BYTES: usize = 60 * 1024 * 1024;

/// The routes of SES v2.
pub fn ses_router(standins: Arc<Standins>) -> Router {
    Router::new()
        .route("/v2/email/outbound-emails", post(send_email))
        .route("/v2/email/outbound-bulk-emails", post(send_bulk_email))
        .route("/v2/email/account", get(get_account))
        .route("/v2/email/identities/{identity}", get(get_email_identity))
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .with_state(standins)
}

async fn send_email(state: State<Arc<Standins>>, headers: HeaderMap, body: Bytes) -> Response {
    answer(&state, &headers, &body, send::send_email).await
}

async fn send_bulk_email(state: State<Arc<Standins>>, headers: HeaderMap, body: Bytes) -> Response {
    answer(&state, &headers, &body, send::send_bulk_email).await
}

async fn get_account(state: State<Arc<Standins>>, headers: HeaderMap) -> Response {
    match authorize(&headers) {
        Ok(()) => Json(state.ses.account_answer(state.clock.now())).into_response(),
        Err(error) => error.into_response(),
    }
}

async fn get_email_identity(state: State<Arc<Standins>>, Path(identity): Path<String>, headers: HeaderMap) -> Response {
    let found = authorize(&headers).and_then(|()| EmailIdentity::find(&state.ses.account(), &identity));
    match found {
        Ok(found) => Json(found).into_response(),
        Err(error) => error.into_response(),
    }
}

/// Answers a call as the knobs say: late, refused, accepted, or accepted and never answered.
async fn answer<T: serde::Serialize>(
    standins: &Arc<Standins>,
    headers: &HeaderMap,
    body: &Bytes,
    accept: fn(&Arc<Standins>, &[u8]) -> Result<T, SesError>,
) -> Response {
    let faults = standins.ses.faults();
    if let Err(error) = authorize(headers) {
        return error.into_response();
    }
    standins.delay(&faults.calls).await;
    if standins.dice.chooses_anew(faults.calls.refuse_share, "refuse", body) {
        return SesError::internal().into_response();
    }
    match accept(standins, body) {
        Err(error) => error.into_response(),
        Ok(answer) => match standins.after_acceptance(&faults.calls, body).await {
            AfterAcceptance::Answer => Json(answer).into_response(),
            AfterAcceptance::ServerError => SesError::internal().into_response(),
        },
    }
}

/// Calls must be signed; the signature itself is not computed again.
fn authorize(headers: &HeaderMap) -> Result<(), SesError> {
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if authorization.starts_with("AWS4-HMAC-SHA256 Credential=") {
        return Ok(());
    }
    let message = "Missing Authentication Token".to_owned();
    Err(SesError { status: StatusCode::FORBIDDEN, kind: "MissingAuthenticationTokenException", message })
}

#[cfg(test)]
mod tests;
