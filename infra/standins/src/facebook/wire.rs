//! The shapes of Facebook's requests, and its errors.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use crate::config::FacebookConfig;

/// The query of the dialog.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DialogQuery {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) response_type: Option<String>,
    pub(super) state: String,
}

impl DialogQuery {
    pub(super) fn check(&self, config: &FacebookConfig) -> Result<(), FacebookError> {
        if self.client_id != config.app_id {
            return Err(FacebookError::oauth(101, "Invalid App ID: The provided app ID does not look like a valid app ID."));
        }
        if self.redirect_uri.is_empty() {
            return Err(FacebookError::parameter("The parameter redirect_uri is required"));
        }
        // Without one it is a code.
        if self.response_type.as_deref().is_some_and(|kind| kind != "code") {
            return Err(FacebookError::parameter("Invalid response_type"));
        }
        Ok(())
    }
}

/// The parameters of `oauth/access_token`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenForm {
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) redirect_uri: String,
    pub(super) code: String,
}

/// The query of `debug_token`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DebugQuery {
    pub(super) input_token: String,
    pub(super) access_token: String,
}

/// The query of `me`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MeQuery {
    pub(super) fields: String,
    pub(super) access_token: String,
    pub(super) appsecret_proof: String,
}

/// An error as the Graph API answers it.
#[derive(Debug, Serialize)]
pub(super) struct FacebookError {
    error: Detail,
}

#[derive(Debug, Serialize)]
struct Detail {
    message: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    code: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_subcode: Option<u32>,
    fbtrace_id: &'static str,
}

impl FacebookError {
    fn new(kind: &'static str, code: u32, message: &'static str) -> Self {
        Self { error: Detail { message, kind, code, error_subcode: None, fbtrace_id: "AStandInOfFacebook0000" } }
    }

    pub(super) fn oauth(code: u32, message: &'static str) -> Self {
        Self::new("OAuthException", code, message)
    }

    pub(super) fn method(code: u32, message: &'static str) -> Self {
        Self::new("GraphMethodException", code, message)
    }

    pub(super) fn parameter(message: &'static str) -> Self {
        Self::oauth(100, message)
    }

    /// A code that cannot be redeemed.
    pub(super) fn code(message: &'static str) -> Self {
        let Self { error } = Self::oauth(100, message);
        Self { error: Detail { error_subcode: Some(36_009), ..error } }
    }

    pub(super) fn unknown() -> Self {
        Self::oauth(1, "An unknown error has occurred.")
    }
}

impl IntoResponse for FacebookError {
    fn into_response(self) -> Response {
        let is_ours = self.error.code == 1 && self.error.message.starts_with("An unknown");
        let status = if is_ours { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::BAD_REQUEST };
        (status, Json(self)).into_response()
    }
}
