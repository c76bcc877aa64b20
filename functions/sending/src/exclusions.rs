//! Who was excluded since a plan was written: a worker's copy of the exclusion log, read on from where it ended.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use carillon_contacts::exclusions::KEPT_DAYS;
use carillon_contacts::{Exclusion, Exclusions, Purpose};
use carillon_contracts::{Channel, OrganizationId};
use carillon_harness::{Failure, Kind, Setup, SetupError};
use carillon_kernel::Clock;
use carillon_sending::{Definition, Plan};
use jiff::{SignedDuration, Timestamp};

/// How much earlier than asked the log is read: entries carry the time of their writer's clock, and appear when its commit ends.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// How far the log looks back: whoever is on an older plan, after a pause of months, is left out, because nobody knows who left since.
const LOOKS_BACK: SignedDuration = SignedDuration::from_hours((KEPT_DAYS - 1) * 24);

/// How many addresses a worker keeps before it starts anew, so that its memory stays bounded.
const MOST_KEPT: usize = 200_000;

/// A part of the log: the last entry of every address, from a moment to a moment.
#[derive(Debug)]
struct Part {
    from: Timestamp,
    until: Timestamp,
    last: BTreeMap<String, Exclusion>,
}

/// The log as a worker knows it.
#[derive(Debug)]
pub(crate) struct ExclusionLog {
    log: Exclusions,
    clock: Clock,
    parts: Mutex<HashMap<(OrganizationId, Channel), Part>>,
}

impl ExclusionLog {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { log: Exclusions::from_setup(setup)?, clock: setup.clock(), parts: Mutex::default() })
    }

    /// Tells which entries of a plan were excluded since it was written; the log's last word on an address counts.
    pub(crate) async fn among(&self, definition: &Definition, plan: &Plan) -> Result<Vec<usize>, Failure> {
        let of = (definition.organization, definition.channel);
        let wanted_from = plan.created_at - MARGIN;
        let known = self.lock().get(&of).filter(|part| part.from <= wanted_from).map(|part| part.until);
        let now = self.clock.now();
        if now.duration_since(plan.created_at) > LOOKS_BACK {
            return Ok((0..plan.recipients.len()).collect());
        }
        let read_from = known.map_or(wanted_from, |until| until - MARGIN);
        let news = self.log.since(of.0, of.1, read_from).await?;

        let mut parts = self.lock();
        // What is kept may have been started anew in the meantime: then it knows no more than what was read just now.
        let part = parts.entry(of).or_insert_with(|| Part { from: read_from, until: now, last: BTreeMap::new() });
        if part.from > read_from {
            *part = Part { from: read_from, until: now, last: BTreeMap::new() };
        }
        part.until = part.until.max(now);
        news.into_iter().for_each(|entry| part.take(entry));
        let purpose = if definition.marketing { Purpose::Marketing } else { Purpose::Transactional };
        let excluded = plan.recipients.iter().enumerate().filter(|(_, recipient)| part.excludes(&recipient.address, purpose, wanted_from));
        let excluded = excluded.map(|(index, _)| index).collect();
        let complete = part.from <= wanted_from;
        if !complete || part.last.len() > MOST_KEPT {
            parts.remove(&of);
        }
        // Retried by the queue: the next look reads all.
        if complete {
            Ok(excluded)
        } else {
            Err(Failure::new(Kind::Unavailable, "sending.exclusions", "the exclusion log is being read anew"))
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(OrganizationId, Channel), Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    /// Takes an entry: the later one of an address counts, and of two at the same moment the one that excludes.
    fn take(&mut self, entry: Exclusion) {
        match self.last.get_mut(&entry.address) {
            Some(known) if known.at > entry.at => {}
            Some(known) if known.at == entry.at => {
                known.marketing |= entry.marketing;
                known.transactional |= entry.transactional;
            }
            _ => {
                self.last.insert(entry.address.clone(), entry);
            }
        }
    }

    fn excludes(&self, address: &str, purpose: Purpose, since: Timestamp) -> bool {
        !self.last.is_empty()
            && self.last.get(&address.to_ascii_lowercase()).is_some_and(|entry| entry.at >= since && entry.excludes(purpose))
    }
}
