//! A seal: the hashes of some records of an organization, chained to the seal before by a code under a key.

use carillon_kernel::secret::equal_in_constant_time;
use carillon_kernel::{KeyedHash, Secret, Setup, SetupError};
use serde::{Deserialize, Serialize};

use super::record::StoredRecord;

/// How many records a seal covers: they are changed in its transaction, which takes a hundred writes.
const MOST_RECORDS: usize = 90;
/// How many bytes of changes a seal covers at most, if it covers more than one record: a transaction takes 4 MB.
const MOST_BYTES: usize = 2_000_000;

/// A seal as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seal {
    pub(super) organization: String,
    /// From 1, without gaps.
    pub(super) number: u64,
    /// The code of the seal before; empty for the first one.
    pub(super) previous: String,
    /// When it was made.
    pub(super) made_at: String,
    /// Every record before this moment is covered by it or by a seal before.
    pub(super) through: String,
    /// The records that it covers, each `{sort key} {hash}`.
    pub(super) records: Vec<String>,
    /// The code over all of this.
    pub(super) code: String,
}

/// Where the chain of an organization ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) organization: String,
    /// The number of the last seal.
    pub(super) number: u64,
    /// Its code.
    pub(super) last: String,
    /// Its `through`.
    pub(super) through: String,
    /// The code over all of this.
    pub(super) code: String,
}

/// The key of the codes.
#[derive(Debug, Clone)]
pub(super) struct SealKey(KeyedHash);

impl SealKey {
    /// Reads the setting `SEAL_KEY`.
    pub(super) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self::new(&setup.secret("SEAL_KEY")?))
    }

    pub(super) fn new(key: &Secret) -> Self {
        Self(KeyedHash::new(key))
    }

    /// Makes the seal of some records after a head.
    pub(super) fn seal(&self, head: Option<&Head>, organization: &str, (records, through, made_at): (&[StoredRecord], &str, &str)) -> Seal {
        let through = head.map(|head| head.through.as_str()).filter(|before| *before > through).unwrap_or(through);
        let seal = Seal {
            organization: organization.to_owned(),
            number: head.map_or(0, |head| head.number) + 1,
            previous: head.map(|head| head.last.clone()).unwrap_or_default(),
            made_at: made_at.to_owned(),
            through: through.to_owned(),
            records: records.iter().map(|stored| format!("{} {}", stored.sk, stored.record.hash())).collect(),
            code: String::new(),
        };
        Seal { code: self.code("audit-seal", &seal), ..seal }
    }

    /// Makes the head that a seal becomes.
    pub(super) fn head(&self, seal: &Seal) -> Head {
        let Seal { organization, number, code, through, .. } = seal.clone();
        let head = Head { organization, number, last: code, through, code: String::new() };
        Head { code: self.code("audit-head", &head), ..head }
    }

    pub(super) fn is_of_seal(&self, seal: &Seal) -> bool {
        let bare = Seal { code: String::new(), ..seal.clone() };
        equal_in_constant_time(self.code("audit-seal", &bare).as_bytes(), seal.code.as_bytes())
    }

    pub(super) fn is_of_head(&self, head: &Head) -> bool {
        let bare = Head { code: String::new(), ..head.clone() };
        equal_in_constant_time(self.code("audit-head", &bare).as_bytes(), head.code.as_bytes())
    }

    /// The code over the members in their order, as JSON without white space.
    fn code(&self, purpose: &str, thing: &impl Serialize) -> String {
        self.0.hash(purpose, &Secret::new(serde_json::to_string(thing).unwrap_or_default()))
    }
}

impl Seal {
    /// The records that it covers: sort keys and hashes.
    pub(super) fn covered(&self) -> impl Iterator<Item = (&str, &str)> {
        self.records.iter().map(|record| record.split_once(' ').unwrap_or((record, "")))
    }

    pub(super) fn covers(&self, sk: &str) -> bool {
        self.covered().any(|(covered, _)| covered == sk)
    }
}

/// Divides records, which are in the order of their sort keys, into those of one seal each; every seal with the moment before which
/// nothing is left after it, for the last one `through`.
pub(super) fn divide<'r>(mut records: &'r [StoredRecord], through: &'r str) -> Vec<(&'r [StoredRecord], &'r str)> {
    let mut seals = Vec::new();
    while !records.is_empty() {
        let mut bytes = 0;
        let fits = |stored: &&StoredRecord| {
            bytes += stored.record.changes.len();
            bytes <= MOST_BYTES
        };
        let count = records.iter().take(MOST_RECORDS).take_while(fits).count().max(1);
        let (these, rest) = records.split_at(count);
        seals.push((these, rest.first().map_or(through, StoredRecord::moment)));
        records = rest;
    }
    seals
}
