//! Google's OpenID Connect under `/google`: `wire` (shapes and errors), `keys` (the signing key and ID tokens).
//!
//! Source: <https://developers.google.com/identity/openid-connect/openid-connect>, the discovery document of accounts.google.com.

mod keys;
mod wire;

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    Form, Json, Router,
    body::Bytes,
    extract::{Query, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

pub(crate) use keys::SigningKey;
use wire::{AuthorizeQuery, Discovery, GoogleError, TokenAnswer, TokenForm, UserInfo};

use crate::{
    faults::GoogleFaults,
    logins::{Choice, Grant, LoginState, page, send_to},
    standins::{AfterAcceptance, Standins},
};

/// The Google account of the platform: its codes and tokens, and the key that signs.
pub(crate) struct GoogleState {
    pub(crate) logins: LoginState<GoogleFaults>,
    key: SigningKey,
}

impl GoogleState {
    pub(crate) fn new(faults: GoogleFaults) -> Self {
        Self { logins: LoginState::new(faults), key: SigningKey::default() }
    }
}

/// The routes of Google.
pub fn google_router(standins: Arc<Standins>) -> Router {
    Router::new()
        .route("/google/.well-known/openid-configuration", get(discovery))
        .route("/google/o/oauth2/v2/auth", get(ask).post(authorize))
        .route("/google/token", post(token))
        .route("/google/oauth2/v3/certs", get(certificates))
        .route("/google/v1/userinfo", get(user_info))
        .with_state(standins)
}

async fn discovery(State(standins): State<Arc<Standins>>) -> Response {
    let faults = standins.google.logins.faults();
    standins.delay(&faults.calls).await;
    if standins.dice.chooses_anew(faults.calls.refuse_share, "refuse", b"discovery") {
        return GoogleError::internal().into_response();
    }
    Json(Discovery::new(&standins.config.google.issuer)).into_response()
}

async fn ask(State(standins): State<Arc<Standins>>, Query(query): Query<AuthorizeQuery>) -> Response {
    match query.check(&standins.config.google) {
        Ok(()) => page("Google"),
        Err(error) => error.into_response(),
    }
}

async fn authorize(State(standins): State<Arc<Standins>>, Query(query): Query<AuthorizeQuery>, Form(choice): Form<Choice>) -> Response {
    if let Err(error) = query.check(&standins.config.google) {
        return error.into_response();
    }
    let Some(person) = choice.person() else {
        return send_to(&query.redirect_uri, &[("error", "access_denied"), ("state", &query.state)]);
    };
    let grant = Grant {
        person,
        client_id: query.client_id,
        redirect_uri: query.redirect_uri.clone(),
        nonce: query.nonce,
        code_challenge: query.code_challenge,
        given_at: standins.clock.now(),
    };
    // Google's codes hold a slash.
    let code = format!("4/{}", standins.google.logins.give_code(&standins.dice, grant));
    let scope = "email profile openid";
    send_to(&query.redirect_uri, &[("state", &query.state), ("code", &code), ("scope", scope), ("authuser", "0"), ("prompt", "consent")])
}

async fn token(State(standins): State<Arc<Standins>>, body: Bytes) -> Response {
    let faults = standins.google.logins.faults();
    standins.delay(&faults.calls).await;
    if standins.dice.chooses_anew(faults.calls.refuse_share, "refuse", &body) {
        return GoogleError::internal().into_response();
    }
    let answer = serde_urlencoded::from_bytes::<TokenForm>(&body)
        .map_err(|_| GoogleError::new("invalid_request", "Required parameter is missing"))
        .and_then(|form| redeem(&standins, &form, &faults));
    match (answer, standins.after_acceptance(&faults.calls, &body).await) {
        (Err(error), _) => error.into_response(),
        (Ok(_), AfterAcceptance::ServerError) => GoogleError::internal().into_response(),
        (Ok(answer), AfterAcceptance::Answer) => Json(answer).into_response(),
    }
}

fn redeem(standins: &Standins, form: &TokenForm, faults: &GoogleFaults) -> Result<TokenAnswer, GoogleError> {
    let config = &standins.config.google;
    if form.client_id != config.client_id || form.client_secret != config.client_secret {
        return Err(GoogleError::new("invalid_client", "The provided client secret is invalid."));
    }
    if form.grant_type != "authorization_code" {
        return Err(GoogleError::new("unsupported_grant_type", "Invalid grant_type"));
    }
    let moment = standins.clock.now();
    let code = form.code.strip_prefix("4/").and_then(|code| standins.google.logins.take_code(code, moment));
    let grant = code.ok_or_else(|| GoogleError::new("invalid_grant", "Malformed auth code."))?;
    if grant.redirect_uri != form.redirect_uri || grant.client_id != form.client_id {
        return Err(GoogleError::new("redirect_uri_mismatch", "Bad Request"));
    }
    let challenge = form.code_verifier.as_deref().map(|verifier| URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())));
    if grant.code_challenge != challenge {
        return Err(GoogleError::new("invalid_grant", "Invalid code verifier."));
    }
    let id_token = standins.google.key.id_token(config, &grant, (faults.id_token, moment));
    let access_token = format!("ya29.{}", standins.google.logins.give_token(&standins.dice, grant.person));
    Ok(TokenAnswer::new(access_token, id_token.ok_or_else(GoogleError::internal)?))
}

async fn certificates(State(standins): State<Arc<Standins>>) -> Response {
    let faults = standins.google.logins.faults();
    standins.delay(&faults.calls).await;
    match standins.google.key.set() {
        Some(set) => Json(set).into_response(),
        None => GoogleError::internal().into_response(),
    }
}

async fn user_info(State(standins): State<Arc<Standins>>, headers: HeaderMap) -> Response {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()).and_then(|text| text.strip_prefix("Bearer ya29."));
    match token.and_then(|token| standins.google.logins.holder(token)) {
        Some(person) => Json(UserInfo::new(person)).into_response(),
        None => GoogleError::new("invalid_request", "Invalid Credentials").into_response(),
    }
}

#[cfg(test)]
mod tests;
