//! Acceptance of `POST Messages.json`.

use std::sync::Arc;

use super::{
    callback,
    segments::segments,
    wire::{CreateMessage, TwilioError},
};
use crate::{config::TwilioConfig, record::Sms, standins::Standins};

/// Length of a body, at most (Twilio docs, error 21617).
const BODY_CHARACTERS_MAX: usize = 1_600;

/// Accepts a message, or says why not.
pub(super) fn create_message(standins: &Arc<Standins>, body: &[u8]) -> Result<Sms, TwilioError> {
    let request: CreateMessage = serde_urlencoded::from_bytes(body).map_err(|_| TwilioError::new(21_602))?;
    let (config, faults) = (&standins.config.twilio, standins.twilio.faults());
    let (mut sms, sender) = check(request, config)?;
    if standins.store.has_opted_out(&sms.from, &sms.to) {
        return Err(TwilioError::new(21_610));
    }
    if standins.dice.chooses_anew(faults.calls.fail_share, "fail", sms.identity().as_bytes()) {
        return Err(TwilioError::new(faults.fail_code));
    }
    if !standins.twilio.take(&sender) {
        return Err(TwilioError::new(20_429));
    }
    let ticket = standins.outstanding.next();
    sms.sequence = ticket.sequence();
    sms.sid = sid(standins, sms.sequence);
    sms.accepted_at = standins.clock.now();
    sms.campaign = campaign(sms.status_callback.as_deref(), &standins.config.campaign_tag);
    standins.store.append_sms(&sms).map_err(|error| {
        tracing::error!(error = %error, "an accepted message could not be written down");
        TwilioError::internal()
    })?;
    callback::report(standins, sms.clone(), ticket);
    Ok(sms)
}

/// `SM` and 32 hexadecimal digits.
pub(super) fn sid(standins: &Standins, sequence: u64) -> String {
    let started = standins.clock.now().as_millisecond().to_le_bytes();
    let bits = standins.dice.bits("message sid", &[sequence.to_le_bytes(), started].concat());
    format!("SM{bits:016x}{sequence:016x}")
}

/// Checks a request; gives the message and the sender whose rate it counts for.
fn check(request: CreateMessage, config: &TwilioConfig) -> Result<(Sms, String), TwilioError> {
    let to = request.to.filter(|to| !to.is_empty()).ok_or_else(|| TwilioError::new(21_604))?;
    let text = request.body.filter(|text| !text.is_empty()).ok_or_else(|| TwilioError::new(21_602))?;
    if text.chars().count() > BODY_CHARACTERS_MAX {
        return Err(TwilioError::new(21_617));
    }
    if let Some(code) = (!is_e164(&to)).then_some(21_211).or_else(|| magic_to(&to)) {
        return Err(TwilioError::new(code));
    }
    let service = request.messaging_service_sid.filter(|sid| !sid.is_empty());
    let from = match (request.from.filter(|from| !from.is_empty()), &service) {
        (Some(from), _) => from,
        (None, Some(_)) => config.messaging_service_number.clone(),
        (None, None) => return Err(TwilioError::new(21_603)),
    };
    check_from(&from, config)?;
    let sender = service.clone().unwrap_or_else(|| from.clone());
    let sms = Sms {
        direction: "outbound-api".to_owned(),
        segments: segments(&text),
        status: if service.is_some() { "accepted" } else { "queued" }.to_owned(),
        from,
        to,
        body: text,
        messaging_service_sid: service,
        status_callback: request.status_callback.filter(|url| !url.is_empty()),
        ..Sms::default()
    };
    Ok((sms, sender))
}

fn check_from(from: &str, config: &TwilioConfig) -> Result<(), TwilioError> {
    let is_sender_name = (1..=11).contains(&from.len()) && from.chars().any(|c| c.is_ascii_alphabetic());
    let is_short_code = (3..=8).contains(&from.len()) && from.bytes().all(|byte| byte.is_ascii_digit());
    if !is_e164(from) && !is_sender_name && !is_short_code {
        return Err(TwilioError::new(21_212));
    }
    if let Some(code) = magic_from(from) {
        return Err(TwilioError::new(code));
    }
    let is_owned = |numbers: &Vec<String>| numbers.iter().any(|n| n == from) || from == config.messaging_service_number;
    if config.numbers.as_ref().is_none_or(is_owned) { Ok(()) } else { Err(TwilioError::new(21_606)) }
}

/// `+`, and up to 15 digits that do not begin with 0 (ITU-T E.164).
fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Twilio's magic recipients (Twilio docs, "Test credentials").
fn magic_to(to: &str) -> Option<u32> {
    match to {
        "+15005550001" => Some(21_211),
        "+15005550002" => Some(21_612),
        "+15005550003" => Some(21_408),
        "+15005550004" => Some(21_610),
        "+15005550009" => Some(21_614),
        _ => None,
    }
}

/// Twilio's magic senders (Twilio docs, "Test credentials").
fn magic_from(from: &str) -> Option<u32> {
    match from {
        "+15005550001" => Some(21_212),
        "+15005550007" => Some(21_606),
        "+15005550008" => Some(21_611),
        _ => None,
    }
}

/// The campaign that the query of a callback's URL names.
fn campaign(url: Option<&str>, parameter: &str) -> Option<String> {
    let (_, query) = url?.split_once('?')?;
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).ok()?;
    pairs.into_iter().find(|(name, _)| name == parameter).map(|(_, value)| value)
}
