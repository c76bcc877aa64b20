//! Acceptance: `SendEmail` and `SendBulkEmail` from their JSON to kept mails and planned events.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Map;

use super::{
    check::{Refusal, check, check_account, check_length},
    content::{Source, compile, content_text, headers, raw_headers, read_data, render, tags},
    fate::Fate,
    report::{Accepted, oracle, report},
    template::{Values, links as find_links},
    wire::{
        BulkEmailEntry, BulkEmailEntryResult, BulkEmailEntryResults, EmailContent, RawMessage, SendBulkEmail, SendEmail, Sent, SesError,
        TemplateShape, Text,
    },
};
use crate::{record::Email, standins::Standins};

/// Entries of a bulk call, at most (API reference, `SendBulkEmail`).
const ENTRIES_MAX: usize = 50;

/// Accepts `SendBulkEmail`, entry by entry.
pub(super) fn send_bulk_email(standins: &Arc<Standins>, body: &[u8]) -> Result<BulkEmailEntryResults, SesError> {
    let request: SendBulkEmail<'_> = parse(body)?;
    if !(1..=ENTRIES_MAX).contains(&request.bulk_email_entries.len()) {
        return Err(SesError::bad_request(format!("Number of entries must be between 1 and {ENTRIES_MAX}.")));
    }
    check_account(&standins.ses.account())?;
    let template = request.default_content.template.as_ref();
    let template = template.ok_or_else(|| SesError::bad_request("Template is required."))?;
    let Some(compiled) = compile(template)? else {
        let missing = |_| Err(Refusal::new("TEMPLATE_NOT_FOUND", "Template does not exist."));
        return results(standins, request.bulk_email_entries.iter().map(missing).collect());
    };
    let default = read_data(template.template_data.as_ref())?;
    let entries = request.bulk_email_entries.iter().map(|entry| {
        let own = read_data(replacement_data(entry))?;
        let values = Values { own: &own, default: &default };
        let email = bulk_email(&request, template, entry);
        accept(standins, email, &Source::Template { content: &compiled, values })
    });
    results(standins, entries.collect())
}

/// Accepts `SendEmail`.
pub(super) fn send_email(standins: &Arc<Standins>, body: &[u8]) -> Result<Sent, SesError> {
    let request: SendEmail<'_> = parse(body)?;
    check_account(&standins.ses.account())?;
    let email = Email {
        from: request.from_email_address.clone().unwrap_or_default(),
        to: request.destination.to_addresses.clone(),
        cc: request.destination.cc_addresses.clone(),
        bcc: request.destination.bcc_addresses.clone(),
        reply_to: request.reply_to_addresses.clone(),
        tags: tags(&request.email_tags, &[]),
        configuration_set: request.configuration_set_name.clone(),
        ..Email::default()
    };
    let accepted = accept_content(standins, email, &request.content)?;
    let message_id = accepted.email.message_id.clone();
    keep(standins, vec![accepted])?;
    Ok(Sent { message_id })
}

fn accept_content(standins: &Standins, mut email: Email, content: &EmailContent<'_>) -> Result<Accepted, SesError> {
    if let Some(simple) = &content.simple {
        email.headers = headers(&simple.headers, &[]);
        let source = Source::Ready {
            subject: &simple.subject.data.0,
            html: simple.body.html.as_ref().map(content_text),
            text: simple.body.text.as_ref().map(content_text),
        };
        return Ok(accept(standins, email, &source)?);
    }
    if let Some(template) = &content.template {
        email.headers = headers(&template.headers, &[]);
        let compiled = compile(template)?.ok_or_else(|| Refusal::new("TEMPLATE_NOT_FOUND", "Template does not exist."))?;
        let (own, default) = (read_data(template.template_data.as_ref())?, Map::new());
        let values = Values { own: &own, default: &default };
        return Ok(accept(standins, email, &Source::Template { content: &compiled, values })?);
    }
    let raw = content.raw.as_ref().ok_or_else(|| SesError::bad_request("Content is required."))?;
    accept_raw(standins, email, raw)
}

/// Accepts a message in the form of RFC 5322; its parts are not taken apart.
fn accept_raw(standins: &Standins, mut email: Email, raw: &RawMessage) -> Result<Accepted, SesError> {
    let bytes = STANDARD.decode(&raw.data).map_err(|_| SesError::bad_request("Raw data is not base64."))?;
    let message = String::from_utf8_lossy(&bytes);
    let (head, text) = message.split_once("\r\n\r\n").or_else(|| message.split_once("\n\n")).unwrap_or((&message, ""));
    email.headers = raw_headers(head);
    let take = |name: &str| email.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    let subject = take("Subject").map(|header| header.value.clone()).unwrap_or_default();
    if email.from.is_empty() {
        email.from = take("From").map(|header| header.value.clone()).unwrap_or_default();
    }
    if email.to.is_empty() {
        email.to = take("To").map(|to| to.value.split(',').map(|one| one.trim().to_owned()).collect()).unwrap_or_default();
    }
    let own = ["From", "To", "Cc", "Bcc", "Subject", "MIME-Version", "Content-Type", "Date", "Message-ID"];
    email.headers.retain(|header| !own.iter().any(|name| header.name.eq_ignore_ascii_case(name)));
    Ok(accept(standins, email, &Source::Ready { subject: &subject, html: None, text: Some(text) })?)
}

/// Accepts one mail, or says why not.
fn accept(standins: &Standins, mut email: Email, source: &Source<'_>) -> Result<Accepted, Refusal> {
    let (faults, now) = (standins.ses.faults(), standins.clock.now());
    let account = standins.ses.account();
    if email.configuration_set.is_none() {
        email.configuration_set.clone_from(&account.default_configuration_set);
    }
    check(&email, &account)?;
    let recipients = email.recipients().count();
    if faults.calls.fail_share > 0.0 && standins.dice.chooses_anew(faults.calls.fail_share, "fail", email.identity().as_bytes()) {
        return Err(Refusal::new(faults.fail_status.clone(), "The stand-in was told to fail this message."));
    }
    let fates = oracle(standins, &faults).fates(&email);
    let html = render(standins.store.keep(), &mut email, source, &fates);
    check_length(&email)?;
    standins.ses.take(recipients, now)?;
    let ticket = standins.outstanding.next();
    email.sequence = ticket.sequence();
    email.accepted_at = now;
    email.message_id = message_id(standins, &email);
    let links = html.as_deref().or(email.html.as_deref()).filter(|_| fates.iter().any(Fate::needs_links));
    let links = links.map(find_links).unwrap_or_default();
    Ok(Accepted { email, ticket, fates, links })
}

fn results(standins: &Arc<Standins>, outcomes: Vec<Result<Accepted, Refusal>>) -> Result<BulkEmailEntryResults, SesError> {
    let (mut results, mut accepted) = (Vec::with_capacity(outcomes.len()), Vec::with_capacity(outcomes.len()));
    for outcome in outcomes {
        results.push(match outcome {
            Err(Refusal { status, message }) => BulkEmailEntryResult { status, error: Some(message), message_id: None },
            Ok(one) => {
                let message_id = Some(one.email.message_id.clone());
                accepted.push(one);
                BulkEmailEntryResult { status: "SUCCESS".into(), error: None, message_id }
            }
        });
    }
    keep(standins, accepted)?;
    Ok(BulkEmailEntryResults { bulk_email_entry_results: results })
}

/// Writes accepted mails down, and plans their events: in this order, so that a kill in between loses neither.
fn keep(standins: &Arc<Standins>, mut accepted: Vec<Accepted>) -> Result<(), SesError> {
    let emails: Vec<Email> = accepted.iter_mut().map(|one| std::mem::take(&mut one.email)).collect();
    standins.store.append_emails(&emails).map_err(|error| {
        tracing::error!(error = %error, "accepted mail could not be written down");
        SesError::internal()
    })?;
    for (mut one, mut email) in accepted.into_iter().zip(emails) {
        email.html = None;
        email.text = None;
        one.email = email;
        report(standins, one);
    }
    standins.dispatcher.wake();
    Ok(())
}

/// An id as SES makes them: the time, a unique part, a counter.
fn message_id(standins: &Standins, email: &Email) -> String {
    let high = standins.dice.bits("message id", &email.sequence.to_le_bytes());
    let (millis, low) = (email.accepted_at.as_millisecond(), email.sequence & 0xffff_ffff_ffff);
    let (a, b, c, d) = (high >> 32, (high >> 16) & 0xffff, high & 0xffff, standins.config.seed & 0xffff);
    format!("0100{millis:012x}-{a:08x}-{b:04x}-{c:04x}-{d:04x}-{low:012x}-000000")
}

fn bulk_email(request: &SendBulkEmail<'_>, template: &TemplateShape<'_>, entry: &BulkEmailEntry<'_>) -> Email {
    Email {
        from: request.from_email_address.clone().unwrap_or_default(),
        to: entry.destination.to_addresses.clone(),
        cc: entry.destination.cc_addresses.clone(),
        bcc: entry.destination.bcc_addresses.clone(),
        reply_to: request.reply_to_addresses.clone(),
        headers: headers(&template.headers, &entry.replacement_headers),
        tags: tags(&request.default_email_tags, &entry.replacement_tags),
        configuration_set: request.configuration_set_name.clone(),
        ..Email::default()
    }
}

fn replacement_data<'e, 'a>(entry: &'e BulkEmailEntry<'a>) -> Option<&'e Text<'a>> {
    entry.replacement_email_content.as_ref()?.replacement_template.as_ref()?.replacement_template_data.as_ref()
}

fn parse<'b, T: serde::Deserialize<'b>>(body: &'b [u8]) -> Result<T, SesError> {
    serde_json::from_slice(body).map_err(|error| SesError::bad_request(format!("The request is malformed: {error}")))
}
