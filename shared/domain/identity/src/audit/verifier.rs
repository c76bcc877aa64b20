//! Verifies the trail of an organization as a job: first the seals with the records that they cover, then that nothing else is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use carillon_contracts::message::TrailVerificationRequested;
use carillon_contracts::{OrganizationId, Principal, VerificationId};
use carillon_dynamo::{Audited, Trail};
use carillon_kernel::{Clock, IdSource, Setup, SetupError};
use carillon_outbox::Outbox;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::AuditError;
use super::job::{Job, Stepwise, carry_out};
use super::record::{made_at, months};
use super::seal::SealKey;
use super::store::{AuditStore, Range, verification_key};
use super::verification::{ChainPlace, End, Finding, FindingKind, FoundSeal, Judged, KnownHead, judge_record};
use super::{JobStatus, Progress};

/// How long the outcome of a verification is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How many seals, or records, are judged before the job notes where it stands.
const SEALS: u32 = 10;
const RECORDS: u32 = 500;
/// How many findings are kept; all are counted.
const MOST_FINDINGS: usize = 100;
/// How many seals are remembered while records are compared with them: records of one time name seals of one time.
const REMEMBERED_SEALS: usize = 16;

/// A verification as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Verification {
    id: VerificationId,
    organization: OrganizationId,
    status: JobStatus,
    requested_at: Timestamp,
    requested_by: String,
    expires_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    known_head: Option<KnownHead>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    finished_at: Option<Timestamp>,
    /// The end of the chain when it began: number, code, until when everything is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<(u64, String, String)>,
    stands: Stands,
    counts: Counts,
    /// How many things of each kind were found.
    found: BTreeMap<String, u64>,
    /// The first of them.
    findings: Vec<Finding>,
    version: u64,
}

/// Where a verification stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stands {
    Before,
    InChain(ChainPlace),
    /// In this month, after this sort key.
    InRecords(String, Option<String>),
    Done,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Seals that were recomputed.
    pub seals: u64,
    /// Records that were compared with their seals.
    pub records: u64,
    /// Records that wait for a seal.
    pub waiting: u64,
}

/// A verification as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerificationView {
    /// The id.
    pub id: VerificationId,
    /// How far it is.
    pub status: JobStatus,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// By whom.
    pub requested_by: String,
    /// When it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// What was looked at so far.
    pub checked: Counts,
    /// Whether everything is as it was sealed; nothing while it is not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<bool>,
    /// How many things of each kind are not.
    pub found: BTreeMap<String, u64>,
    /// The first hundred of them.
    pub findings: Vec<Finding>,
    /// The end of the chain: whoever keeps it notices later when the trail was set back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<KnownHead>,
}

/// The verifications of the audit trail.
#[derive(Debug, Clone)]
pub struct Verifications {
    store: AuditStore,
    outbox: Outbox,
    clock: Clock,
}

/// What carries verifications out: it has the key of the seals.
#[derive(Debug, Clone)]
pub struct Verifier {
    store: AuditStore,
    key: SealKey,
    clock: Clock,
}

impl Verifications {
    /// Opens the verifications; needs the setting `ENTITIES_TABLE`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: AuditStore::from_setup(setup)?, outbox: Outbox::from_setup(setup)?, clock: setup.clock() })
    }

    /// Gives the verifications for one call's use: that one was asked for is told in the trail itself.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail), ..self.clone() }
    }

    /// Takes a request for a verification, and leaves it to a consumer; `known` is a head that the caller kept.
    ///
    /// # Errors
    /// [`AuditError::Store`] when the table fails.
    pub async fn request(
        &self,
        (organization, principal): (OrganizationId, Principal),
        known: Option<KnownHead>,
        (id, moment, ids): (VerificationId, Timestamp, &IdSource),
    ) -> Result<VerificationView, AuditError> {
        let verification = Verification {
            id,
            organization,
            status: JobStatus::Pending,
            requested_at: moment,
            requested_by: principal.to_string(),
            expires_at: moment + KEPT,
            known_head: known,
            finished_at: None,
            end: None,
            stands: Stands::Before,
            counts: Counts::default(),
            found: BTreeMap::new(),
            findings: Vec::new(),
            version: 1,
        };
        let (message, ticket) = self.outbox.write(&TrailVerificationRequested { organization, verification: id }, moment, ids)?;
        let told = Audited::created("audit_verification", id, &serde_json::json!({ "head": verification.known_head }));
        let insert = self.store.insert_job(&verification.job())?.audited(told);
        self.store.commit(vec![insert, message]).await?;
        self.outbox.dispatch(ticket).await;
        Ok(verification.view())
    }

    /// Gives a verification.
    ///
    /// # Errors
    /// [`AuditError::VerificationAbsent`], or what the table fails with.
    pub async fn get(&self, organization: OrganizationId, id: VerificationId) -> Result<VerificationView, AuditError> {
        let found: Option<Verification> = self.store.find_job(verification_key(organization, id)).await?;
        let is_kept = |found: &Verification| self.clock.now() < found.expires_at;
        Ok(found.filter(is_kept).ok_or(AuditError::VerificationAbsent)?.view())
    }
}

impl Verifier {
    /// Opens the verifier; needs the settings `ENTITIES_TABLE` and `SEAL_KEY`.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: AuditStore::from_setup(setup)?, key: SealKey::from_setup(setup)?, clock: setup.clock() })
    }

    /// Carries a verification out until it is done or the time is over.
    ///
    /// Safe to run twice and to die at any await: it goes on from where it noted that it stands.
    ///
    /// # Errors
    /// What the table fails with.
    pub async fn verify(&self, (organization, id): (OrganizationId, VerificationId), until: Timestamp) -> Result<Progress, AuditError> {
        let step = |verification| self.step(verification);
        carry_out((&self.store, verification_key(organization, id)), (&self.clock, until), step).await
    }

    async fn step(&self, at: Verification) -> Result<Verification, AuditError> {
        let mut next = match at.stands.clone() {
            Stands::Before => self.begin(at).await?,
            Stands::InChain(place) => self.judge_chain(at, place).await?,
            Stands::InRecords(month, after) => self.judge_records(at, (month, after)).await?,
            Stands::Done => at,
        };
        next.version += 1;
        next.status = JobStatus::Running;
        if next.stands == Stands::Done {
            (next.status, next.finished_at) = (JobStatus::Done, Some(self.clock.now()));
        }
        Ok(next)
    }

    /// Finds the end of the chain. The last seal is read before the head, which a sealer at work never lets stand before it.
    async fn begin(&self, mut at: Verification) -> Result<Verification, AuditError> {
        let organization = at.organization.to_string();
        let last = self.store.last_seal(&organization).await?;
        let head = self.store.find_head(&organization).await?;
        at.stands = match End::judge(&self.key, head, last.as_ref()) {
            Some(end) => {
                at.note(end.findings);
                at.end = Some((end.number, end.code, end.through));
                Stands::InChain(ChainPlace::start())
            }
            None => at.first_month(),
        };
        if at.known_head.as_ref().is_some_and(|known| known.number > at.end.as_ref().map_or(0, |end| end.0)) {
            at.note(vec![Finding::of_head(FindingKind::HeadLost)]);
        }
        Ok(at)
    }

    async fn judge_chain(&self, mut at: Verification, mut place: ChainPlace) -> Result<Verification, AuditError> {
        let organization = at.organization.to_string();
        let last = at.end.as_ref().map_or(0, |end| end.0);
        let seals = if place.next > last { Vec::new() } else { self.store.seals(&organization, (place.next, last), SEALS).await? };
        if seals.is_empty() {
            at.note(place.missing(last));
            at.stands = at.first_month();
            return Ok(at);
        }
        for found in seals {
            let covered = match &found.seal {
                Some(seal) if self.key.is_of_seal(seal) => self.store.covered(&organization, seal).await?,
                _ => BTreeMap::new(),
            };
            at.note(place.judge((&self.key, &organization), &found, &covered));
            at.counts.seals += 1;
            let is_lost = |seal: &super::seal::Seal| at.known_head.as_ref().is_some_and(|known| known.is_lost_at(seal));
            if found.seal.as_ref().is_some_and(is_lost) {
                at.note(vec![Finding::of_head(FindingKind::HeadLost)]);
            }
        }
        at.stands = Stands::InChain(place);
        Ok(at)
    }

    async fn judge_records(&self, mut at: Verification, (month, after): (String, Option<String>)) -> Result<Verification, AuditError> {
        let organization = at.organization.to_string();
        let end = at.end.clone().unwrap_or_default();
        let end = End { number: end.0, code: end.1, through: end.2, findings: Vec::new() };
        let range = Range { organization: &organization, month: &month, keys: ("0", "~") };
        let page = self.store.page(range, after.map(|sk| range.after(&sk)), RECORDS).await?;
        at.note(page.unreadable.iter().map(|sk| Finding::of_record(FindingKind::RecordEdited, sk, None)).collect());
        let mut seals: BTreeMap<u64, Option<FoundSeal>> = BTreeMap::new();
        for stored in &page.records {
            if let Some(number) = stored.seal.filter(|number| !seals.contains_key(number)) {
                if seals.len() >= REMEMBERED_SEALS {
                    seals.pop_first();
                }
                seals.insert(number, self.store.find_seal(&organization, number).await?);
            }
            let seal = stored.seal.and_then(|number| seals.get(&number)).and_then(Option::as_ref);
            match judge_record((&self.key, &organization), stored, seal, &end) {
                Judged::Fine => at.counts.records += 1,
                Judged::Waiting => at.counts.waiting += 1,
                Judged::Wrong(finding) => at.note(vec![finding]),
            }
        }
        at.stands = match page.next.as_ref().and_then(|next| next.attribute("sk")) {
            Some(sk) => Stands::InRecords(month, Some(sk.to_owned())),
            None => at.month_after(&month),
        };
        Ok(at)
    }
}

impl Stepwise for Verification {
    fn job(&self) -> Job<'_, Self> {
        let (key, ends_second) = (verification_key(self.organization, self.id), self.expires_at.as_second());
        Job { key, entity: "verification", body: self, status: self.status, version: self.version, ends_second }
    }
}

impl Verification {
    fn note(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            let name = serde_json::to_value(finding.kind).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
            *self.found.entry(name).or_default() += 1;
            if self.findings.len() < MOST_FINDINGS {
                self.findings.push(finding);
            }
        }
    }

    /// The months of the organization's life, up to that of the request.
    fn months(&self) -> Vec<String> {
        months(made_at(self.organization), self.requested_at)
    }

    fn first_month(&self) -> Stands {
        self.months().into_iter().next().map_or(Stands::Done, |month| Stands::InRecords(month, None))
    }

    fn month_after(&self, month: &str) -> Stands {
        let next = self.months().into_iter().find(|next| next.as_str() > month);
        next.map_or(Stands::Done, |month| Stands::InRecords(month, None))
    }

    fn view(self) -> VerificationView {
        let holds = (self.status == JobStatus::Done).then_some(self.found.is_empty());
        let head = self.end.filter(|(number, ..)| *number > 0).map(|(number, code, _)| KnownHead { number, code });
        VerificationView {
            id: self.id,
            status: self.status,
            requested_at: self.requested_at,
            requested_by: self.requested_by,
            finished_at: self.finished_at,
            checked: self.counts,
            holds,
            found: self.found,
            findings: self.findings,
            head,
        }
    }
}
