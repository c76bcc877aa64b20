//! Who was excluded since a plan was written: a worker's copy of the exclusion log, read on from where it ended.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use carillon_contacts::{Exclusion, Exclusions};
use carillon_contracts::{Channel, OrganizationId};
use carillon_harness::{Failure, Setup, SetupError};
use carillon_kernel::Clock;
use jiff::{SignedDuration, Timestamp};
use std::sync::{Mutex, PoisonError};

/// How much earlier than asked the log is read: entries carry the time of their writer's clock, and appear when its commit ends.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// How many addresses a worker keeps before it starts anew, so that its memory stays bounded.
const MOST_KEPT: usize = 200_000;

/// A part of the log, from a moment to a moment.
#[derive(Debug, Clone)]
struct Part {
    from: Timestamp,
    until: Timestamp,
    last: BTreeMap<String, (Timestamp, bool)>,
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

    /// Tells which of the addresses were excluded after `since`; the log's last word on an address counts.
    pub(crate) async fn among(
        &self,
        organization: OrganizationId,
        channel: Channel,
        (addresses, since): (&BTreeSet<&str>, Timestamp),
    ) -> Result<BTreeSet<String>, Failure> {
        let wanted_from = since - MARGIN;
        let known = self.lock().get(&(organization, channel)).filter(|part| part.from <= wanted_from).cloned();
        let mut part = known.unwrap_or(Part { from: wanted_from, until: wanted_from, last: BTreeMap::new() });
        let read_from = (part.until - MARGIN).max(part.from);
        let now = self.clock.now();
        for Exclusion { address, at, excluded, .. } in self.log.since(organization, channel, read_from).await? {
            let newer = part.last.get(&address).is_none_or(|(known, was_excluded)| at > *known || (at == *known && (excluded || !was_excluded)));
            if newer {
                part.last.insert(address, (at, excluded));
            }
        }
        part.until = now;
        let gone = |address: &&&str| part.last.get(**address).is_some_and(|(at, excluded)| *excluded && *at >= wanted_from);
        let found = addresses.iter().filter(gone).map(|address| (*address).to_owned()).collect();
        let mut parts = self.lock();
        if part.last.len() > MOST_KEPT {
            parts.remove(&(organization, channel));
        } else {
            parts.insert((organization, channel), part);
        }
        Ok(found)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(OrganizationId, Channel), Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
