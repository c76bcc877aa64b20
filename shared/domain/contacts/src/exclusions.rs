//! The exclusion log: which addresses stopped being reachable lately, for senders whose plans are older than that.
//!
//! Every suppression, withdrawal of consent, deletion or change of an address writes its entry in its own transaction; an entry says
//! how things stand since then, so that the last one of an address counts.
//!
//! | access pattern | key |
//! | --- | --- |
//! | the entries of a channel since a moment | `ORG#{org}#EXCL#{channel}` · `{at}#{address}` |

use std::collections::BTreeMap;

use carillon_contracts::{Channel, OrganizationId};
use carillon_dynamo::{Query, Table};
use carillon_kernel::{Setup, SetupError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::ContactsError;
use crate::keys;
use crate::suppression::Purpose;

/// How long an entry is kept, in days: longer than any campaign runs.
pub const KEPT_DAYS: i64 = 100;

/// How many entries are read at once.
const ENTRIES_OF_PAGE: u32 = 250;

/// How an address stands since a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    /// The address: an email address in lower case, or a number in E.164.
    pub address: String,
    /// Since when.
    pub at: Timestamp,
    /// Whether marketing must not be sent to it.
    pub marketing: bool,
    /// Whether transactional messages must not be sent to it.
    pub transactional: bool,
}

impl Exclusion {
    /// Tells whether messages of the purpose must not be sent to the address.
    #[must_use]
    pub const fn excludes(&self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Marketing => self.marketing,
            Purpose::Transactional => self.transactional,
        }
    }
}

/// The addresses that a stretch of the log speaks of, each with its last entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excluded(BTreeMap<String, Exclusion>);

impl Excluded {
    /// Takes an entry, in whatever order they come: the last of an address counts, and of two at the same moment the one that excludes.
    pub fn take(&mut self, entry: Exclusion) {
        match self.0.get_mut(&entry.address) {
            Some(known) if known.at > entry.at => {}
            Some(known) if known.at == entry.at => {
                known.marketing |= entry.marketing;
                known.transactional |= entry.transactional;
            }
            _ => {
                self.0.insert(entry.address.clone(), entry);
            }
        }
    }

    /// Tells whether messages of the purpose must not be sent to an address, however it is written, by what was said since a moment.
    #[must_use]
    pub fn contains(&self, address: &str, purpose: Purpose, since: Timestamp) -> bool {
        !self.0.is_empty() && self.0.get(&address.to_ascii_lowercase()).is_some_and(|entry| entry.at >= since && entry.excludes(purpose))
    }

    /// How many addresses it speaks of.
    #[must_use]
    pub fn addresses(&self) -> usize {
        self.0.len()
    }
}

/// The exclusion log of all organizations.
#[derive(Debug, Clone)]
pub struct Exclusions {
    table: Table,
}

impl Exclusions {
    /// Opens the log.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { table: Table::from_setup(setup, "ENTITIES_TABLE")? })
    }

    /// Gives `each` the entries of a channel since a moment, that moment included, seeing every change that was acknowledged before.
    ///
    /// Clocks of functions differ: ask from some minutes before the plan on. Entries come in small pages, because the log of a busy
    /// minute is long, and many deliveries read it at once.
    ///
    /// # Errors
    /// [`ContactsError`] when the table does not answer.
    pub async fn since(
        &self,
        (organization, channel): (OrganizationId, Channel),
        moment: Timestamp,
        mut each: impl FnMut(Exclusion),
    ) -> Result<(), ContactsError> {
        let query =
            Query::partition(keys::exclusions(organization, channel)).after(keys::sort_text(moment)).strong().limit(ENTRIES_OF_PAGE);
        let mut start = None;
        loop {
            let page = self.table.query(query.clone().start(start)).await?;
            page.items.into_iter().for_each(&mut each);
            start = page.next;
            if start.is_none() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn entry(second: i64, marketing: bool) -> Exclusion {
        Exclusion { address: "ada@example.com".to_owned(), at: Timestamp::from_second(second).unwrap(), marketing, transactional: false }
    }

    fn of(entries: impl IntoIterator<Item = Exclusion>) -> Excluded {
        let mut excluded = Excluded::default();
        entries.into_iter().for_each(|entry| excluded.take(entry));
        excluded
    }

    fn excludes(excluded: &Excluded, purpose: Purpose) -> bool {
        excluded.contains("Ada@example.com", purpose, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_last_entry_counts_in_whatever_order_they_come() {
        assert!(!excludes(&of([entry(3, false), entry(1, true), entry(2, true)]), Purpose::Marketing));

        let excluded = of([entry(1, false), entry(3, true), entry(2, false)]);
        assert!(excludes(&excluded, Purpose::Marketing));
        assert!(!excludes(&excluded, Purpose::Transactional));
    }

    #[test]
    fn at_the_same_moment_the_exclusion_wins() {
        for pair in [[entry(1, true), entry(1, false)], [entry(1, false), entry(1, true)]] {
            assert!(excludes(&of(pair), Purpose::Marketing));
        }
    }

    #[test]
    fn what_was_said_before_the_moment_does_not_count() {
        let excluded = of([entry(10, true)]);

        assert!(excluded.contains("ada@example.com", Purpose::Marketing, Timestamp::from_second(10).unwrap()));
        assert!(!excluded.contains("ada@example.com", Purpose::Marketing, Timestamp::from_second(11).unwrap()));
    }
}
