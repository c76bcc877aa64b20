//! The fault knobs of each provider: set by `PUT /_faults/{provider}` or by the file `faults-{provider}.json` in the data folder.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Faults of calls, the same for every provider. A share is a number from 0 to 1.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct CallFaults {
    /// Accepts at most this many per second: recipients for SES, messages per sender number for Twilio.
    pub throttle_per_second: Option<f64>,
    /// Share of messages that are explicitly rejected.
    pub fail_share: f64,
    /// Share of calls that get a 500 and are not accepted.
    pub refuse_share: f64,
    /// Share of calls that are accepted, and never answered.
    pub time_out_after_acceptance_share: f64,
    /// How long such a call is held open, in milliseconds.
    pub time_out_hold_ms: u64,
    /// Share of calls that are accepted, and answered with a 500.
    pub server_error_after_acceptance_share: f64,
    /// Delay of every answer, in milliseconds.
    pub delay_ms: u64,
    /// Delay of the events of a message, in milliseconds.
    pub event_delay_ms: u64,
    /// Share of events that come twice.
    pub event_duplicate_share: f64,
    /// Share of messages whose events come in the wrong order.
    pub event_reorder_share: f64,
}

impl Default for CallFaults {
    fn default() -> Self {
        Self {
            throttle_per_second: None,
            fail_share: 0.0,
            refuse_share: 0.0,
            time_out_after_acceptance_share: 0.0,
            time_out_hold_ms: 30_000,
            server_error_after_acceptance_share: 0.0,
            delay_ms: 0,
            event_delay_ms: 0,
            event_duplicate_share: 0.0,
            event_reorder_share: 0.0,
        }
    }
}

/// Faults and fates of SES.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct SesFaults {
    /// Faults of calls.
    #[serde(flatten)]
    pub calls: CallFaults,
    /// The `BulkEmailStatus` of entries that fail by `fail_share`.
    pub fail_status: String,
    /// Share of addresses that bounce permanently.
    pub bounce_share: f64,
    /// Share of addresses that bounce transiently, after a delay event.
    pub soft_bounce_share: f64,
    /// Share of mails that SES rejects after it took them.
    pub reject_share: f64,
    /// Share of mails that are delivered after a delay event.
    pub delivery_delay_share: f64,
    /// Share of delivered mails about which the recipient complains.
    pub complain_share: f64,
    /// Share of delivered mails that are opened.
    pub open_share: f64,
    /// Time from delivery to opening, in milliseconds.
    pub open_delay_ms: u64,
    /// Share of delivered mails in which a link is clicked.
    pub click_share: f64,
    /// Time from opening to clicking, in milliseconds.
    pub click_delay_ms: u64,
    /// Who opens and clicks by `open_share` and `click_share`.
    pub reader: Reader,
    /// A scanner really gets the mail's links, the unsubscribe link too, where they point at this machine.
    pub scanner_follows_links: bool,
    /// Fates of chosen addresses; the first rule that matches holds, before every share.
    pub rules: Vec<EmailRule>,
}

impl Default for SesFaults {
    fn default() -> Self {
        Self {
            calls: CallFaults::default(),
            fail_status: "TRANSIENT_FAILURE".to_owned(),
            bounce_share: 0.0,
            soft_bounce_share: 0.0,
            reject_share: 0.0,
            delivery_delay_share: 0.0,
            complain_share: 0.0,
            open_share: 0.0,
            open_delay_ms: 0,
            click_share: 0.0,
            click_delay_ms: 0,
            reader: Reader::Person,
            scanner_follows_links: false,
            rules: Vec::new(),
        }
    }
}

/// Faults of Google's logins. Of the faults of calls, delay, refusal and what comes after acceptance hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GoogleFaults {
    /// Faults of calls.
    #[serde(flatten)]
    pub calls: CallFaults,
    /// What is wrong with ID tokens.
    pub id_token: IdTokenFault,
}

/// What is wrong with an ID token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdTokenFault {
    /// Nothing.
    #[default]
    None,
    /// It comes from somebody else.
    WrongIssuer,
    /// It was made for another app.
    WrongAudience,
    /// It answers another request.
    WrongNonce,
    /// It ended an hour ago.
    Expired,
    /// Its signature is that of another text.
    WrongSignature,
    /// Its key is not in the set of keys.
    UnknownKey,
    /// It is not signed at all, and says so.
    NoAlgorithm,
}

/// Faults of Facebook's logins. Of the faults of calls, delay, refusal and what comes after acceptance hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FacebookFaults {
    /// Faults of calls.
    #[serde(flatten)]
    pub calls: CallFaults,
    /// What is wrong with access tokens.
    pub token: TokenFault,
}

/// What Facebook says is wrong with an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenFault {
    /// Nothing.
    #[default]
    None,
    /// It was made for another app.
    ForeignApp,
    /// It does not hold.
    Invalid,
    /// It has ended.
    Expired,
    /// It is a page's.
    Page,
    /// It is another person's than the one who is read with it.
    AnotherPerson,
}

/// Who opens and clicks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reader {
    /// Opens after a delay, clicks the first link.
    Person,
    /// Opens and clicks every link within a second, with the user agent of a program.
    Scanner,
}

/// The fate of the addresses that match a pattern.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailRule {
    /// The address; `*` stands for any text.
    pub pattern: String,
    /// What becomes of its mail.
    pub fate: EmailFate,
}

/// What becomes of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailFate {
    /// It is delivered.
    Deliver,
    /// It is delivered after a delay event.
    Delay,
    /// It bounces permanently.
    Bounce,
    /// It bounces transiently, after a delay event.
    SoftBounce,
    /// It bounces because SES suppresses the address.
    Suppressed,
    /// SES rejects it after it took it.
    Reject,
    /// It is delivered, and the recipient complains.
    Complain,
    /// It is delivered and opened.
    Open,
    /// It is delivered, opened, and its first link clicked.
    Click,
    /// It is delivered, and a scanner opens it and clicks every link.
    Scan,
}

/// Faults and fates of Twilio.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct TwilioFaults {
    /// Faults of calls.
    #[serde(flatten)]
    pub calls: CallFaults,
    /// Twilio's error code of calls that fail by `fail_share`.
    pub fail_code: u32,
    /// Share of messages that are not delivered.
    pub undelivered_share: f64,
    /// Twilio's error code of those.
    pub undelivered_code: u32,
    /// Share of messages that fail before they are sent.
    pub failed_share: f64,
    /// Twilio's error code of those.
    pub failed_code: u32,
    /// Fates of chosen numbers; the first rule that matches holds, before every share.
    pub rules: Vec<SmsRule>,
}

impl Default for TwilioFaults {
    fn default() -> Self {
        Self {
            calls: CallFaults::default(),
            fail_code: 21_612,
            undelivered_share: 0.0,
            undelivered_code: 30_003,
            failed_share: 0.0,
            failed_code: 30_008,
            rules: Vec::new(),
        }
    }
}

/// The fate of the numbers that match a pattern.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsRule {
    /// The number; `*` stands for any text.
    pub pattern: String,
    /// What becomes of its messages.
    pub fate: SmsFate,
}

/// What becomes of an SMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmsFate {
    /// It is delivered.
    Deliver,
    /// It is sent and not delivered.
    Undelivered,
    /// It fails before it is sent.
    Failed,
}

/// Reads knobs: refuses names that do not exist and shares outside 0 to 1.
pub(crate) fn parse<F: DeserializeOwned + Serialize>(json: &[u8]) -> Result<F, String> {
    let given: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let faults: F = serde_json::from_value(serde_json::Value::Object(given.clone())).map_err(|error| error.to_string())?;
    let known = serde_json::to_value(&faults).map_err(|error| error.to_string())?;
    for (name, value) in &given {
        if known.get(name).is_none() {
            return Err(format!("there is no knob `{name}`"));
        }
        if name.ends_with("_share") && !value.as_f64().is_some_and(|share| (0.0..=1.0).contains(&share)) {
            return Err(format!("`{name}` must be a number from 0 to 1"));
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::unwrap_used, reason = "tests")]
    fn knobs_that_are_not_named_have_their_defaults() {
        let faults: SesFaults = parse(br#"{"delay_ms": 5, "bounce_share": 0.25}"#).unwrap();

        assert_eq!((faults.calls.delay_ms, faults.calls.time_out_hold_ms), (5, 30_000));
        assert!((faults.bounce_share - 0.25).abs() < f64::EPSILON);
    }

    #[test]
    fn a_knob_that_does_not_exist_is_refused() {
        assert!(parse::<SesFaults>(br#"{"bounce_chare": 0.25}"#).is_err());
        assert!(parse::<TwilioFaults>(br#"{"undelivered_share": 1.5}"#).is_err());
    }
}
