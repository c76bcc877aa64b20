//! What the webhooks of Twilio share: the check of their signature.

use carillon_harness::{Failure, Kind, RawRequest, Setup, SetupError};
use carillon_kernel::Secret;
use carillon_twilio::signature;
use serde::de::DeserializeOwned;

/// Checks that a request comes from Twilio, before anything of it is read.
#[derive(Debug)]
pub(crate) struct TwilioWebhook {
    public_url: String,
    auth_token: Secret,
}

impl TwilioWebhook {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        let public_url = setup.text("PUBLIC_URL")?.trim_end_matches('/').to_owned();
        Ok(Self { public_url, auth_token: setup.secret("TWILIO_AUTH_TOKEN")? })
    }

    /// Reads the form of a request whose signature holds.
    pub(crate) fn form<T: DeserializeOwned>(&self, request: &RawRequest) -> Result<T, Failure> {
        let parameters: Vec<(String, String)> = serde_urlencoded::from_bytes(&request.body).map_err(|_| unreadable())?;
        let given = request.headers.get("x-twilio-signature").map(String::as_str).unwrap_or_default();
        if !signature::verify(&self.auth_token, &self.url(request), &parameters, given) {
            return Err(Failure::new(Kind::Forbidden, "webhooks.signature", "the signature is not Twilio's"));
        }
        serde_urlencoded::from_bytes(&request.body).map_err(|_| unreadable())
    }

    /// The address as Twilio called it; the gateway's own is another one.
    fn url(&self, request: &RawRequest) -> String {
        let mark = if request.raw_query.is_empty() { "" } else { "?" };
        format!("{}{}{mark}{}", self.public_url, request.raw_path, request.raw_query)
    }
}

fn unreadable() -> Failure {
    Failure::new(Kind::Unreadable, "webhooks.form", "the body is not the form that Twilio documents")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
pub(crate) mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::routing::post;
    use carillon_kernel::{Clock, IdSource};
    use serde_json::Value;
    use tokio::net::TcpListener;

    use super::*;

    const PUBLIC_URL: &str = "https://api.example.com";
    const AUTH_TOKEN: &str = "12345";

    /// A queue that keeps the bodies that it takes, and a setup whose queues all are this one.
    pub(crate) async fn queue() -> (Setup, Arc<Mutex<Vec<Value>>>) {
        let taken = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&taken);
        let take = move |body: String| async move {
            let request: Value = serde_json::from_str(&body).unwrap();
            let message = request.get("MessageBody").and_then(Value::as_str).unwrap().to_owned();
            kept.lock().unwrap().push(serde_json::from_str(&message).unwrap());
            r#"{"MessageId":"1"}"#
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(take))).await });
        let settings = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_ENDPOINT_URL_SQS", &url),
            ("TWILIO_STATUSES_QUEUE_URL", &format!("{url}/000000000000/statuses")),
            ("INBOUND_SMS_QUEUE_URL", &format!("{url}/000000000000/inbound")),
            ("PUBLIC_URL", PUBLIC_URL),
            ("LINK_KEY", "link key"),
            ("TWILIO_AUTH_TOKEN", AUTH_TOKEN),
        ];
        let settings: BTreeMap<String, String> = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        (Setup::new(Clock::system(), IdSource::seeded(1)).with_settings(settings), taken)
    }

    /// A request to a path (and query), signed as Twilio signs.
    pub(crate) fn signed(target: &str, form: &[(&str, &str)]) -> RawRequest {
        let (raw_path, raw_query) = target.split_once('?').unwrap_or((target, ""));
        let parameters: Vec<(String, String)> = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let signature = signature::signature(&Secret::new(AUTH_TOKEN), &format!("{PUBLIC_URL}{target}"), &parameters);
        let token = raw_path.rsplit('/').next().unwrap_or_default();
        RawRequest {
            method: "POST".to_owned(),
            raw_path: raw_path.to_owned(),
            raw_query: raw_query.to_owned(),
            headers: BTreeMap::from([("x-twilio-signature".to_owned(), signature)]),
            path: BTreeMap::from([("token".to_owned(), token.to_owned())]),
            body: serde_urlencoded::to_string(form).unwrap().into_bytes(),
            cookies: Vec::new(),
            origin: carillon_contracts::Origin::default(),
            moment: jiff::Timestamp::UNIX_EPOCH,
        }
    }
}
