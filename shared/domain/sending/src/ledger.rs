//! The ledger's use cases: open a run, write plans, claim and settle them, record facts, fold figures, end a run.

use carillon_contracts::fact::FactKind;
use carillon_contracts::{Channel, EntryRef, OrganizationId, Run};
use carillon_dynamo::{Audited, Change, Condition, Query, Table, Trail, Write, number};
use carillon_kernel::{Setup, SetupError};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::SendingError;
use crate::facts::Facts;
use crate::figures::{Counts, RecipientStatus, Sums};
use crate::keys::{self, RunKey};
use crate::outcome::Outcome;
use crate::plan::{Plan, Recipient, Skipped};
use crate::run::{Definition, RunRecord, RunStatus};
use crate::state::{Claim, Settled, State};
use crate::store::{LedgerStore, change_run, list_active, status_text};

/// How many requests to the table are under way at once where many plans are written.
const WRITES_AT_ONCE: usize = 16;

/// The ledger.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(crate) store: LedgerStore,
}

/// A plan with all that a delivery needs to decide.
#[derive(Debug)]
pub struct Loaded {
    /// The run's record; a single message has none.
    pub run: Option<RunRecord>,
    /// The plan.
    pub plan: Plan,
    /// Its state, untouched when there was none.
    pub state: State,
}

/// How far the writing of plans has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// How many plans are written.
    pub plans: u32,
    /// How many recipients they have.
    pub recipients: u64,
    /// Who was left out, by reason.
    pub skipped: Skipped,
    /// Whether the audience ended.
    pub audience_ended: bool,
}

/// One recipient with its status, as the API lists it.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The plan.
    pub plan: u32,
    /// The place in the plan.
    pub index: usize,
    /// The recipient.
    pub recipient: Recipient,
    /// The status.
    pub status: RecipientStatus,
    /// Why it failed.
    pub reason: Option<String>,
    /// What providers reported.
    pub facts: Vec<FactKind>,
}

impl Ledger {
    /// Opens the ledger's table.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: LedgerStore::from_setup(setup)? })
    }

    /// Gives the ledger for one call's use: the audit trail hears how far the writing of plans has come. What becomes of recipients is told
    /// by the ledger itself, not by the trail.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: LedgerStore { table: self.store.table.by(trail) } }
    }

    /// The table, for commits that join the ledger's writes with others.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.store.table
    }

    /// Makes the writes that open a run: its record, its frozen definition, its place among the runs under way.
    ///
    /// # Errors
    /// [`SendingError`] when the definition cannot be written.
    pub fn open(&self, definition: &Definition) -> Result<Vec<Write>, SendingError> {
        let run = RunRecord {
            organization: definition.organization,
            run: definition.run,
            channel: definition.channel,
            status: RunStatus::Sending,
            epoch: 1,
            generation: 0,
            batch: definition.batch,
            planned: 0,
            recipients: 0,
            skipped: Skipped::new(),
            expanded: false,
            released: 0,
            seen: 0,
            released_ms: definition.created_at.as_millisecond(),
            created_at: definition.created_at,
        };
        let record = self.store.table.put(keys::run(run.key()), &run, Condition::Absent)?;
        Ok(vec![record, self.store.put_definition(run.key(), definition)?, list_active(&self.store.table, &run)?])
    }

    /// Gives a run's record.
    ///
    /// # Errors
    /// [`SendingError::Absent`] when there is none.
    pub async fn run(&self, of: RunKey) -> Result<RunRecord, SendingError> {
        self.store.find_run(of).await?.ok_or(SendingError::Absent("run"))
    }

    /// Gives a run's frozen definition.
    ///
    /// # Errors
    /// [`SendingError::Absent`] when there is none.
    pub async fn definition(&self, of: RunKey) -> Result<Definition, SendingError> {
        self.store.get_definition(of).await
    }

    /// Makes the writes that stop a run for a while; what is with the provider stays there.
    #[must_use]
    pub fn pause(&self, run: &RunRecord) -> Vec<Write> {
        self.stop(run, RunStatus::Paused)
    }

    /// Makes the writes that stop a run for good.
    #[must_use]
    pub fn cancel(&self, run: &RunRecord) -> Vec<Write> {
        self.stop(run, RunStatus::Cancelled)
    }

    /// Makes the writes that end a run whose entries all have their outcomes.
    #[must_use]
    pub fn finish(&self, run: &RunRecord) -> Vec<Write> {
        self.stop(run, RunStatus::Finished)
    }

    fn stop(&self, run: &RunRecord, status: RunStatus) -> Vec<Write> {
        let change = change_run(&self.store.table, run, Change::new().set("status", status_text(status)));
        vec![change, self.store.table.delete(keys::active(run.key(), run.channel), Condition::Always)]
    }

    /// Makes the writes that let a paused run go on: release starts from the first plan again and skips what is done.
    ///
    /// # Errors
    /// [`SendingError`] when the run's place among those under way cannot be written.
    pub fn resume(&self, run: &RunRecord) -> Result<Vec<Write>, SendingError> {
        self.start_again(run, run.generation)
    }

    /// Makes the writes that try the failed entries of an ended run again.
    ///
    /// # Errors
    /// [`SendingError`] when the run's place among those under way cannot be written.
    pub fn retry_failed(&self, run: &RunRecord) -> Result<Vec<Write>, SendingError> {
        self.start_again(run, run.generation.saturating_add(1))
    }

    fn start_again(&self, run: &RunRecord, generation: u8) -> Result<Vec<Write>, SendingError> {
        let change = Change::new()
            .set("status", status_text(RunStatus::Sending))
            .set("generation", number(generation))
            .set("released", number(0))
            .set("seen", number(run.planned));
        Ok(vec![change_run(&self.store.table, run, change), list_active(&self.store.table, run)?])
    }

    /// Lists the runs under way on a channel.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn active(&self, channel: Channel) -> Result<Vec<RunRecord>, SendingError> {
        #[derive(serde::Deserialize)]
        struct Active {
            organization: OrganizationId,
            run: Run,
        }
        let query = Query::partition(keys::ACTIVE).prefix(format!("{channel}#")).strong();
        let listed: Vec<Active> = self.store.table.query_all(query).await?;
        let wanted: Vec<_> = listed.iter().map(|active| keys::run(RunKey::new(active.organization, active.run))).collect();
        let mut runs: Vec<RunRecord> = self.store.table.find_many(&wanted).await?;
        runs.retain(|run| run.status == RunStatus::Sending);
        runs.sort_by_key(RunRecord::key);
        Ok(runs)
    }

    /// Gives a plan, if it is written.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn plan(&self, of: RunKey, number: u32) -> Result<Option<Plan>, SendingError> {
        self.store.find_plan(of, number).await
    }

    /// Writes a plan unless it is there already; false when it was.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn write_plan(&self, of: RunKey, plan: &Plan) -> Result<bool, SendingError> {
        match self.store.table.commit(vec![self.store.insert_plan(of, plan)?]).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_refused() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the write of a plan for a commit with others.
    ///
    /// # Errors
    /// [`SendingError`] when the plan cannot be written.
    pub fn insert_plan(&self, of: RunKey, plan: &Plan) -> Result<Write, SendingError> {
        self.store.insert_plan(of, plan)
    }

    /// Tells a run how far its plans are written; what was told before is never taken back.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn planned(&self, of: RunKey, planned: &Planned) -> Result<(), SendingError> {
        let skipped = planned.skipped.iter().map(|(reason, count)| (reason.clone(), carillon_dynamo::number(*count))).collect();
        let mut change = Change::new()
            .set("planned", number(planned.plans))
            .set("recipients", number(planned.recipients))
            .set("skipped", carillon_dynamo::Value::M(skipped));
        let mut news = Condition::Below("planned", number(planned.plans));
        if planned.audience_ended {
            change = change.set("expanded", carillon_dynamo::Value::Bool(true));
            news = Condition::Any(vec![news, Condition::Equals("planned", number(planned.plans))]);
        }
        let told = match of.run {
            Run::Campaign(campaign) => Some(Audited::done("campaign", campaign, planned)),
            Run::Message(_) => None,
        };
        match self.store.table.commit(vec![self.store.table.update(keys::run(of), change, news).audited(told)]).await {
            Err(error) if !error.is_refused() => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Forgets a plan: to whom it went, what it said, and what became of it.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn forget(&self, of: RunKey, plan: u32) -> Result<(), SendingError> {
        let gone = [keys::plan(of, plan), keys::state(of, plan), keys::facts(of, plan)];
        let writes = gone.map(|key| self.store.table.delete(key, Condition::Always));
        Ok(self.store.table.commit(writes.into()).await?)
    }

    /// Reads all that a delivery of a plan needs, in one request.
    ///
    /// # Errors
    /// [`SendingError::Absent`] when the plan was never written.
    pub async fn load(&self, of: RunKey, plan: u32) -> Result<Loaded, SendingError> {
        let stored = self.store.load(of, plan).await?;
        let plan = stored.plan.ok_or(SendingError::Absent("plan"))?;
        let untouched = || State { kept_days: plan.kept_days, ..State::untouched(plan.number, plan.recipients.len()) };
        let state = stored.state.unwrap_or_else(untouched);
        Ok(Loaded { run: stored.run, plan, state })
    }

    /// Writes a claim; a write that the SDK repeated is recognised by its token.
    ///
    /// # Errors
    /// [`SendingError::Overtaken`] when another worker claimed first.
    pub async fn claim(&self, of: RunKey, state: State, now: Timestamp) -> Result<Claim, SendingError> {
        self.put_state(of, vec![self.store.put_state(of, &state, now)?], state).await.map(|state| Claim { state })
    }

    /// Writes that a worker died at a plan: its entries are in doubt, and listed to be looked at.
    ///
    /// # Errors
    /// [`SendingError::Overtaken`] when another worker wrote first.
    pub async fn doubt(&self, of: RunKey, state: State, now: Timestamp) -> Result<State, SendingError> {
        let writes = self.with_doubt(of, &state, now)?;
        self.put_state(of, writes, state).await
    }

    /// Writes what a call brought for the entries of a claimed plan, in one write, and gives the claim back.
    ///
    /// A worker that comes so late that its lease ended still knows what became of its entries: they are resolved with it.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer: then the lease ends, and the entries are in doubt.
    pub async fn settle(&self, of: RunKey, claim: Claim, results: &[Settled], now: Timestamp) -> Result<State, SendingError> {
        let number = claim.state.number;
        let state = claim.state.settle(results, now);
        let writes = self.with_doubt(of, &state, now)?;
        match self.put_state(of, writes, state).await {
            Err(SendingError::Overtaken) => self.settle_late(of, number, (results, now)).await,
            settled => settled,
        }
    }

    async fn settle_late(&self, of: RunKey, number: u32, (results, now): (&[Settled], Timestamp)) -> Result<State, SendingError> {
        let stored = self.store.find_state(of, number).await?.ok_or(SendingError::Absent("state"))?;
        let known: Vec<(usize, Outcome)> =
            results.iter().filter(|result| result.outcome.is_final()).map(|result| (result.index, result.outcome)).collect();
        let state = stored.resolve(&known);
        self.put_state(of, self.with_doubt(of, &state, now)?, state).await
    }

    async fn put_state(&self, of: RunKey, writes: Vec<Write>, state: State) -> Result<State, SendingError> {
        match self.store.table.commit(writes).await {
            Ok(()) => Ok(state),
            Err(error) if error.is_refused() => match self.store.find_state(of, state.number).await? {
                Some(stored) if stored == state => Ok(state),
                _ => Err(SendingError::Overtaken),
            },
            Err(error) => Err(error.into()),
        }
    }

    fn with_doubt(&self, of: RunKey, state: &State, now: Timestamp) -> Result<Vec<Write>, SendingError> {
        let mut writes = vec![self.store.put_state(of, state, now)?];
        if let Some(since) = state.doubt_ms {
            writes.push(self.list_doubt(of, state.number, since)?);
        }
        Ok(writes)
    }

    /// Merges what providers reported into the facts, one write per touched plan, and tells the touched pages by run.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer; recording the same again is harmless.
    pub async fn record_facts(
        &self,
        reported: &[(OrganizationId, EntryRef, FactKind)],
        moment: Timestamp,
    ) -> Result<BTreeMap<RunKey, Vec<u32>>, SendingError> {
        let mut plans: BTreeMap<(RunKey, u32), Facts> = BTreeMap::new();
        let mut touched: BTreeMap<RunKey, Vec<u32>> = BTreeMap::new();
        for (organization, entry, kind) in reported {
            let of = RunKey::new(*organization, entry.run);
            plans.entry((of, entry.plan)).or_default().add(*kind, entry.attempt, entry.index);
            let pages = touched.entry(of).or_default();
            if !pages.contains(&keys::page_of(entry.plan)) {
                pages.push(keys::page_of(entry.plan));
            }
        }
        stream::iter(plans)
            .map(|((of, plan), facts)| async move { self.store.merge_facts((of, plan), &facts, moment).await })
            .buffer_unordered(WRITES_AT_ONCE)
            .try_collect::<Vec<()>>()
            .await?;
        Ok(touched)
    }

    /// Sums up a page anew and replaces its sums, unless they are the same; another fold at the same time makes it read again.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn fold_page(&self, of: RunKey, page: u32) -> Result<Counts, SendingError> {
        loop {
            let before = self.store.find_sums(of, page).await?;
            let mut counts = Counts::default();
            for (state, facts) in self.store.page(of, page).await?.values() {
                if let Some(state) = state {
                    counts.count(state, facts);
                }
            }
            if before.as_ref().is_some_and(|sums| sums.counts == counts) {
                return Ok(counts);
            }
            let sums = Sums { version: before.map_or(0, |sums| sums.version) + 1, counts };
            match self.store.replace_sums(of, page, &sums).await {
                Ok(()) => return Ok(counts),
                Err(error) if error.is_refused() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives the sums of all pages of a run together.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn counts(&self, of: RunKey) -> Result<Counts, SendingError> {
        let mut counts = Counts::default();
        self.store.all_sums(of).await?.iter().for_each(|sums| counts.merge(&sums.counts));
        Ok(counts)
    }

    /// Counts a run anew from the states and facts of all its pages: what the figures must equal.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn recount(&self, run: &RunRecord) -> Result<Counts, SendingError> {
        let mut counts = Counts::default();
        for page in keys::touched_pages(run.planned) {
            for (state, facts) in self.store.page(run.key(), page).await?.values() {
                if let Some(state) = state {
                    counts.count(state, facts);
                }
            }
        }
        Ok(counts)
    }

    /// Gives the states of a page, by plan, for release to see what is done.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn states(&self, of: RunKey, page: u32) -> Result<BTreeMap<u32, State>, SendingError> {
        let plans = self.store.page(of, page).await?;
        Ok(plans.into_iter().filter_map(|(plan, (state, _))| Some((plan, state?))).collect())
    }

    /// Gives the state and the facts of one plan, if it was touched.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn state(&self, of: RunKey, plan: u32) -> Result<(Option<State>, Facts), SendingError> {
        Ok((self.store.find_state(of, plan).await?, self.store.find_facts(of, plan).await?))
    }

    /// Lists the recipients of some plans with their statuses, in the order of the plans.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn recipients(&self, run: &RunRecord, plans: std::ops::Range<u32>) -> Result<Vec<Listed>, SendingError> {
        let of = run.key();
        let mut listed = Vec::new();
        for number in plans {
            let Some(plan) = self.store.find_plan(of, number).await? else { break };
            let (state, facts) = self.state(of, number).await?;
            let state = state.unwrap_or_else(|| State::untouched(number, plan.recipients.len()));
            for (index, recipient) in plan.recipients.into_iter().enumerate() {
                let outcome = state.outcomes.get(index).unwrap_or(Outcome::Waiting);
                let status = match RecipientStatus::of(outcome, index, &facts) {
                    RecipientStatus::Waiting if run.status == RunStatus::Cancelled => RecipientStatus::Cancelled,
                    status => status,
                };
                listed.push(Listed {
                    plan: number,
                    index,
                    recipient,
                    status,
                    reason: state.reasons.get(&index.to_string()).cloned(),
                    facts: FactKind::ALL.into_iter().filter(|kind| facts.knows(*kind, index)).collect(),
                });
            }
        }
        Ok(listed)
    }
}
