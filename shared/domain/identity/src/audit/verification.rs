//! The rules of a verification: what is wrong with a seal, with the records that it covers, and with records that no seal covers.
//!
//! They judge one thing after the other and remember no more than where they stand, so that a trail of any length is verified in bounded memory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::{StoredRecord, record_id};
use super::seal::{Head, Seal, SealKey};

/// How many missing seals in a row are told one by one.
const MOST_MISSING: usize = 1000;

/// Something that is not as the seals say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What is wrong.
    pub kind: FindingKind,
    /// With which seal, or with a record of which seal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<u64>,
    /// With which record: its id, or its key where that is no record's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A record that was sealed is not there.
    RecordRemoved,
    /// A record is not as it was sealed.
    RecordEdited,
    /// The address or the program of a record are not those that it was sealed with.
    OriginEdited,
    /// A record is in a time that was sealed, and no seal covers it.
    RecordAdded,
    /// A record was sealed when its time had been sealed before: it came later than any writer may.
    RecordBackdated,
    /// A seal is not there.
    SealRemoved,
    /// A seal is not as it was made.
    SealEdited,
    /// A seal is not in its place, or does not follow the one before.
    SealMoved,
    /// There is no head, although there are seals.
    HeadRemoved,
    /// The head is not as it was made, or stands before the last seal.
    HeadEdited,
    /// The chain does not lead through the head that the caller kept.
    HeadLost,
}

/// A head that a caller kept from an earlier verification or export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownHead {
    /// The number of the last seal at that time.
    pub number: u64,
    /// Its code.
    pub code: String,
}

/// A seal as it was found under a number: nothing where it cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundSeal {
    pub(super) number: u64,
    pub(super) seal: Option<Seal>,
}

/// Where a verification stands in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ChainPlace {
    /// The number of the next seal.
    pub(super) next: u64,
    /// The code of the seal before; nothing where that one proves nothing.
    pub(super) previous: Option<String>,
    /// Until when everything had been sealed.
    pub(super) through: String,
}

/// What an uncovered or covered record turns out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judged {
    /// It is covered, or a seal that proves nothing should cover it: that is told of the seal.
    Fine,
    /// It waits for its seal.
    Waiting,
    /// Something is wrong.
    Wrong(Finding),
}

/// The end of the chain as a verification finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    /// The number of the last seal.
    pub(super) number: u64,
    /// Its code, as far as it is known.
    pub(super) code: String,
    /// Until when everything is sealed.
    pub(super) through: String,
    pub(super) findings: Vec<Finding>,
}

impl Finding {
    pub(super) const fn of_seal(kind: FindingKind, seal: u64) -> Self {
        Self { kind, seal: Some(seal), record: None }
    }

    pub(super) fn of_record(kind: FindingKind, sk: &str, seal: Option<u64>) -> Self {
        Self { kind, seal, record: Some(record_id(sk).map_or_else(|| sk.to_owned(), |id| id.to_string())) }
    }

    pub(super) const fn of_head(kind: FindingKind) -> Self {
        Self { kind, seal: None, record: None }
    }
}

impl ChainPlace {
    pub(super) const fn start() -> Self {
        Self { next: 1, previous: Some(String::new()), through: String::new() }
    }

    /// Judges the next seal that was found, and goes on behind it.
    ///
    /// `records` are those that it covers, as they were found, by their sort keys; nothing for one that cannot be read.
    pub(super) fn judge(
        &mut self,
        (key, organization): (&SealKey, &str),
        found: &FoundSeal,
        records: &BTreeMap<String, Option<StoredRecord>>,
    ) -> Vec<Finding> {
        let mut findings = self.missing(found.number.saturating_sub(1));
        if !findings.is_empty() {
            self.previous = None;
        }
        self.next = found.number + 1;
        let Some(seal) = found.seal.as_ref().filter(|seal| key.is_of_seal(seal)) else {
            self.previous = None;
            findings.push(Finding::of_seal(FindingKind::SealEdited, found.number));
            return findings;
        };
        let is_in_place = seal.number == found.number && seal.organization == organization;
        let follows = self.previous.as_ref().is_none_or(|previous| *previous == seal.previous);
        if !is_in_place || !follows {
            self.previous = is_in_place.then(|| seal.code.clone());
            findings.push(Finding::of_seal(FindingKind::SealMoved, found.number));
            return findings;
        }
        for (sk, hash) in seal.covered() {
            findings.extend(covered_kind((sk, hash), records.get(sk)).map(|kind| Finding::of_record(kind, sk, Some(seal.number))));
            if sk < self.through.as_str() {
                findings.push(Finding::of_record(FindingKind::RecordBackdated, sk, Some(seal.number)));
            }
        }
        self.previous = Some(seal.code.clone());
        self.through.clone_from(&seal.through);
        findings
    }

    /// Lists the seals that are missing up to the last one.
    pub(super) fn missing(&self, last: u64) -> Vec<Finding> {
        (self.next..=last).take(MOST_MISSING).map(|number| Finding::of_seal(FindingKind::SealRemoved, number)).collect()
    }
}

impl KnownHead {
    /// Tells whether the chain leads through it, as far as one seal of the chain can tell.
    pub(super) fn is_lost_at(&self, seal: &Seal) -> bool {
        self.number == seal.number && self.code != seal.code
    }
}

impl End {
    /// Judges the head and the last seal that were found; nothing where there are neither.
    pub(super) fn judge(key: &SealKey, head: Option<Option<Head>>, last: Option<&FoundSeal>) -> Option<Self> {
        let of_last = |kind, number| {
            let seal = last.and_then(|last| last.seal.clone());
            let (code, through) = seal.map(|seal| (seal.code, seal.through)).unwrap_or_default();
            Some(Self { number, code, through, findings: vec![Finding::of_head(kind)] })
        };
        let last_number = last.map_or(0, |last| last.number);
        match head {
            None if last.is_none() => None,
            None => of_last(FindingKind::HeadRemoved, last_number),
            Some(head) => match head.filter(|head| key.is_of_head(head)) {
                None => of_last(FindingKind::HeadEdited, last_number),
                Some(head) if head.number < last_number => {
                    let is_own =
                        last.and_then(|last| last.seal.as_ref()).is_some_and(|seal| key.is_of_seal(seal) && seal.number == last_number);
                    // What somebody made up and put behind the head is no seal.
                    let made_up = Self { findings: vec![Finding::of_seal(FindingKind::SealEdited, last_number)], ..Self::at(head) };
                    if is_own { of_last(FindingKind::HeadEdited, last_number) } else { Some(made_up) }
                }
                Some(head) => Some(Self::at(head)),
            },
        }
    }

    fn at(head: Head) -> Self {
        Self { number: head.number, code: head.last, through: head.through, findings: Vec::new() }
    }
}

/// Judges a record of the table: `seal` is the one that it names, if that one is there; `end` is how far the chain goes.
pub(super) fn judge_record((key, organization): (&SealKey, &str), stored: &StoredRecord, seal: Option<&FoundSeal>, end: &End) -> Judged {
    let added = || Judged::Wrong(Finding::of_record(FindingKind::RecordAdded, &stored.sk, stored.seal));
    let Some(number) = stored.seal else {
        let is_sealed_time = stored.sk.as_str() < end.through.as_str();
        return if stored.is_waiting() && !is_sealed_time { Judged::Waiting } else { added() };
    };
    let proves = |seal: &&Seal| key.is_of_seal(seal) && seal.number == number && seal.organization == organization;
    match seal.and_then(|found| found.seal.as_ref()).filter(proves) {
        Some(seal) if seal.covers(&stored.sk) => Judged::Fine,
        Some(_) => added(),
        // What is wrong with a seal of the chain is told of the seal.
        None if (1..=end.number).contains(&number) => Judged::Fine,
        None => added(),
    }
}

/// What is wrong with a record that a seal covers.
fn covered_kind((sk, hash): (&str, &str), found: Option<&Option<StoredRecord>>) -> Option<FindingKind> {
    match found {
        None => Some(FindingKind::RecordRemoved),
        Some(None) => Some(FindingKind::RecordEdited),
        Some(Some(stored)) if stored.record.hash() != hash || stored.sk != sk => Some(FindingKind::RecordEdited),
        Some(Some(stored)) if !stored.record.has_own_origin(stored.id_part()) => Some(FindingKind::OriginEdited),
        Some(Some(_)) => None,
    }
}

#[cfg(test)]
#[path = "verification_tests.rs"]
mod tests;
