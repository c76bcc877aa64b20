//! Acceptance: `SendEmail` and `SendBulkEmail` from their JSON to kept mails and planned events.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{
    check::{Refusal, check, check_account, check_length},
    event::SesEvent,
    fate::{Fate, Oracle},
    template::{Template, Values, links},
    wire::{
        BulkEmailEntry, BulkEmailEntryResult, BulkEmailEntryResults, Content, EmailContent, MessageHeader, MessageTag,
        SendBulkEmail, SendEmail, Sent, SesError, TemplateShape, Text,
    },
};
use crate::{
    config::Keep,
    dispatcher::Scheduled,
    outstanding::Ticket,
    record::{Email, Header, Tag},
    standins::Standins,
};

/// Entries of a bulk call, at most (API reference, `SendBulkEmail`).
const ENTRIES_MAX: usize = 50;
/// Length of template data, at most (API reference, `ReplacementTemplate`).
const DATA_BYTES_MAX: usize = 262_144;

/// A mail's content before it is rendered.
enum Source<'a> {
    Ready { subject: &'a str, html: Option<&'a str>, text: Option<&'a str> },
    Template { content: &'a Compiled<'a>, values: Values<'a> },
}

struct Compiled<'t> {
    subject: Template<'t>,
    html: Option<Template<'t>>,
    text: Option<Template<'t>>,
}

/// A mail that was accepted, and everything that follows from it.
struct Accepted {
    email: Email,
    ticket: Arc<Ticket>,
    fates: Vec<Fate>,
    links: Vec<String>,
}

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

/// Reports what an earlier run accepted, and perhaps did not report to the end.
pub(crate) fn report_again(standins: &Arc<Standins>, mut email: Email) {
    let ticket = standins.outstanding.reopen(email.sequence);
    let faults = standins.ses.faults();
    let fates = oracle(standins, &faults).fates(&email);
    let links = email.html.take().as_deref().map(links).unwrap_or_default();
    report(standins, Accepted { email, ticket, fates, links });
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
    let subject = format!("{:?} {:?}", email.to, email.tags.iter().map(|tag| &tag.value).collect::<Vec<_>>());
    if faults.calls.fail_share > 0.0 && standins.dice.chooses_anew(faults.calls.fail_share, "fail", subject.as_bytes()) {
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
    let links = links.map(links_of).unwrap_or_default();
    Ok(Accepted { email, ticket, fates, links })
}

fn links_of(html: &str) -> Vec<String> {
    links(html)
}

/// Renders as much as is kept; gives an HTML part that is not kept, if its links are needed.
fn render(keep: Keep, email: &mut Email, source: &Source<'_>, fates: &[Fate]) -> Option<String> {
    let (full, needs_links) = (keep == Keep::Full, fates.iter().any(Fate::needs_links));
    match source {
        Source::Ready { subject, html, text } => {
            email.subject = (*subject).to_owned();
            let rendered = html.filter(|_| full || needs_links).map(str::to_owned);
            email.text = text.filter(|_| full).map(str::to_owned);
            place_html(full, email, rendered)
        }
        Source::Template { content, values } => {
            if let Some(name) = content.missing(*values) {
                let reason = format!("Attribute '{name}' is not present in the rendering data.");
                email.rendering_failure = Some(reason);
            }
            email.subject = content.subject.render(*values);
            let part = |template: &Option<Template<'_>>| template.as_ref().map(|template| template.render(*values));
            email.text = if full { part(&content.text) } else { None };
            let rendered = if full || needs_links { part(&content.html) } else { None };
            place_html(full, email, rendered)
        }
    }
}

fn place_html(full: bool, email: &mut Email, html: Option<String>) -> Option<String> {
    if full {
        email.html = html;
        return None;
    }
    html
}

fn results(
    standins: &Arc<Standins>,
    outcomes: Vec<Result<Accepted, Refusal>>,
) -> Result<BulkEmailEntryResults, SesError> {
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
    Ok(())
}

/// Plans the events of a mail. SES publishes events only for mail with a configuration set.
fn report(standins: &Arc<Standins>, accepted: Accepted) {
    let Accepted { email, ticket, fates, links } = accepted;
    let faults = standins.ses.faults();
    if faults.scanner_follows_links && fates.iter().any(Fate::is_scanned) {
        visit(standins, &email, &links, Arc::clone(&ticket));
    }
    if email.configuration_set.is_none() {
        return;
    }
    let (now, email) = (Instant::now(), Arc::new(email));
    for planned in oracle(standins, &faults).plan(&email, &fates, &links) {
        let question = planned.kind.clone();
        let times = if faults.calls.event_duplicate_share > 0.0
            && standins.dice.chooses(
                faults.calls.event_duplicate_share,
                "duplicate",
                &format!("{} {question:?}", email.message_id),
            ) {
            2
        } else {
            1
        };
        for _ in 0..times {
            let event = SesEvent { email: Arc::clone(&email), kind: planned.kind.clone(), recipient: planned.recipient };
            standins.dispatcher.schedule(Scheduled { due: now + planned.after, event, ticket: Arc::clone(&ticket) });
        }
    }
}

/// Gets a mail's links as a scanner does, the unsubscribe link of its header too, on this machine only.
fn visit(standins: &Arc<Standins>, email: &Email, links: &[String], ticket: Arc<Ticket>) {
    let unsubscribe = email.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("List-Unsubscribe"));
    let unsubscribe = unsubscribe.flat_map(|header| header.value.split(',')).map(|link| link.trim().trim_matches(['<', '>']));
    let all = links.iter().map(String::as_str).chain(unsubscribe);
    let local: Vec<String> = all.filter(|link| is_local(link)).map(str::to_owned).collect();
    let standins = Arc::clone(standins);
    tokio::spawn(async move {
        for link in local {
            let _slot = standins.callback_slots.acquire().await;
            if let Err(error) = standins.http.get(link).send().await {
                tracing::debug!(is_connect = error.is_connect(), "a scanner's visit failed");
            }
        }
        drop(ticket);
    });
}

fn is_local(link: &str) -> bool {
    let Some(rest) = link.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    matches!(host, "127.0.0.1" | "localhost")
}

fn oracle<'a>(standins: &'a Standins, faults: &'a crate::faults::SesFaults) -> Oracle<'a> {
    Oracle { dice: &standins.dice, faults, campaign_tag: &standins.config.campaign_tag }
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

/// The defaults, with an entry's own in the place of those of the same name.
fn headers(defaults: &[MessageHeader], own: &[MessageHeader]) -> Vec<Header> {
    let kept = defaults.iter().filter(|header| !own.iter().any(|other| other.name.eq_ignore_ascii_case(&header.name)));
    let all = kept.chain(own);
    all.map(|header| Header { name: header.name.clone(), value: header.value.clone() }).collect()
}

/// The defaults, with an entry's own in the place of those of the same name.
fn tags(defaults: &[MessageTag], own: &[MessageTag]) -> Vec<Tag> {
    let kept = defaults.iter().filter(|tag| !own.iter().any(|other| other.name == tag.name));
    kept.chain(own).map(|tag| Tag { name: tag.name.clone(), value: tag.value.clone() }).collect()
}

fn raw_headers(head: &str) -> Vec<Header> {
    let unfolded = head.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
    let fields = unfolded.lines().filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| Header { name: name.trim().to_owned(), value: value.trim().to_owned() }).collect()
}

/// Reads a template once per call; none if it names a stored one, of which there are none.
fn compile<'t>(template: &'t TemplateShape<'_>) -> Result<Option<Compiled<'t>>, SesError> {
    let Some(content) = &template.template_content else {
        return match template.template_name.as_ref().or(template.template_arn.as_ref()) {
            Some(_) => Ok(None),
            None => Err(SesError::bad_request("TemplateContent, TemplateName or TemplateArn is required.")),
        };
    };
    if content.html.is_none() && content.text.is_none() {
        return Err(SesError::bad_request("Template must have an HTML or a text part."));
    }
    let part = |text: &'t Text<'_>| Template::parse(&text.0).map_err(SesError::bad_request);
    Ok(Some(Compiled {
        subject: match &content.subject {
            Some(subject) => part(subject)?,
            None => Template::parse("").map_err(SesError::bad_request)?,
        },
        html: content.html.as_ref().map(part).transpose()?,
        text: content.text.as_ref().map(part).transpose()?,
    }))
}

impl<'t> Compiled<'t> {
    fn missing(&self, values: Values<'_>) -> Option<&'t str> {
        let parts = [Some(&self.subject), self.html.as_ref(), self.text.as_ref()];
        parts.into_iter().flatten().find_map(|part| part.missing(values))
    }
}

fn replacement_data<'e, 'a>(entry: &'e BulkEmailEntry<'a>) -> Option<&'e Text<'a>> {
    entry.replacement_email_content.as_ref()?.replacement_template.as_ref()?.replacement_template_data.as_ref()
}

/// Template data must be the text of a JSON object.
fn read_data(data: Option<&Text<'_>>) -> Result<Map<String, Value>, Refusal> {
    let Some(Text(data)) = data else { return Ok(Map::new()) };
    if data.len() > DATA_BYTES_MAX {
        return Err(Refusal::invalid(format!("Template data is longer than {DATA_BYTES_MAX} characters.")));
    }
    serde_json::from_str(data).map_err(|_| Refusal::invalid("Template data is not a valid JSON object."))
}

fn content_text<'c>(content: &'c Content<'_>) -> &'c str {
    &content.data.0
}

fn parse<'b, T: serde::Deserialize<'b>>(body: &'b [u8]) -> Result<T, SesError> {
    serde_json::from_slice(body).map_err(|error| SesError::bad_request(format!("The request is malformed: {error}")))
}
