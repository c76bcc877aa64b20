//! The call that sends a text.

use std::time::Duration;

use carillon_kernel::{Meter, Secret, Setup, SetupError};
use reqwest::Client;
use reqwest::redirect::Policy;
use serde::{Deserialize, Serialize};

use crate::CallFailure;

/// How long a call may take; a lease on what it sends must be longer.
pub const TIME_OUT: Duration = Duration::from_secs(15);

const CONNECT_TIME_OUT: Duration = Duration::from_secs(3);
const BASE_URL: &str = "https://api.twilio.com";

/// Who sends a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// A number in E.164, a short code or a sender's name.
    Number(String),
    /// A messaging service (`MG…`), which chooses the number.
    MessagingService(String),
}

/// A text to one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sms {
    /// The recipient, in E.164.
    pub to: String,
    /// The sender.
    pub from: From,
    /// The text, at most 1,600 characters.
    pub body: String,
    /// Where Twilio reports every status; empty when nobody wants to know.
    pub status_callback: String,
}

/// A text that Twilio took.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Accepted {
    /// The `MessageSid`.
    pub sid: String,
    /// The first status: `queued`, or `accepted` by a messaging service.
    pub status: String,
}

/// Twilio, one account of it.
#[derive(Debug, Clone)]
pub struct Twilio {
    client: Client,
    url: String,
    account_sid: String,
    auth_token: Secret,
    time_out: Duration,
    meter: Meter,
}

/// The form of `POST Messages.json` (<https://www.twilio.com/docs/messaging/api/message-resource>).
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Form<'a> {
    to: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messaging_service_sid: Option<&'a str>,
    body: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    status_callback: &'a str,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    code: Option<u32>,
}

impl Twilio {
    /// Makes the client of the account that the settings name, whose calls may take [`TIME_OUT`].
    ///
    /// # Errors
    /// [`SetupError`] when the account or its token is missing, or the system has no readable certificate authorities.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Self::with_time_out(setup, TIME_OUT)
    }

    /// Makes the client whose calls may take so long, from beginning to end.
    ///
    /// # Errors
    /// As [`Twilio::from_setup`].
    pub fn with_time_out(setup: &Setup, time_out: Duration) -> Result<Self, SetupError> {
        let client = setup.shared("twilio", || http_client().ok());
        let client =
            client.ok_or(SetupError::Unreadable { name: "SSL_CERT_FILE".to_owned(), wanted: "a list of certificate authorities" })?;
        let account_sid = setup.text("TWILIO_ACCOUNT_SID")?;
        let base = setup.find("TWILIO_BASE_URL").unwrap_or_else(|| BASE_URL.to_owned());
        let url = format!("{}/2010-04-01/Accounts/{account_sid}/Messages.json", base.trim_end_matches('/'));
        Ok(Self { client, url, account_sid, auth_token: setup.secret("TWILIO_AUTH_TOKEN")?, time_out, meter: setup.meter() })
    }

    /// Sends a text with one call, made once.
    ///
    /// # Errors
    /// [`CallFailure`] when Twilio did not take it, or when that is in doubt.
    pub async fn send(&self, sms: &Sms) -> Result<Accepted, CallFailure> {
        self.meter.request("twilio.CreateMessage");
        let request = self.client.post(&self.url).timeout(self.time_out).basic_auth(&self.account_sid, Some(self.auth_token.expose()));
        let answer = request.form(&Form::of(sms)).send().await.map_err(|error| CallFailure::of_transport(&error))?;
        let status = answer.status();
        let body = answer.bytes().await;
        if status.is_success() {
            let body = body.map_err(|error| CallFailure::of_transport(&error))?;
            return serde_json::from_slice(&body).map_err(|_| CallFailure::InDoubt { cause: "unreadable answer" });
        }
        let code = body.ok().and_then(|body| serde_json::from_slice::<ErrorAnswer>(&body).ok()).and_then(|error| error.code);
        Err(CallFailure::of_answer(status.as_u16(), code))
    }
}

impl<'a> Form<'a> {
    fn of(sms: &'a Sms) -> Self {
        let (from, messaging_service_sid) = match &sms.from {
            From::Number(number) => (Some(number.as_str()), None),
            From::MessagingService(sid) => (None, Some(sid.as_str())),
        };
        Self { to: &sms.to, from, messaging_service_sid, body: &sms.body, status_callback: &sms.status_callback }
    }
}

/// One attempt, one address: no retries, no redirects, no proxy from the environment.
fn http_client() -> reqwest::Result<Client> {
    Client::builder().connect_timeout(CONNECT_TIME_OUT).redirect(Policy::none()).retry(reqwest::retry::never()).no_proxy().build()
}

#[cfg(test)]
mod tests;
