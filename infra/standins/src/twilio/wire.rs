//! The shapes of Twilio's Messages resource, and its errors.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{config::TwilioConfig, record::Sms};

/// The form of `POST Messages.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct CreateMessage {
    pub(super) to: Option<String>,
    pub(super) from: Option<String>,
    pub(super) messaging_service_sid: Option<String>,
    pub(super) body: Option<String>,
    pub(super) status_callback: Option<String>,
}

/// A message as the API shows it (Twilio docs, "Messages resource").
#[derive(Debug, Serialize)]
pub(super) struct MessageAnswer {
    account_sid: String,
    api_version: &'static str,
    body: String,
    date_created: String,
    date_sent: Option<String>,
    date_updated: String,
    direction: String,
    error_code: Option<u32>,
    error_message: Option<String>,
    from: Option<String>,
    messaging_service_sid: Option<String>,
    num_media: &'static str,
    num_segments: String,
    price: Option<String>,
    price_unit: Option<&'static str>,
    sid: String,
    status: String,
    subresource_uris: SubresourceUris,
    to: String,
    uri: String,
}

#[derive(Debug, Serialize)]
struct SubresourceUris {
    media: String,
}

impl MessageAnswer {
    pub(super) fn new(sms: &Sms, config: &TwilioConfig) -> Self {
        let uri = format!("/2010-04-01/Accounts/{}/Messages/{}", config.account_sid, sms.sid);
        let is_unrouted = sms.status == "accepted";
        let is_sent = matches!(sms.status.as_str(), "sent" | "delivered" | "undelivered");
        let date = rfc_2822(sms.accepted_at);
        Self {
            account_sid: config.account_sid.clone(),
            api_version: "2010-04-01",
            body: sms.body.clone(),
            date_created: date.clone(),
            date_sent: is_sent.then(|| date.clone()),
            date_updated: date,
            direction: sms.direction.clone(),
            error_code: sms.error_code,
            error_message: sms.error_code.map(|code| meaning(code).1.to_owned()),
            from: (!is_unrouted).then(|| sms.from.clone()),
            messaging_service_sid: sms.messaging_service_sid.clone(),
            num_media: "0",
            num_segments: if is_unrouted { "0".to_owned() } else { sms.segments.to_string() },
            price: None,
            price_unit: (!is_unrouted).then_some("USD"),
            sid: sms.sid.clone(),
            status: sms.status.clone(),
            subresource_uris: SubresourceUris { media: format!("{uri}/Media.json") },
            to: sms.to.clone(),
            uri: format!("{uri}.json"),
        }
    }
}

fn rfc_2822(timestamp: Timestamp) -> String {
    timestamp.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// An error as Twilio answers it, made from its code.
#[derive(Debug, Serialize)]
pub(crate) struct TwilioError {
    code: u32,
    message: String,
    more_info: String,
    status: u16,
}

impl TwilioError {
    pub(super) fn new(code: u32) -> Self {
        let (status, message) = meaning(code);
        let more_info = format!("https://www.twilio.com/docs/errors/{code}");
        Self { code, message: message.to_owned(), more_info, status: status.as_u16() }
    }

    pub(super) fn internal() -> Self {
        Self::new(20_500)
    }
}

impl IntoResponse for TwilioError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        (status, Json(self)).into_response()
    }
}

/// The status and the sentence of an error code (Twilio docs, "Error and warning dictionary").
fn meaning(code: u32) -> (StatusCode, &'static str) {
    let message = match code {
        20_003 => return (StatusCode::UNAUTHORIZED, "Authenticate"),
        20_404 => return (StatusCode::NOT_FOUND, "The requested resource was not found"),
        20_429 => return (StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"),
        20_500 => return (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        21_211 => "Invalid 'To' Phone Number",
        21_212 => "Invalid 'From' Number",
        21_408 => "Permission to send an SMS has not been enabled for the region indicated by the 'To' number",
        21_602 => "Message body is required",
        21_603 => "A 'From' phone number is required to send a message",
        21_604 => "'To' phone number is required to send a message",
        21_606 => "The 'From' phone number provided is not a valid message-capable Twilio phone number for this destination",
        21_610 => "Attempt to send to unsubscribed recipient",
        21_611 => "This 'From' number has exceeded the maximum number of queued messages",
        21_612 => "Message cannot be sent with the current combination of 'To' and/or 'From' parameters",
        21_614 => "'To' number is not a valid mobile number",
        21_617 => "The concatenated message body exceeds the 1600 character limit",
        30_003 => "Unreachable destination handset",
        30_004 => "Message blocked",
        30_005 => "Unknown destination handset",
        30_006 => "Landline or unreachable carrier",
        30_007 => "Message filtered",
        _ => "Unknown error",
    };
    (StatusCode::BAD_REQUEST, message)
}
