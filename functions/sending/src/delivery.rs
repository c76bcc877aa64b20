//! What the deliveries of all channels share: load, claim, look up exclusions, and afterwards settle and ask for what follows.
//!
//! Safe to run twice and to die at any await. Before the claim nothing was done. Between the claim and the settled result, the claim's
//! lease keeps everybody else away, and when it ends the entries are in doubt: never sent again blindly. After the settled result, a
//! repeat finds the plan done.

use std::sync::Arc;

use carillon_contracts::{Channel, Run};
use carillon_harness::{Delivery, Failure, Setup, SetupError};
use carillon_kernel::{Clock, IdSource};
use carillon_sending::keys::{RunKey, page_of};
use carillon_sending::outcome::Outcome;
use carillon_sending::state::Turn;
use carillon_sending::{Claim, FoldRequests, Ledger, Loaded, Plan, RunStatus, SendingError, Settled};

use crate::emergency_stop::EmergencyStop;
use crate::exclusions::ExclusionLog;
use crate::frozen::{Frozen, FrozenRuns};

/// The longest wait before a plan that the provider put off is tried again: SQS delays no longer.
const LONGEST_WAIT_SECONDS: u32 = 900;

/// What a delivery works with.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) ledger: Ledger,
    exclusions: ExclusionLog,
    folds: FoldRequests,
    frozen: FrozenRuns,
    stop: EmergencyStop,
    /// How long after a look at a channel that is off the next one comes, in seconds.
    held_seconds: u32,
    clock: Clock,
    ids: IdSource,
}

/// A claimed plan: the right to call the provider once for these entries.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) of: RunKey,
    pub(crate) frozen: Arc<Frozen>,
    pub(crate) plan: Plan,
    pub(crate) claim: Claim,
    /// The entries to send.
    pub(crate) entries: Vec<usize>,
    /// The entries that were excluded since the plan was written, settled already.
    excluded: Vec<Settled>,
}

/// What is to be done with a message that asks for a delivery.
#[derive(Debug)]
pub(crate) enum Begin {
    /// Send.
    Send(Box<Job>),
    /// Nothing: done, stopped, or somebody else's.
    Leave,
    /// Come again after so many seconds.
    Later(u32),
}

/// What a call brought for a whole plan.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// One result for each entry that was sent.
    pub(crate) settled: Vec<Settled>,
    /// Whether the provider throttles.
    pub(crate) throttled: bool,
}

impl Job {
    fn new((of, plan, claim): (RunKey, Plan, Claim), frozen: Arc<Frozen>, gone: &[usize]) -> Self {
        let waiting = claim.state.outcomes.having(Outcome::Waiting);
        let (gone, entries): (Vec<usize>, Vec<usize>) = waiting.partition(|index| gone.contains(index));
        let excluded = gone.into_iter().map(|index| settled(index, Outcome::Excluded, Some("excluded_since_planned"))).collect();
        Self { of, frozen, plan, claim, entries, excluded }
    }
}

impl Desk {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            ledger: Ledger::from_setup(setup)?,
            exclusions: ExclusionLog::from_setup(setup)?,
            folds: FoldRequests::from_setup(setup)?,
            frozen: FrozenRuns::default(),
            stop: EmergencyStop::from_setup(setup)?,
            held_seconds: setup.number("HELD_SECONDS")?.min(LONGEST_WAIT_SECONDS),
            clock: setup.clock(),
            ids: setup.ids(),
        })
    }

    /// Loads a plan and claims it, if it may be sent.
    pub(crate) async fn begin(&self, of: RunKey, plan: u32, delivery: Delivery) -> Result<Begin, Failure> {
        let Loaded { run, plan, state } = match self.ledger.load(of, plan).await {
            // Plans are there before their hints: this one's recipient was erased meanwhile.
            Err(SendingError::Absent("plan")) => return Ok(Begin::Leave),
            loaded => loaded?,
        };
        if run.as_ref().is_some_and(|run| run.status != RunStatus::Sending) {
            return Ok(Begin::Leave);
        }
        let generation = run.map_or(0, |run| run.generation);
        let token = format!("{:x}", u64::from_be_bytes(self.ids.bytes()));
        let state = match state.turn(token, generation, self.clock.now()) {
            Turn::Claim(state) => state,
            Turn::Busy(until) => return Ok(Begin::Later(seconds_until(until, delivery))),
            Turn::Doubt(state) => {
                self.ledger.doubt(of, state, delivery.moment).await?;
                self.folds.ask([(of, vec![page_of(plan.number)])]).await?;
                return Ok(Begin::Leave);
            }
            Turn::Done => return Ok(Begin::Leave),
        };
        let frozen = self.frozen(of, &plan).await?;
        if self.stop.holds(&frozen.definition, self.clock.now()).await {
            return Ok(Begin::Later(self.held_seconds));
        }
        let claim = match self.ledger.claim(of, state, self.clock.now()).await {
            Ok(claim) => claim,
            Err(SendingError::Overtaken) => return Ok(Begin::Later(1)),
            Err(error) => return Err(error.into()),
        };
        // After the claim, so that nobody who was excluded before it slips through.
        match self.exclusions.among(&frozen.definition, &plan).await {
            Ok(gone) => Ok(Begin::Send(Box::new(Job::new((of, plan, claim), frozen, &gone)))),
            Err(failure) => {
                // Nothing was sent: given back, the claim leaves no doubt.
                self.ledger.settle(of, claim, &[], self.clock.now()).await?;
                Err(failure)
            }
        }
    }

    async fn frozen(&self, of: RunKey, plan: &Plan) -> Result<Arc<Frozen>, Failure> {
        match &plan.definition {
            Some(text) => {
                let definition = serde_json::from_str(text).map_err(|error| SendingError::Corrupt("definition", error))?;
                Ok(Arc::new(Frozen::load(definition)?))
            }
            None => self.frozen.get(&self.ledger, of).await,
        }
    }

    /// Writes what the call brought, asks for the page's sums, and tells after how many seconds the rest is to be tried again.
    pub(crate) async fn settle(&self, job: Job, results: Results) -> Result<Option<u32>, Failure> {
        let Job { of, claim, excluded, plan, frozen, .. } = job;
        let mut settled = results.settled;
        settled.extend(excluded);
        let state = self.ledger.settle(of, claim, &settled, self.clock.now()).await?;
        if results.throttled {
            self.ledger.throttled(frozen.definition.channel, self.clock.now()).await?;
        }
        self.folds.ask([(of, vec![page_of(plan.number)])]).await?;
        Ok(state.outcomes.any(Outcome::Waiting).then(|| wait_seconds(state.tries)))
    }
}

/// Makes the result of one entry.
pub(crate) fn settled(index: usize, outcome: Outcome, reason: Option<&str>) -> Settled {
    Settled { index, outcome, reason: reason.map(str::to_owned), provider_id: None }
}

/// How long to wait before the next try: 2, 4, 8 … seconds, at most 15 minutes.
fn wait_seconds(tries: u32) -> u32 {
    2_u32.saturating_pow(tries.clamp(1, 10)).min(LONGEST_WAIT_SECONDS)
}

fn seconds_until(until: jiff::Timestamp, delivery: Delivery) -> u32 {
    u32::try_from(until.duration_since(delivery.moment).as_secs() + 1).unwrap_or(1).clamp(1, LONGEST_WAIT_SECONDS)
}

/// The organization's and the run's names as tags and callbacks carry them; the channel that a message's definition names.
pub(crate) fn channel_of(job: &Job) -> Channel {
    job.frozen.definition.channel
}

/// Names a run of the organization.
pub(crate) fn run_key(organization: carillon_contracts::OrganizationId, run: Run) -> RunKey {
    RunKey::new(organization, run)
}
