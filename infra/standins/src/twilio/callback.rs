//! Status callbacks: one attempt each, in order unless the knobs say otherwise.

use std::sync::Arc;

use tokio::time::{Duration, sleep};

use super::signature::sign;
use crate::{
    config::Keep,
    faults::{SmsFate, TwilioFaults},
    glob,
    outstanding::Ticket,
    record::{Sms, SmsStatus},
    standins::Standins,
};

/// A status that a message reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    /// Its place in a message's life.
    rank: usize,
    status: &'static str,
    error_code: Option<u32>,
}

/// Lets a message live its life, and posts every status.
pub(super) fn report(standins: &Arc<Standins>, sms: Sms, ticket: Arc<Ticket>) {
    let standins = Arc::clone(standins);
    tokio::spawn(async move {
        run(&standins, &sms).await;
        drop(ticket);
        standins.dispatcher.wake();
    });
}

/// Reports what an earlier run accepted, and perhaps did not report to the end.
pub(crate) fn report_again(standins: &Arc<Standins>, sms: Sms) {
    if sms.direction != "inbound" {
        let ticket = standins.outstanding.reopen(sms.sequence);
        report(standins, sms, ticket);
    }
}

/// Posts a signed form as Twilio does; gives the status of the answer, if there was one.
pub(super) async fn post(standins: &Standins, url: &str, parameters: &[(&str, &str)]) -> Option<u16> {
    let signature = sign(&standins.config.twilio.auth_token, url, parameters);
    let _slot = standins.callback_slots.acquire().await;
    let request = standins.http.post(url).header("X-Twilio-Signature", signature).form(parameters);
    match request.send().await {
        Ok(answer) => Some(answer.status().as_u16()),
        Err(error) => {
            tracing::debug!(is_connect = error.is_connect(), is_timeout = error.is_timeout(), "a callback failed");
            None
        }
    }
}

async fn run(standins: &Standins, sms: &Sms) {
    let faults = standins.twilio.faults();
    let mut steps = life(fate(standins, &faults, sms), &faults);
    if standins.dice.chooses(faults.calls.event_reorder_share, "reorder", &sms.identity()) {
        steps.reverse();
    }
    let mut reached = 0;
    for step in steps {
        if faults.calls.event_delay_ms > 0 {
            sleep(Duration::from_millis(faults.calls.event_delay_ms)).await;
        }
        if step.rank >= reached {
            reached = step.rank;
            remember(standins, sms, &step);
        }
        let twice = standins.dice.chooses(faults.calls.event_duplicate_share, "duplicate", &format!("{} {}", sms.identity(), step.status));
        for _ in 0..if twice { 2 } else { 1 } {
            post_status(standins, sms, &step).await;
        }
    }
}

fn fate(standins: &Standins, faults: &TwilioFaults, sms: &Sms) -> SmsFate {
    if let Some(rule) = faults.rules.iter().find(|rule| glob::matches(&rule.pattern, &sms.to)) {
        return rule.fate;
    }
    let subject = format!("{} {}", sms.campaign.as_deref().unwrap_or_default(), sms.to);
    if standins.dice.chooses(faults.failed_share, "failed", &subject) {
        SmsFate::Failed
    } else if standins.dice.chooses(faults.undelivered_share, "undelivered", &subject) {
        SmsFate::Undelivered
    } else {
        SmsFate::Deliver
    }
}

fn life(fate: SmsFate, faults: &TwilioFaults) -> Vec<Step> {
    let step = |rank, status, error_code| Step { rank, status, error_code };
    let queued = step(0, "queued", None);
    match fate {
        SmsFate::Deliver => vec![queued, step(1, "sent", None), step(2, "delivered", None)],
        SmsFate::Undelivered => {
            vec![queued, step(1, "sent", None), step(2, "undelivered", Some(faults.undelivered_code))]
        }
        SmsFate::Failed => vec![queued, step(1, "failed", Some(faults.failed_code))],
    }
}

fn remember(standins: &Standins, sms: &Sms, step: &Step) {
    if standins.store.keep() == Keep::Count {
        return;
    }
    let status = SmsStatus { sid: sms.sid.clone(), status: step.status.to_owned(), error_code: step.error_code };
    if let Err(error) = standins.store.set_sms_status(&status) {
        tracing::error!(error = %error, "a status could not be written down");
    }
}

/// Posts a status (Twilio docs, "Track the Message Status of Outbound Messages").
async fn post_status(standins: &Standins, sms: &Sms, step: &Step) {
    let Some(url) = &sms.status_callback else { return };
    let done = standins.clock.now().strftime("%y%m%d%H%M").to_string();
    let code = step.error_code.map(|code| code.to_string());
    let mut parameters = vec![
        ("AccountSid", standins.config.twilio.account_sid.as_str()),
        ("ApiVersion", "2010-04-01"),
        ("From", &sms.from),
        ("MessageSid", &sms.sid),
        ("MessageStatus", step.status),
        ("SmsSid", &sms.sid),
        ("SmsStatus", step.status),
        ("To", &sms.to),
    ];
    parameters.extend(sms.messaging_service_sid.as_deref().map(|sid| ("MessagingServiceSid", sid)));
    parameters.extend(code.as_deref().map(|code| ("ErrorCode", code)));
    if matches!(step.status, "delivered" | "undelivered") {
        parameters.push(("RawDlrDoneDate", &done));
    }
    post(standins, url, &parameters).await;
}
