//! Facebook's login under `/facebook/{version}`: the dialog, the Graph API's tokens and person; `wire` has the shapes and errors.
//!
//! Source: <https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow>,
//! <https://developers.facebook.com/docs/graph-api/guides/error-handling>.

mod wire;

use std::sync::Arc;

use aws_lc_rs::hmac;
use axum::{
    Form, Json, Router,
    body::Bytes,
    extract::{Query, RawQuery, State},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use wire::{DebugQuery, DialogQuery, FacebookError, MeQuery, TokenForm};

use crate::{
    faults::{FacebookFaults, TokenFault},
    logins::{Choice, Grant, LoginState, page, send_to},
    standins::{AfterAcceptance, Standins},
};

/// How long a token for the web lives: about sixty days.
const TOKEN_LIVES_SECONDS: i64 = 5_183_944;

/// The Facebook account of the platform: its codes and tokens.
pub(crate) struct FacebookState {
    pub(crate) logins: LoginState<FacebookFaults>,
}

impl FacebookState {
    pub(crate) fn new(faults: FacebookFaults) -> Self {
        Self { logins: LoginState::new(faults) }
    }
}

/// The routes of Facebook.
pub fn facebook_router(standins: Arc<Standins>) -> Router {
    Router::new()
        .route("/facebook/{version}/dialog/oauth", get(ask).post(authorize))
        .route("/facebook/{version}/oauth/access_token", get(token_by_query).post(token_by_form))
        .route("/facebook/{version}/debug_token", get(debug_token))
        .route("/facebook/{version}/me", get(me))
        .with_state(standins)
}

async fn ask(State(standins): State<Arc<Standins>>, Query(query): Query<DialogQuery>) -> Response {
    match query.check(&standins.config.facebook) {
        Ok(()) => page("Facebook"),
        Err(error) => error.into_response(),
    }
}

async fn authorize(State(standins): State<Arc<Standins>>, Query(query): Query<DialogQuery>, Form(choice): Form<Choice>) -> Response {
    if let Err(error) = query.check(&standins.config.facebook) {
        return error.into_response();
    }
    let Some(person) = choice.person() else {
        let denied = [("error", "access_denied"), ("error_code", "200"), ("error_reason", "user_denied"), ("state", &query.state)];
        return send_to(&query.redirect_uri, &denied);
    };
    let grant = Grant {
        person,
        client_id: query.client_id,
        redirect_uri: query.redirect_uri.clone(),
        nonce: None,
        code_challenge: None,
        given_at: standins.clock.now(),
    };
    let code = standins.facebook.logins.give_code(&standins.dice, grant);
    send_to(&query.redirect_uri, &[("code", &code), ("state", &query.state)])
}

async fn token_by_query(State(standins): State<Arc<Standins>>, RawQuery(query): RawQuery) -> Response {
    token(&standins, query.unwrap_or_default().as_bytes()).await
}

async fn token_by_form(State(standins): State<Arc<Standins>>, body: Bytes) -> Response {
    token(&standins, &body).await
}

async fn token(standins: &Standins, form: &[u8]) -> Response {
    let faults = standins.facebook.logins.faults();
    standins.delay(&faults.calls).await;
    if standins.dice.chooses_anew(faults.calls.refuse_share, "refuse", form) {
        return FacebookError::unknown().into_response();
    }
    let redeemed = serde_urlencoded::from_bytes(form).map_err(|_| FacebookError::parameter("Missing parameter"));
    let redeemed = redeemed.and_then(|form| redeem(standins, &form));
    match (redeemed, standins.after_acceptance(&faults.calls, form).await) {
        (Err(error), _) => error.into_response(),
        (Ok(_), AfterAcceptance::ServerError) => FacebookError::unknown().into_response(),
        (Ok(token), AfterAcceptance::Answer) => {
            Json(json!({ "access_token": token, "token_type": "bearer", "expires_in": TOKEN_LIVES_SECONDS })).into_response()
        }
    }
}

fn redeem(standins: &Standins, form: &TokenForm) -> Result<String, FacebookError> {
    let config = &standins.config.facebook;
    if form.client_id != config.app_id {
        return Err(FacebookError::oauth(101, "Error validating application. Cannot get application info due to a system error."));
    }
    if form.client_secret != config.app_secret {
        return Err(FacebookError::oauth(1, "Error validating client secret."));
    }
    let grant = standins.facebook.logins.take_code(&form.code, standins.clock.now());
    let grant = grant.ok_or_else(|| FacebookError::code("This authorization code has been used."))?;
    if grant.redirect_uri != form.redirect_uri {
        let mismatch = "Error validating verification code. Please make sure your redirect_uri is identical to the one you used in the OAuth dialog request";
        return Err(FacebookError::code(mismatch));
    }
    Ok(format!("EAA{}", standins.facebook.logins.give_token(&standins.dice, grant.person)))
}

async fn debug_token(State(standins): State<Arc<Standins>>, Query(query): Query<DebugQuery>) -> Response {
    let config = &standins.config.facebook;
    if query.access_token != format!("{}|{}", config.app_id, config.app_secret) {
        return FacebookError::oauth(190, "Invalid OAuth access token signature.").into_response();
    }
    let fault = standins.facebook.logins.faults().token;
    let holder = query.input_token.strip_prefix("EAA").and_then(|token| standins.facebook.logins.holder(token));
    let Some(person) = holder.filter(|_| fault != TokenFault::Invalid) else {
        let error = json!({ "code": 190, "message": "Invalid OAuth access token - Cannot parse access token" });
        return Json(json!({ "data": { "error": error, "is_valid": false, "scopes": [] } })).into_response();
    };
    let now = standins.clock.now().as_second();
    let expires_at = if fault == TokenFault::Expired { now - 60 } else { now + TOKEN_LIVES_SECONDS };
    Json(json!({ "data": {
        "app_id": if fault == TokenFault::ForeignApp { "2000000000000002" } else { config.app_id.as_str() },
        "type": if fault == TokenFault::Page { "PAGE" } else { "USER" },
        "application": "Carillon",
        "data_access_expires_at": expires_at,
        "expires_at": expires_at,
        "issued_at": now,
        "is_valid": true,
        "scopes": ["email", "public_profile"],
        "user_id": if fault == TokenFault::AnotherPerson { "another" } else { person.id.as_str() },
    } }))
    .into_response()
}

async fn me(State(standins): State<Arc<Standins>>, Query(query): Query<MeQuery>) -> Response {
    let Some(person) = query.access_token.strip_prefix("EAA").and_then(|token| standins.facebook.logins.holder(token)) else {
        return FacebookError::oauth(190, "Invalid OAuth access token - Cannot parse access token").into_response();
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, standins.config.facebook.app_secret.as_bytes());
    let tag = hmac::sign(&key, query.access_token.as_bytes());
    let proof: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    if query.appsecret_proof != proof {
        return FacebookError::method(100, "Invalid appsecret_proof provided in the API argument").into_response();
    }
    let wanted = |field: &str| query.fields.split(',').any(|name| name == field);
    let mut answer = json!({ "id": person.id });
    for (field, value) in [("name", Some(person.name)), ("email", person.email)] {
        if let (true, Some(value), Some(answer)) = (wanted(field), value, answer.as_object_mut()) {
            answer.insert(field.to_owned(), json!(value));
        }
    }
    Json(answer).into_response()
}

#[cfg(test)]
mod tests;
