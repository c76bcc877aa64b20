//! The shapes of SES v2's JSON (API reference, `SendEmail`, `SendBulkEmail`, `GetAccount`, `GetEmailIdentity`) and its errors (restJson1).

use std::borrow::Cow;

use axum::{
    Json,
    http::{HeaderName, StatusCode},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use crate::config::SesConfig;

/// Text that is borrowed from the request where JSON needs no unescaping.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SendBulkEmail<'a> {
    pub(crate) from_email_address: Option<String>,
    #[serde(default)]
    pub(crate) reply_to_addresses: Vec<String>,
    pub(crate) configuration_set_name: Option<String>,
    #[serde(default)]
    pub(crate) default_email_tags: Vec<MessageTag>,
    #[serde(borrow)]
    pub(crate) default_content: BulkEmailContent<'a>,
    #[serde(borrow)]
    pub(crate) bulk_email_entries: Vec<BulkEmailEntry<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BulkEmailContent<'a> {
    #[serde(borrow)]
    pub(crate) template: Option<TemplateShape<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TemplateShape<'a> {
    pub(crate) template_name: Option<String>,
    pub(crate) template_arn: Option<String>,
    #[serde(borrow)]
    pub(crate) template_content: Option<TemplateContent<'a>>,
    #[serde(borrow)]
    pub(crate) template_data: Option<Text<'a>>,
    #[serde(default)]
    pub(crate) headers: Vec<MessageHeader>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TemplateContent<'a> {
    #[serde(borrow)]
    pub(crate) subject: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) text: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) html: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BulkEmailEntry<'a> {
    pub(crate) destination: Destination,
    #[serde(default)]
    pub(crate) replacement_tags: Vec<MessageTag>,
    #[serde(borrow)]
    pub(crate) replacement_email_content: Option<ReplacementEmailContent<'a>>,
    #[serde(default)]
    pub(crate) replacement_headers: Vec<MessageHeader>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReplacementEmailContent<'a> {
    #[serde(borrow)]
    pub(crate) replacement_template: Option<ReplacementTemplate<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReplacementTemplate<'a> {
    #[serde(borrow)]
    pub(crate) replacement_template_data: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Destination {
    pub(crate) to_addresses: Vec<String>,
    pub(crate) cc_addresses: Vec<String>,
    pub(crate) bcc_addresses: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MessageTag {
    pub(crate) name: String,
    pub(crate) value: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MessageHeader {
    pub(crate) name: String,
    pub(crate) value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SendEmail<'a> {
    pub(crate) from_email_address: Option<String>,
    #[serde(default)]
    pub(crate) destination: Destination,
    #[serde(default)]
    pub(crate) reply_to_addresses: Vec<String>,
    pub(crate) configuration_set_name: Option<String>,
    #[serde(default)]
    pub(crate) email_tags: Vec<MessageTag>,
    #[serde(borrow)]
    pub(crate) content: EmailContent<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EmailContent<'a> {
    #[serde(borrow)]
    pub(crate) simple: Option<SimpleMessage<'a>>,
    pub(crate) raw: Option<RawMessage>,
    #[serde(borrow)]
    pub(crate) template: Option<TemplateShape<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SimpleMessage<'a> {
    #[serde(borrow)]
    pub(crate) subject: Content<'a>,
    #[serde(borrow)]
    pub(crate) body: Body<'a>,
    #[serde(default)]
    pub(crate) headers: Vec<MessageHeader>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Body<'a> {
    #[serde(borrow)]
    pub(crate) text: Option<Content<'a>>,
    #[serde(borrow)]
    pub(crate) html: Option<Content<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Content<'a> {
    #[serde(borrow)]
    pub(crate) data: Text<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RawMessage {
    pub(crate) data: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BulkEmailEntryResults {
    pub(crate) bulk_email_entry_results: Vec<BulkEmailEntryResult>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BulkEmailEntryResult {
    pub(crate) status: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Sent {
    pub(crate) message_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Account {
    dedicated_ip_auto_warmup_enabled: bool,
    enforcement_status: String,
    production_access_enabled: bool,
    sending_enabled: bool,
    send_quota: SendQuota,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SendQuota {
    #[serde(rename = "Max24HourSend")]
    max_24_hour_send: f64,
    max_send_rate: f64,
    #[serde(rename = "SentLast24Hours")]
    sent_last_24_hours: u64,
}

impl Account {
    pub(crate) fn new(config: &SesConfig, max_send_rate: f64, sent_last_24_hours: u64) -> Self {
        let max_24_hour_send = config.max_24_hour_send;
        Self {
            dedicated_ip_auto_warmup_enabled: false,
            enforcement_status: config.enforcement_status.clone(),
            production_access_enabled: config.production_access,
            sending_enabled: config.sending_enabled,
            send_quota: SendQuota { max_24_hour_send, max_send_rate, sent_last_24_hours },
        }
    }
}

/// What `GetEmailIdentity` answers of a verified identity, as far as anybody here asks.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EmailIdentity {
    identity_type: &'static str,
    verification_status: &'static str,
    verified_for_sending_status: bool,
}

impl EmailIdentity {
    /// Finds an identity of the account; only its very name counts, as with SES.
    pub(crate) fn find(config: &SesConfig, identity: &str) -> Result<Self, SesError> {
        let is_verified = config.verified_identities.as_ref().is_none_or(|all| all.iter().any(|one| one.eq_ignore_ascii_case(identity)));
        if !is_verified {
            let message = format!("Email identity {identity} does not exist.");
            return Err(SesError { status: StatusCode::NOT_FOUND, kind: "NotFoundException", message });
        }
        let identity_type = if identity.contains('@') { "EMAIL_ADDRESS" } else { "DOMAIN" };
        Ok(Self { identity_type, verification_status: "SUCCESS", verified_for_sending_status: true })
    }
}

/// An error as restJson1 writes it: the kind in a header, the message in the body.
#[derive(Debug)]
pub(crate) struct SesError {
    pub(crate) status: StatusCode,
    pub(crate) kind: &'static str,
    pub(crate) message: String,
}

impl SesError {
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind: "BadRequestException", message: message.into() }
    }

    pub(crate) fn internal() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            kind: "InternalFailure",
            message: "The request processing has failed because of an unknown error, exception or failure.".to_owned(),
        }
    }
}

#[derive(Serialize)]
struct ErrorBody {
    message: String,
}

impl IntoResponse for SesError {
    fn into_response(self) -> Response {
        let kind = [(HeaderName::from_static("x-amzn-errortype"), self.kind)];
        (self.status, kind, Json(ErrorBody { message: self.message })).into_response()
    }
}
