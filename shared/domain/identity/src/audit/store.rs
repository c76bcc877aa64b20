//! Where the audit trail, its seals and the jobs about it are kept: the table of entities.
//!
//! | access pattern | key |
//! | --- | --- |
//! | the records of an organization in a month, by time, either way | `ORG#{org}#AUDIT#{yyyy-mm}` · `{at}#{hash}` |
//! | the records of all organizations that wait for a seal, oldest first | index: `UNSEALED#{shard}` · `{at}#{org}#{hash}` |
//! | the sealed records of what a user did | index: `ACTOR#{user}` · `{at}#{org}#{hash}` |
//! | the seals of an organization, in their order | `ORG#{org}#SEALS` · `{number}` |
//! | its head | `ORG#{org}#SEALS` · `HEAD` |
//! | an export of the trail, a verification | `ORG#{org}#TRAIL_EXPORTS` · `{export}`; `ORG#{org}#VERIFICATIONS` · `{verification}` |
//!
//! Whoever edits an item may make it unreadable, so that records and seals are read one by one: what cannot be read is told, and
//! keeps nobody from the rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use carillon_contracts::UserId;
use carillon_dynamo::{Change, Condition, Cursor, Item, Key, Page, Query, Record, StoreError, Table, Trail, Write, number, text};
use carillon_kernel::{Setup, SetupError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::job::Job;
use super::record::StoredRecord;
use super::seal::{Head, Seal};
use super::verification::FoundSeal;

const HEAD: &str = "HEAD";

/// A head as it was found: nothing where it cannot be read.
pub(super) type FoundHead = Option<Head>;

#[derive(Debug, Clone)]
pub(super) struct AuditStore {
    entities: Table,
}

/// A range of an organization's records in a month.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range<'a> {
    pub(super) organization: &'a str,
    pub(super) month: &'a str,
    /// The first and the last sort key.
    pub(super) keys: (&'a str, &'a str),
}

/// The records of a page, those that can be read; and the sort keys of the others.
#[derive(Debug, Default)]
pub(super) struct RecordPage {
    pub(super) records: Vec<StoredRecord>,
    pub(super) unreadable: Vec<String>,
    pub(super) next: Option<Cursor>,
}

impl AuditStore {
    pub(super) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { entities: Table::from_setup(setup, "ENTITIES_TABLE")? })
    }

    pub(super) fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { entities: self.entities.by(trail) }
    }

    /// Reads a page of records, the oldest first.
    pub(super) async fn page(&self, range: Range<'_>, start: Option<Cursor>, limit: u32) -> Result<RecordPage, StoreError> {
        if range.is_empty() { Ok(RecordPage::default()) } else { self.records(range.query().limit(limit).start(start)).await }
    }

    /// Reads a page of records, the newest first.
    pub(super) async fn page_back(&self, range: Range<'_>, start: Option<Cursor>, limit: u32) -> Result<RecordPage, StoreError> {
        if range.is_empty() { Ok(RecordPage::default()) } else { self.records(range.query().backwards().limit(limit).start(start)).await }
    }

    /// Reads a page of the records of a shard that wait for a seal and are older than a moment.
    pub(super) async fn waiting(&self, shard: u8, before: &str, start: Option<Cursor>, limit: u32) -> Result<RecordPage, StoreError> {
        let query = Query::index(Record::unsealed_partition(shard)).between("0", before);
        self.records(query.limit(limit).start(start)).await
    }

    async fn records(&self, query: Query) -> Result<RecordPage, StoreError> {
        let Page { items, next } = self.entities.query_items(query).await?;
        let (mut records, mut unreadable) = (Vec::with_capacity(items.len()), Vec::new());
        for item in items {
            let sk = item.sk().to_owned();
            match item.parse() {
                Ok(record) => records.push(record),
                Err(_) => unreadable.push(sk),
            }
        }
        Ok(RecordPage { records, unreadable, next })
    }

    /// Finds the records that a seal covers, by their sort keys; nothing for one that cannot be read.
    pub(super) async fn covered(&self, organization: &str, seal: &Seal) -> Result<BTreeMap<String, Option<StoredRecord>>, StoreError> {
        let keys: Vec<Key> = seal.covered().map(|(sk, _)| record_key(organization, sk)).collect();
        let items = self.entities.find_items(&keys).await?;
        Ok(items.into_iter().map(|item| (item.sk().to_owned(), item.parse().ok())).collect())
    }

    /// Finds the head of an organization's seals.
    pub(super) async fn find_head(&self, organization: &str) -> Result<Option<FoundHead>, StoreError> {
        let item = self.entities.find_item(Key::new(seals_partition(organization), HEAD)).await?;
        Ok(item.map(|item| item.parse().ok()))
    }

    /// Finds a seal.
    pub(super) async fn find_seal(&self, organization: &str, number: u64) -> Result<Option<FoundSeal>, StoreError> {
        let item = self.entities.find_item(Key::new(seals_partition(organization), seal_sort(number))).await?;
        Ok(item.and_then(found_seal))
    }

    /// Finds the last seal.
    pub(super) async fn last_seal(&self, organization: &str) -> Result<Option<FoundSeal>, StoreError> {
        let query = Query::partition(seals_partition(organization)).between(seal_sort(0), "9").backwards().strong().limit(1);
        Ok(self.entities.query_items(query).await?.items.into_iter().find_map(found_seal))
    }

    /// Reads seals in their order, from the first to the last number, at most so many.
    pub(super) async fn seals(&self, organization: &str, (first, last): (u64, u64), limit: u32) -> Result<Vec<FoundSeal>, StoreError> {
        let query = Query::partition(seals_partition(organization)).between(seal_sort(first), seal_sort(last)).strong().limit(limit);
        Ok(self.entities.query_items(query).await?.items.into_iter().filter_map(found_seal).collect())
    }

    /// Puts a seal with its head, and takes its records from those that wait; refused when another seal was made meanwhile.
    pub(super) async fn put_seal(&self, seal: &Seal, head: &Head, records: &[StoredRecord]) -> Result<(), StoreError> {
        let partition = || seals_partition(&seal.organization);
        let put = self.entities.put(Key::new(partition(), seal_sort(seal.number)), seal, Condition::Absent)?;
        let before = match seal.number {
            1 => Condition::Absent,
            after => Condition::All(vec![Condition::Equals("last", text(&seal.previous)), Condition::Equals("number", number(after - 1))]),
        };
        let moved = self.entities.put(Key::new(partition(), HEAD), head, before)?;
        let entity = |write: Write, entity: &str| write.with("entity", text(entity)).with("schema", number(1));
        let mut writes = vec![entity(put, "audit_seal"), entity(moved, "audit_head")];
        writes.extend(records.iter().map(|stored| self.sealed(stored, seal.number)));
        self.entities.commit(writes).await
    }

    fn sealed(&self, stored: &StoredRecord, seal: u64) -> Write {
        let change = Change::new().set("seal", number(seal));
        // Of people only: an erasure and an export look for them, and what functions do would be one partition for everybody.
        let change = match stored.record.actor.parse::<UserId>() {
            Ok(user) => change.set("gsi1pk", text(Record::actor_partition(&user.to_string()))),
            Err(_) => change.remove("gsi1pk").remove("gsi1sk"),
        };
        let waits = stored.gsi1pk.as_ref().map_or(Condition::Present, |shard| Condition::Equals("gsi1pk", text(shard)));
        let waits = Condition::All(vec![waits, Condition::Without("seal")]);
        self.entities.update(Key::new(&stored.pk, &stored.sk), change, waits)
    }

    /// Finds a job.
    pub(super) async fn find_job<T: DeserializeOwned>(&self, key: Key) -> Result<Option<T>, StoreError> {
        self.entities.find(key).await
    }

    /// Makes the write of a job that is new.
    pub(super) fn insert_job<T: Serialize>(&self, job: &Job<'_, T>) -> Result<Write, StoreError> {
        self.put_job(job, Condition::Absent)
    }

    /// Makes the write of a job that went on from a version.
    pub(super) fn replace_job<T: Serialize>(&self, job: &Job<'_, T>, version: u64) -> Result<Write, StoreError> {
        self.put_job(job, Condition::version(version))
    }

    fn put_job<T: Serialize>(&self, job: &Job<'_, T>, condition: Condition) -> Result<Write, StoreError> {
        let put = self.entities.put(job.key.clone(), job.body, condition)?;
        Ok(put.with("entity", text(job.entity)).with("schema", number(1)).with("ttl", number(job.ends_second)))
    }

    pub(super) async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.entities.commit(writes).await
    }
}

impl Range<'_> {
    /// Tells whether it ends before it begins, which DynamoDB refuses.
    fn is_empty(&self) -> bool {
        self.keys.0 > self.keys.1
    }

    fn query(&self) -> Query {
        let (first, last) = self.keys;
        Query::partition(Record::partition(self.organization, self.month)).between(first, last).strong()
    }

    /// The cursor behind a record of the range.
    pub(super) fn after(&self, sk: &str) -> Cursor {
        Cursor::after(&Key::new(Record::partition(self.organization, self.month), sk))
    }
}

fn found_seal(item: Item) -> Option<FoundSeal> {
    let number = item.sk().parse().ok().filter(|number| seal_sort(*number) == item.sk())?;
    Some(FoundSeal { number, seal: item.parse().ok() })
}

fn record_key(organization: &str, sk: &str) -> Key {
    Key::new(Record::partition(organization, sk.get(..7).unwrap_or_default()), sk)
}

fn seals_partition(organization: &str) -> String {
    format!("ORG#{organization}#SEALS")
}

/// Numbers with leading zeroes sort as numbers do.
fn seal_sort(number: u64) -> String {
    format!("{number:012}")
}

/// The key of an export of the trail.
pub(super) fn export_key(organization: impl std::fmt::Display, export: impl std::fmt::Display) -> Key {
    Key::new(format!("ORG#{organization}#TRAIL_EXPORTS"), export.to_string())
}

/// The key of a verification.
pub(super) fn verification_key(organization: impl std::fmt::Display, verification: impl std::fmt::Display) -> Key {
    Key::new(format!("ORG#{organization}#VERIFICATIONS"), verification.to_string())
}

/// The organization of a record, by the partition in which it lies.
pub(super) fn organization_of(stored: &StoredRecord) -> &str {
    stored.pk.strip_prefix("ORG#").and_then(|rest| rest.split_once('#')).map_or("", |(organization, _)| organization)
}
