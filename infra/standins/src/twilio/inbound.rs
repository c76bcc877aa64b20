//! What people write back: a control call makes Twilio post it.

use serde::{Deserialize, Serialize};

use super::{callback::post, segments::segments, send::sid};
use crate::{record::Sms, standins::Standins};

/// A message that somebody writes to a number of the account.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InboundSms {
    /// Who writes.
    pub from: String,
    /// The account's number.
    pub to: String,
    /// The text.
    pub body: String,
    /// Where it is posted, instead of the configured place.
    #[serde(default)]
    pub url: Option<String>,
}

/// What became of an inbound message.
#[derive(Debug, Serialize)]
pub(crate) struct Received {
    /// Its id.
    pub(crate) message_sid: String,
    /// The status with which it was answered; none if it was not.
    pub(crate) answered_status: Option<u16>,
}

/// The effect of a text that is a single keyword: `STOP`, `START` or `HELP` (Twilio docs, "SMS STOP filtering").
pub(crate) fn keyword(body: &str) -> Option<&'static str> {
    match body.trim().to_ascii_uppercase().as_str() {
        "STOP" | "STOPALL" | "UNSUBSCRIBE" | "CANCEL" | "END" | "QUIT" => Some("STOP"),
        "START" | "YES" | "UNSTOP" => Some("START"),
        "HELP" | "INFO" => Some("HELP"),
        _ => None,
    }
}

/// Takes a message, notes STOP and START, and posts it signed (Twilio docs, "Twilio's request to your webhook URL").
pub(crate) async fn receive(standins: &Standins, inbound: InboundSms) -> std::io::Result<Received> {
    let ticket = standins.outstanding.next();
    let sms = Sms {
        sequence: ticket.sequence(),
        sid: sid(standins, ticket.sequence()),
        accepted_at: standins.clock.now(),
        direction: "inbound".to_owned(),
        segments: segments(&inbound.body),
        from: inbound.from,
        to: inbound.to,
        body: inbound.body,
        status: "received".to_owned(),
        ..Sms::default()
    };
    standins.store.append_sms(&sms)?;
    let Some(url) = inbound.url.or_else(|| standins.twilio.inbound_url()) else {
        return Ok(Received { message_sid: sms.sid, answered_status: None });
    };
    let count = sms.segments.to_string();
    let mut parameters = vec![
        ("AccountSid", standins.config.twilio.account_sid.as_str()),
        ("ApiVersion", "2010-04-01"),
        ("Body", &sms.body),
        ("From", &sms.from),
        ("MessageSid", &sms.sid),
        ("NumMedia", "0"),
        ("NumSegments", &count),
        ("SmsMessageSid", &sms.sid),
        ("SmsSid", &sms.sid),
        ("SmsStatus", "received"),
        ("To", &sms.to),
    ];
    parameters.extend(keyword(&sms.body).map(|keyword| ("OptOutType", keyword)));
    let answered_status = post(standins, &url, &parameters).await;
    Ok(Received { message_sid: sms.sid.clone(), answered_status })
}
