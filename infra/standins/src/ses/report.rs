//! What follows from an accepted mail: its events, and a scanner's visits.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    event::SesEvent,
    fate::{Fate, Oracle, Planned},
    template::links as find_links,
};
use crate::{dispatcher::Scheduled, faults::SesFaults, outstanding::Ticket, record::Email, standins::Standins};

/// A mail that was accepted, and everything that follows from it.
pub(super) struct Accepted {
    pub(super) email: Email,
    pub(super) ticket: Arc<Ticket>,
    pub(super) fates: Vec<Fate>,
    pub(super) links: Vec<String>,
}

/// Reports what an earlier run accepted, and perhaps did not report to the end.
pub(crate) fn report_again(standins: &Arc<Standins>, mut email: Email) {
    let ticket = standins.outstanding.reopen(email.sequence);
    let faults = standins.ses.faults();
    let fates = oracle(standins, &faults).fates(&email);
    let links = email.html.take().as_deref().map(find_links).unwrap_or_default();
    report(standins, Accepted { email, ticket, fates, links });
}

/// Plans the events of a mail. SES publishes events only for mail with a configuration set.
pub(super) fn report(standins: &Arc<Standins>, accepted: Accepted) {
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
        for _ in 0..deliveries(standins, &faults, &email, &planned) {
            let event = SesEvent { email: Arc::clone(&email), kind: planned.kind.clone(), recipient: planned.recipient };
            standins.dispatcher.schedule(Scheduled { due: now + planned.after, event, ticket: Arc::clone(&ticket) });
        }
    }
}

/// How often an event is delivered.
fn deliveries(standins: &Standins, faults: &SesFaults, email: &Email, planned: &Planned) -> u32 {
    let share = faults.calls.event_duplicate_share;
    if share <= 0.0 {
        return 1;
    }
    let subject = format!("{} {} {:?}", email.identity(), planned.recipient, planned.kind);
    if standins.dice.chooses(share, "duplicate", &subject) { 2 } else { 1 }
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

pub(super) fn oracle<'a>(standins: &'a Standins, faults: &'a SesFaults) -> Oracle<'a> {
    Oracle { dice: &standins.dice, faults, campaign_tag: &standins.config.campaign_tag }
}
