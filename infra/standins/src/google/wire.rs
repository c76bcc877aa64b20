//! The shapes of Google's answers, and its errors.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use crate::{config::GoogleConfig, logins::Person};

/// The parts of the discovery document that a client of this flow may look at.
#[derive(Serialize)]
pub(super) struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    response_types_supported: [&'static str; 1],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [&'static str; 1],
    scopes_supported: [&'static str; 3],
    token_endpoint_auth_methods_supported: [&'static str; 2],
    code_challenge_methods_supported: [&'static str; 2],
}

impl Discovery {
    pub(super) fn new(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: format!("{issuer}/o/oauth2/v2/auth"),
            token_endpoint: format!("{issuer}/token"),
            userinfo_endpoint: format!("{issuer}/v1/userinfo"),
            jwks_uri: format!("{issuer}/oauth2/v3/certs"),
            response_types_supported: ["code"],
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: ["RS256"],
            scopes_supported: ["openid", "email", "profile"],
            token_endpoint_auth_methods_supported: ["client_secret_post", "client_secret_basic"],
            code_challenge_methods_supported: ["plain", "S256"],
        }
    }
}

/// The query of the authorization endpoint.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AuthorizeQuery {
    pub(super) response_type: String,
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) scope: String,
    pub(super) state: String,
    pub(super) nonce: Option<String>,
    pub(super) code_challenge: Option<String>,
    pub(super) code_challenge_method: Option<String>,
}

impl AuthorizeQuery {
    pub(super) fn check(&self, config: &GoogleConfig) -> Result<(), GoogleError> {
        let is_openid = self.scope.split(' ').any(|scope| scope == "openid");
        let is_s256 = self.code_challenge.is_none() || self.code_challenge_method.as_deref() == Some("S256");
        let demands = [
            (self.client_id == config.client_id, "invalid_client", "The OAuth client was not found."),
            (self.response_type == "code", "unsupported_response_type", "Invalid response_type"),
            (is_openid, "invalid_scope", "Missing required parameter: scope"),
            (is_s256, "invalid_request", "Invalid parameter value for code_challenge_method"),
            (!self.redirect_uri.is_empty(), "redirect_uri_mismatch", "Missing required parameter: redirect_uri"),
        ];
        match demands.into_iter().find(|(holds, ..)| !holds) {
            Some((_, error, description)) => Err(GoogleError::new(error, description)),
            None => Ok(()),
        }
    }
}

/// The form of the token endpoint.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenForm {
    pub(super) grant_type: String,
    pub(super) code: String,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) redirect_uri: String,
    pub(super) code_verifier: Option<String>,
}

#[derive(Serialize)]
pub(super) struct TokenAnswer {
    access_token: String,
    expires_in: u32,
    scope: &'static str,
    token_type: &'static str,
    id_token: String,
}

impl TokenAnswer {
    pub(super) fn new(access_token: String, id_token: String) -> Self {
        let scope = "openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile";
        Self { access_token, expires_in: 3599, scope, token_type: "Bearer", id_token }
    }
}

#[derive(Serialize)]
pub(super) struct UserInfo {
    sub: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    email_verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    hd: Option<String>,
}

impl UserInfo {
    pub(super) fn new(person: Person) -> Self {
        let Person { id, name, email, email_verified, hd } = person;
        Self { sub: id, name, email, email_verified, hd }
    }
}

/// An error as Google's OAuth endpoints answer it (RFC 6749 section 5.2).
#[derive(Debug, Serialize)]
pub(super) struct GoogleError {
    error: &'static str,
    error_description: &'static str,
}

impl GoogleError {
    pub(super) fn new(error: &'static str, error_description: &'static str) -> Self {
        Self { error, error_description }
    }

    pub(super) fn internal() -> Self {
        Self::new("internal_failure", "Internal error encountered.")
    }
}

impl IntoResponse for GoogleError {
    fn into_response(self) -> Response {
        let status = match self.error {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            "internal_failure" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        (status, Json(self)).into_response()
    }
}
