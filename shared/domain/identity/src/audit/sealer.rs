//! Seals the records that wait for it, of all organizations.

use std::collections::{BTreeMap, BTreeSet};

use carillon_dynamo::{Cursor, StoreError, UNSEALED_SHARDS};
use carillon_kernel::{Setup, SetupError};
use jiff::{SignedDuration, Timestamp};

use super::error::AuditError;
use super::record::StoredRecord;
use super::seal::{Head, SealKey, divide};
use super::store::{AuditStore, organization_of};

/// How many records of a shard are read at once.
const READ: u32 = 250;
/// How many records one turn reads, and how many seals it makes, before it leaves the rest to the next one.
const MOST_READ: usize = 10_000;
const MOST_SEALS: usize = 1_000;

/// The sealer.
///
/// It may run twice, at the same time too, and die at any await: a seal, its head and the records that it covers change in one transaction,
/// which is refused when the head is not the one that the seal follows. What waits, waits in an index, whatever its moment: a record that
/// a writer committed late is sealed late, and never lost.
#[derive(Debug, Clone)]
pub struct Sealer {
    store: AuditStore,
    key: SealKey,
    settling: SignedDuration,
}

/// A shard of the waiting, as far as it was read.
#[derive(Debug)]
struct Shard {
    number: u8,
    next: Option<Cursor>,
    /// The moment of the last record that was read; nothing when all were.
    read_to: Option<String>,
}

impl Sealer {
    /// Opens the sealer; needs the settings `ENTITIES_TABLE`, `SEAL_KEY` and `SEAL_SETTLING_SECONDS`: how old a record must be, which is
    /// longer than any function that writes records may run.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        let settling = SignedDuration::from_secs(i64::from(setup.number("SEAL_SETTLING_SECONDS")?));
        Ok(Self { store: AuditStore::from_setup(setup)?, key: SealKey::from_setup(setup)?, settling })
    }

    /// Seals what waits and has settled, the oldest first, as much as one turn takes; gives the number of seals.
    ///
    /// # Errors
    /// [`AuditError::ChainBroken`] after everything else was sealed, when the head of an organization does not hold; or what the table fails with.
    pub async fn run(&self, moment: Timestamp) -> Result<usize, AuditError> {
        let (now, cutoff) = (format!("{moment:.3}"), format!("{:.3}", moment.checked_sub(self.settling).unwrap_or(Timestamp::MIN)));
        let mut shards: Vec<Shard> =
            (0..UNSEALED_SHARDS).map(|number| Shard { number, next: None, read_to: Some(String::new()) }).collect();
        let mut waiting: BTreeMap<String, Vec<StoredRecord>> = BTreeMap::new();
        let (mut read, mut seals, mut broken, mut stopped) = (0, 0, None, BTreeSet::new());
        while seals < MOST_SEALS && read < MOST_READ && shards.iter().any(|shard| shard.read_to.is_some()) {
            for stored in self.read(&mut shards, &cutoff).await? {
                read += 1;
                waiting.entry(organization_of(&stored).to_owned()).or_default().push(stored);
            }
            let through = shards.iter().filter_map(|shard| shard.read_to.clone()).min().unwrap_or_else(|| cutoff.clone());
            for (organization, records) in &mut waiting {
                records.sort_by(|one, other| one.sk.cmp(&other.sk));
                let settled = records.iter().take_while(|record| record.moment() < through.as_str()).count();
                let these: Vec<StoredRecord> = records.drain(..settled).collect();
                // What follows something that could not be sealed waits with it, so that nothing is sealed after its time.
                if stopped.contains(organization) {
                    continue;
                }
                let (made, outcome) = self.seal(organization, &these, (&through, &now)).await;
                seals += made;
                match outcome {
                    Ok(()) => {}
                    // Another run is at it, or somebody changes one of the records: they wait for the next turn.
                    Err(AuditError::Store(StoreError::Refused(_) | StoreError::Contended)) => drop(stopped.insert(organization.clone())),
                    Err(error @ AuditError::ChainBroken(_)) => {
                        stopped.insert(organization.clone());
                        broken = Some(error);
                    }
                    Err(error) => return Err(error),
                }
            }
            waiting.retain(|_, records| !records.is_empty());
        }
        broken.map_or(Ok(seals), Err)
    }

    /// Reads on in the shards that are behind the others.
    async fn read(&self, shards: &mut [Shard], cutoff: &str) -> Result<Vec<StoredRecord>, AuditError> {
        let behind = shards.iter().filter_map(|shard| shard.read_to.clone()).min();
        let mut records = Vec::new();
        for shard in shards.iter_mut().filter(|shard| shard.read_to.is_some() && shard.read_to == behind) {
            let page = self.store.waiting(shard.number, cutoff, shard.next.take(), READ).await?;
            let last = page.records.last().map(|last| last.moment().to_owned());
            // A page whose records cannot be read moves nothing on: the next one does.
            shard.read_to = page.next.is_some().then(|| last.or_else(|| shard.read_to.clone()).unwrap_or_default());
            shard.next = page.next;
            records.extend(page.records);
        }
        Ok(records)
    }

    /// Seals records of an organization, which are in their order; gives the number of seals, and what stopped it.
    async fn seal(&self, organization: &str, records: &[StoredRecord], (through, now): (&str, &str)) -> (usize, Result<(), AuditError>) {
        if records.is_empty() {
            return (0, Ok(()));
        }
        let mut head = match self.head(organization).await {
            Ok(head) => head,
            Err(error) => return (0, Err(error)),
        };
        let mut made = 0;
        for (these, through) in divide(records, through) {
            let seal = self.key.seal(head.as_ref(), organization, (these, through, now));
            let next = self.key.head(&seal);
            if let Err(error) = self.store.put_seal(&seal, &next, these).await {
                return (made, Err(error.into()));
            }
            made += 1;
            head = Some(next);
        }
        (made, Ok(()))
    }

    /// Gives the head that the next seal follows; none before the first one.
    async fn head(&self, organization: &str) -> Result<Option<Head>, AuditError> {
        let broken = || AuditError::ChainBroken(organization.to_owned());
        match self.store.find_head(organization).await? {
            Some(found) => Ok(Some(found.filter(|head| self.key.is_of_head(head)).ok_or_else(broken)?)),
            None if self.store.last_seal(organization).await?.is_some() => Err(broken()),
            None => Ok(None),
        }
    }
}
