#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use carillon_dynamo::Record;
use carillon_kernel::Secret;
use carillon_kernel::secret::sha256_hex;
use jiff::Timestamp;
use proptest::prelude::*;

use super::super::seal::divide;
use super::*;

const ORGANIZATION: &str = "org_1";

/// A trail in memory: what the table holds of one organization.
#[derive(Debug, Clone)]
struct Trail {
    key: SealKey,
    records: BTreeMap<String, StoredRecord>,
    seals: BTreeMap<u64, Seal>,
    head: Option<Head>,
}

fn at(millisecond: i64) -> String {
    format!("{:.3}", Timestamp::from_millisecond(1_700_000_000_000 + millisecond).unwrap())
}

fn record(millisecond: i64) -> StoredRecord {
    let at = at(millisecond);
    let id = sha256_hex(at.as_bytes())[..20].to_owned();
    let origin = format!("{id}\x00192.0.2.1\x00curl");
    StoredRecord {
        pk: format!("ORG#{ORGANIZATION}#AUDIT#2023-11"),
        sk: format!("{at}#{id}"),
        gsi1pk: Some("UNSEALED#1".to_owned()),
        seal: None,
        record: Record {
            organization: ORGANIZATION.to_owned(),
            actor: "usr_1".to_owned(),
            ip: Some("192.0.2.1".to_owned()),
            user_agent: Some("curl".to_owned()),
            function: "contacts-update".to_owned(),
            request_id: "req".to_owned(),
            origin_hash: Some(sha256_hex(origin.as_bytes())),
            at,
            changes: format!("[{millisecond}]"),
        },
    }
}

impl Trail {
    fn empty() -> Self {
        Self { key: SealKey::new(&Secret::new("key")), records: BTreeMap::new(), seals: BTreeMap::new(), head: None }
    }

    fn write(&mut self, millisecond: i64) {
        let record = record(millisecond);
        self.records.insert(record.sk.clone(), record);
    }

    /// Seals what waits and is older than a moment, as the sealer does.
    fn seal(&mut self, before: i64) {
        let through = at(before);
        let waiting: Vec<StoredRecord> =
            self.records.values().filter(|record| record.is_waiting() && record.sk < through).cloned().collect();
        for (records, through) in divide(&waiting, &through) {
            let seal = self.key.seal(self.head.as_ref(), ORGANIZATION, (records, through, "now"));
            for sealed in records {
                let stored = self.records.get_mut(&sealed.sk).unwrap();
                (stored.seal, stored.gsi1pk) = (Some(seal.number), Some("ACTOR#usr_1".to_owned()));
            }
            self.head = Some(self.key.head(&seal));
            self.seals.insert(seal.number, seal);
        }
    }

    /// Verifies it all, as the job does.
    fn verify(&self) -> Vec<Finding> {
        let found = |number: u64| self.seals.get(&number).map(|seal| FoundSeal { number, seal: Some(seal.clone()) });
        let last = self.seals.keys().last().and_then(|number| found(*number));
        let Some(end) = End::judge(&self.key, self.head.clone().map(Some), last.as_ref()) else { return Vec::new() };
        let mut findings = end.findings.clone();
        let mut place = ChainPlace::start();
        for number in self.seals.keys().filter(|number| **number <= end.number) {
            let seal = found(*number).unwrap();
            let covered: BTreeMap<_, _> = seal
                .seal
                .as_ref()
                .unwrap()
                .covered()
                .filter_map(|(sk, _)| Some((sk.to_owned(), Some(self.records.get(sk)?.clone()))))
                .collect();
            findings.extend(place.judge((&self.key, ORGANIZATION), &seal, &covered));
        }
        findings.extend(place.missing(end.number));
        for stored in self.records.values() {
            let seal = stored.seal.and_then(found);
            match judge_record((&self.key, ORGANIZATION), stored, seal.as_ref(), &end) {
                Judged::Wrong(finding) => findings.push(finding),
                Judged::Fine | Judged::Waiting => {}
            }
        }
        findings
    }

    fn kinds(&self) -> Vec<FindingKind> {
        self.verify().into_iter().map(|finding| finding.kind).collect()
    }

    fn sealed(count: i64) -> Self {
        let mut trail = Self::empty();
        for number in 0..count {
            trail.write(number * 10);
            if number % 3 == 2 {
                trail.seal(number * 10 + 5);
            }
        }
        trail.seal(count * 10 + 5);
        trail
    }

    fn nth(&mut self, place: usize) -> &mut StoredRecord {
        let places = self.records.len();
        self.records.values_mut().nth(place % places).unwrap()
    }

    fn number(&self, place: usize) -> u64 {
        *self.seals.keys().nth(place % self.seals.len()).unwrap()
    }
}

#[test]
fn a_trail_that_nobody_touched_is_clean_and_what_waits_is_no_finding() {
    let mut trail = Trail::sealed(10);
    trail.write(1000);

    assert_eq!(trail.verify(), []);
    assert_eq!(Trail::empty().verify(), []);
}

#[test]
fn more_records_than_a_seal_takes_become_several_of_which_none_is_late() {
    let mut trail = Trail::empty();
    // Many of one moment are divided, too.
    (0..200).for_each(|number| trail.write(number / 2));
    (200..400).for_each(|number| trail.write(number));
    trail.seal(500);

    assert!(trail.seals.len() > 2);
    assert_eq!(trail.verify(), []);
}

#[test]
fn what_an_erasure_takes_away_is_no_finding() {
    let mut trail = Trail::sealed(5);
    let stored = trail.nth(2);
    (stored.record.ip, stored.record.user_agent) = (None, None);

    assert_eq!(trail.verify(), []);
}

#[test]
fn an_address_that_was_edited_is_found() {
    let mut trail = Trail::sealed(5);
    trail.nth(2).record.ip = Some("192.0.2.2".to_owned());

    assert_eq!(trail.kinds(), [FindingKind::OriginEdited]);
}

#[test]
fn a_record_that_no_seal_covers_is_added_or_waits() {
    let mut trail = Trail::sealed(9);
    let mut unlisted = record(11);
    unlisted.gsi1pk = None;
    let mut pretending = record(12);
    (pretending.gsi1pk, pretending.seal) = (Some("ACTOR#usr_1".to_owned()), Some(1));
    let mut of_no_seal = record(13);
    of_no_seal.seal = Some(99);
    for added in [unlisted, pretending, of_no_seal, record(14)] {
        trail.records.insert(added.sk.clone(), added);
    }
    trail.write(10_000);

    assert_eq!(trail.kinds(), [FindingKind::RecordAdded; 4]);
}

#[test]
fn a_record_that_is_left_for_the_sealer_after_its_time_is_backdated() {
    let mut trail = Trail::sealed(9);
    trail.write(11);
    trail.seal(20_000);

    assert_eq!(trail.kinds(), [FindingKind::RecordBackdated]);
}

#[test]
fn a_tail_that_was_cut_off_is_told_by_the_head_and_a_missing_head_by_the_seals() {
    let mut trail = Trail::sealed(9);
    let last = *trail.seals.keys().last().unwrap();
    let mut without_head = trail.clone();
    without_head.head = None;
    trail.seals.remove(&last);

    assert_eq!(trail.verify()[0], Finding::of_seal(FindingKind::SealRemoved, last));
    assert_eq!(without_head.kinds(), [FindingKind::HeadRemoved]);
}

#[test]
fn a_head_that_was_set_back_is_told_by_the_seals_behind_it_and_by_one_that_was_kept() {
    let mut trail = Trail::sealed(9);
    let kept = KnownHead { number: 3, code: trail.seals[&3].code.clone() };
    let older = trail.key.head(&trail.seals[&2]);
    trail.head = Some(older);

    assert_eq!(trail.kinds(), [FindingKind::HeadEdited]);
    assert!(!kept.is_lost_at(&trail.seals[&3]));
    assert!(KnownHead { code: "other".to_owned(), ..kept }.is_lost_at(&trail.seals[&3]));
}

#[test]
fn a_seal_of_another_key_or_organization_proves_nothing() {
    let mut trail = Trail::sealed(6);
    let records: Vec<StoredRecord> = trail.records.values().take(3).cloned().collect();
    let forged = SealKey::new(&Secret::new("other")).seal(None, ORGANIZATION, (&records, &at(25), "now"));
    let foreign = trail.key.seal(None, "org_2", (&records, &at(25), "now"));

    trail.seals.insert(1, forged);
    assert_eq!(trail.kinds(), [FindingKind::SealEdited]);
    trail.seals.insert(1, foreign);
    assert!(trail.kinds().contains(&FindingKind::SealMoved));
}

#[test]
fn a_seal_that_somebody_made_up_behind_the_head_is_one_finding() {
    let mut trail = Trail::sealed(6);
    let made_up = Seal { number: 999_999_999_999, code: "code".to_owned(), ..trail.seals[&1].clone() };
    trail.seals.insert(made_up.number, made_up);

    assert_eq!(trail.verify(), [Finding::of_seal(FindingKind::SealEdited, 999_999_999_999)]);
}

/// What somebody does to the table.
#[derive(Debug, Clone)]
enum Tampering {
    EditRecord(usize, String),
    RemoveRecord(usize),
    SwapRecords(usize, usize),
    EditSeal(usize, String),
    RemoveSeal(usize),
    SwapSeals(usize, usize),
    CopySeal(usize, usize),
    EditHead(String),
    ForgetRecord(usize),
}

fn tampering() -> impl Strategy<Value = Tampering> {
    let place = || any::<prop::sample::Index>().prop_map(|index| index.index(1000));
    prop_oneof![
        (place(), "[a-z]{1,9}").prop_map(|(place, text)| Tampering::EditRecord(place, text)),
        place().prop_map(Tampering::RemoveRecord),
        (place(), place()).prop_map(|(one, other)| Tampering::SwapRecords(one, other)),
        (place(), "[a-z]{1,9}").prop_map(|(place, text)| Tampering::EditSeal(place, text)),
        place().prop_map(Tampering::RemoveSeal),
        (place(), place()).prop_map(|(one, other)| Tampering::SwapSeals(one, other)),
        (place(), place()).prop_map(|(one, other)| Tampering::CopySeal(one, other)),
        "[a-z]{1,9}".prop_map(Tampering::EditHead),
        place().prop_map(Tampering::ForgetRecord),
    ]
}

impl Trail {
    fn tamper(&mut self, how: &Tampering) {
        match how {
            Tampering::EditRecord(place, text) => self.nth(*place).record.changes.push_str(text),
            Tampering::RemoveRecord(place) => {
                let sk = self.nth(*place).sk.clone();
                self.records.remove(&sk);
            }
            Tampering::SwapRecords(one, other) => {
                let (one, other) = (self.nth(*one).clone(), self.nth(*other).clone());
                self.records.get_mut(&one.sk).unwrap().record = other.record;
                self.records.get_mut(&other.sk).unwrap().record = one.record;
            }
            Tampering::EditSeal(place, text) => {
                let number = self.number(*place);
                self.seals.get_mut(&number).unwrap().records[0].push_str(text);
            }
            Tampering::RemoveSeal(place) => {
                let number = self.number(*place);
                self.seals.remove(&number);
            }
            Tampering::SwapSeals(one, other) => {
                let (one, other) = (self.number(*one), self.number(*other));
                let (first, second) = (self.seals[&one].clone(), self.seals[&other].clone());
                self.seals.insert(one, second);
                self.seals.insert(other, first);
            }
            Tampering::CopySeal(from, to) => {
                let (from, to) = (self.number(*from), self.number(*to));
                self.seals.insert(to, self.seals[&from].clone());
            }
            Tampering::EditHead(text) => self.head.as_mut().unwrap().through.push_str(text),
            // As if it had never been sealed.
            Tampering::ForgetRecord(place) => {
                let stored = self.nth(*place);
                (stored.seal, stored.gsi1pk) = (None, None);
            }
        }
    }

    fn is_as(&self, other: &Self) -> bool {
        (&self.records, &self.seals, &self.head) == (&other.records, &other.seals, &other.head)
    }
}

proptest! {
    #[test]
    fn whatever_is_done_to_records_seals_or_head_is_found(count in 1..40_i64, done in prop::collection::vec(tampering(), 1..4)) {
        let clean = Trail::sealed(count);
        prop_assert_eq!(clean.verify(), []);

        let mut touched = clean.clone();
        for how in &done {
            // What is gone altogether is told by the head alone, and cannot be tampered with any further.
            if !touched.seals.is_empty() && !touched.records.is_empty() {
                touched.tamper(how);
            }
        }

        prop_assert_eq!(touched.is_as(&clean), touched.verify().is_empty(), "{:?}: {:?}", done, touched.verify());
    }
}
