//! Stores the rows of a chunk: many in one transaction where nobody is in the way, one by one where somebody is.
//!
//! Rows that speak of the same address or contact as an earlier row of the chunk come after all others, one after the other. What a row did
//! is marked on its contact, so that a row that runs again counts the same.

use std::collections::{BTreeMap, BTreeSet};

use carillon_contracts::ContactId;
use carillon_dynamo::{StoreError, Write};
use carillon_kernel::IdSource;
use futures::StreamExt as _;
use jiff::Timestamp;

use crate::contact::Contact;
use crate::error::ContactsError;
use crate::store::ContactStore;

use super::decision::{Decision, Known, Reading, decide};
use super::row::Rejection;
use super::{Import, RowOutcome};

/// The most writes of one transaction of several rows (DynamoDB allows 100).
const WRITES: usize = 100;
/// How many transactions run at the same time.
const AT_ONCE: usize = 16;
/// How often a row is tried when others change the same contact.
const ATTEMPTS: usize = 8;

/// What became of rows, by their numbers.
pub(crate) type Outcomes = BTreeMap<u64, Result<RowOutcome, Rejection>>;

/// Imports the rows of one import.
pub(crate) struct Importer<'a> {
    pub(crate) store: &'a ContactStore,
    pub(crate) import: &'a Import,
    pub(crate) ids: &'a IdSource,
    pub(crate) moment: Timestamp,
}

/// Rows that are stored in one transaction.
#[derive(Default)]
struct Group<'a> {
    rows: Vec<(&'a Reading, RowOutcome)>,
    writes: Vec<Write>,
}

impl Importer<'_> {
    /// Imports rows, in any order but with the outcomes of their order.
    pub(crate) async fn import(&self, rows: &[Reading]) -> Result<Outcomes, ContactsError> {
        let known = self.look(rows).await?;
        let (first, later) = apart(rows, &known);
        let mut outcomes = Outcomes::new();
        let mut again: Vec<&Reading> = Vec::new();
        let mut groups: Vec<Group<'_>> = vec![Group::default()];
        for row in first {
            match decide(self.import, row, &known, (self.ids.id(self.moment), self.moment)) {
                Decision::Nothing(outcome) => drop(outcomes.insert(row.number, Ok(outcome))),
                Decision::Reject(rejection) => drop(outcomes.insert(row.number, Err(rejection))),
                Decision::Look => again.push(row),
                Decision::Change(change, outcome) => add(&mut groups, (row, outcome), self.store.writes(&change)?),
            }
        }
        let groups: Vec<_> = groups.into_iter().map(|group| self.store_group(group)).collect();
        let stored: Vec<Result<Outcomes, ContactsError>> = futures::stream::iter(groups).buffer_unordered(AT_ONCE).collect().await;
        for group in stored {
            outcomes.extend(group?);
        }
        for row in again.into_iter().chain(later) {
            outcomes.insert(row.number, self.import_one(row).await?);
        }
        Ok(outcomes)
    }

    async fn store_group(&self, group: Group<'_>) -> Result<Outcomes, ContactsError> {
        match self.store.table.commit(group.writes).await {
            Ok(()) => Ok(group.rows.into_iter().map(|(row, outcome)| (row.number, Ok(outcome))).collect()),
            Err(StoreError::Refused(_) | StoreError::Contended) => {
                let mut outcomes = Outcomes::new();
                for (row, _) in group.rows {
                    outcomes.insert(row.number, self.import_one(row).await?);
                }
                Ok(outcomes)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn import_one(&self, row: &Reading) -> Result<Result<RowOutcome, Rejection>, ContactsError> {
        for _ in 0..ATTEMPTS {
            let known = self.look(std::slice::from_ref(row)).await?;
            let (change, outcome) = match decide(self.import, row, &known, (self.ids.id(self.moment), self.moment)) {
                Decision::Nothing(outcome) => return Ok(Ok(outcome)),
                Decision::Reject(rejection) => return Ok(Err(rejection)),
                Decision::Look => continue,
                Decision::Change(change, outcome) => (change, outcome),
            };
            match self.store.table.commit(self.store.writes(&change)?).await {
                Ok(()) => return Ok(Ok(outcome)),
                Err(StoreError::Refused(_) | StoreError::Contended) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ContactsError::Busy)
    }

    /// Reads the records of the rows' addresses, the contacts that have them, and the records of those contacts' other addresses.
    async fn look(&self, rows: &[Reading]) -> Result<Known, ContactsError> {
        let organization = self.import.organization;
        let addresses: BTreeSet<_> = rows.iter().flat_map(|row| row.candidate.addresses()).collect();
        let mut records = self.store.records(organization, addresses).await?;
        let holders: BTreeSet<ContactId> = records.values().filter_map(|record| record.contact).collect();
        let contacts = self.store.find_many(organization, holders).await?;
        let others = contacts.values().flat_map(Contact::addresses).filter(|address| !records.contains_key(address)).collect();
        records.extend(self.store.records(organization, others).await?);
        Ok(Known { records, contacts })
    }
}

/// Parts the rows that are the first to speak of their addresses and contacts from those that are not.
fn apart<'a>(rows: &'a [Reading], known: &Known) -> (Vec<&'a Reading>, Vec<&'a Reading>) {
    let mut addresses = BTreeSet::new();
    let mut contacts = BTreeSet::new();
    rows.iter().partition(|row| {
        let (own, holders) = (row.candidate.addresses(), known.holders(&row.candidate).collect::<Vec<_>>());
        let is_first = own.is_disjoint(&addresses) && holders.iter().all(|holder| !contacts.contains(holder));
        addresses.extend(own);
        contacts.extend(holders);
        is_first
    })
}

fn add<'a>(groups: &mut Vec<Group<'a>>, row: (&'a Reading, RowOutcome), writes: Vec<Write>) {
    if groups.last().is_none_or(|group| group.writes.len() + writes.len() > WRITES) {
        groups.push(Group::default());
    }
    if let Some(group) = groups.last_mut() {
        group.rows.push(row);
        group.writes.extend(writes);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::import::row::Candidate;

    #[test]
    fn rows_that_share_an_address_with_an_earlier_one_come_later() {
        let row = |number: u64, email: &str, phone: &str| Reading {
            number,
            candidate: Candidate { email: email.parse().ok(), phone: phone.parse().ok(), ..Candidate::default() },
        };
        let rows = [
            row(1, "a@example.com", "+15017122661"),
            row(2, "b@example.com", ""),
            row(3, "A@example.com", ""),
            row(4, "c@example.com", "+15017122661"),
            row(5, "c@example.com", ""),
        ];

        let (first, later) = apart(&rows, &Known::default());

        let numbers = |rows: Vec<&Reading>| rows.into_iter().map(|row| row.number).collect::<Vec<_>>();
        assert_eq!((numbers(first), numbers(later)), (vec![1, 2], vec![3, 4, 5]));
    }
}
