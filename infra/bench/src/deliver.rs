//! CPU time and allocations of the deliver path: claim, render, sign, call, store.
//!
//! The function itself is driven, with events as Lambda gives them, ten messages each, on one thread with its own runtime, as on
//! Lambda. Its HTTP connections run on that thread, too; the servers that answer are another process. Connections are plain HTTP:
//! TLS comes on top in production, for both sides of the comparison.

use std::path::Path;

use carillon_contracts::Run;
use carillon_contracts::message::{AudienceExpansionRequested, EmailDeliveryRequested};
use carillon_harness::{Invocation, Invoke, Setup};
use carillon_local::registry;
use carillon_sending::Ledger;
use carillon_sending::keys::RunKey;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::campaign::{self, Prepared};
use crate::measure::{self, Measured};
use crate::stage::{RunningStage, Stage};
use crate::{Failure, plain, steps};

/// The size of a plan.
pub const RECIPIENTS_OF_PLAN: u32 = 50;
/// How many messages one invocation brings: the batch size of the mapping.
pub const PLANS_OF_INVOCATION: u32 = 10;
/// How many rounds are measured; the last one counts allocations.
pub const ROUNDS: u32 = 6;
/// What is delivered before anything is measured, so that connections stand and code is warm.
const WARMING_PLANS: u32 = 40;
/// How many plans one message of expansion writes.
const PLANS_OF_EXPANSION: u32 = 200;
/// How many plans the measuring of single steps takes for each round.
const PLANS_OF_STEP: u32 = 100;

/// What the deliver path costs for each recipient.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeliverReport {
    /// Recipients of each round.
    pub recipients_of_round: u32,
    /// The function `sending-deliver-email`.
    pub deliver: Measured,
    /// One `SendEmail` for each recipient, with the plain SDK and a mail that is rendered already, and nothing else.
    pub plain: Measured,
    /// How many times as much CPU time the plain calls take.
    pub times_as_cheap: f64,
    /// Parts of the path, each measured alone.
    pub steps: Vec<Step>,
}

/// A part of the path.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// What it is.
    pub name: String,
    /// What it costs for each recipient.
    pub measured: Measured,
}

/// The plans that are there to be delivered, each taken once.
pub struct Bench {
    /// One thread's runtime, as on Lambda.
    pub runtime: Runtime,
    /// What the function is built from.
    pub setup: Setup,
    /// The run.
    pub of: RunKey,
    /// The ledger.
    pub ledger: Ledger,
    next: u32,
}

impl Bench {
    /// Takes the numbers of plans that nobody has delivered.
    pub fn take(&mut self, plans: u32) -> std::ops::Range<u32> {
        let first = self.next;
        self.next += plans;
        first..self.next
    }
}

/// Measures.
pub fn run(out: &Path, recipients: u32) -> Result<DeliverReport, Failure> {
    let plans = recipients.div_ceil(RECIPIENTS_OF_PLAN).next_multiple_of(PLANS_OF_INVOCATION);
    let running = RunningStage::start(&campaign::empty_folder(out, "deliver")?)?;
    let all = WARMING_PLANS + plans * ROUNDS + PLANS_OF_STEP * ROUNDS;
    let mut bench = prepared(&running.stage, all)?;
    let function = build("sending-deliver-email", &bench.setup)?;

    let warming = bench.take(WARMING_PLANS);
    deliver(&bench, function.as_ref(), warming)?;
    let rounds: Vec<_> = (0..ROUNDS).map(|_| bench.take(plans)).collect();
    let deliver = measure::rounds(plans * RECIPIENTS_OF_PLAN, ROUNDS, |round| {
        let range = rounds.get(usize::try_from(round)?).cloned().unwrap_or_default();
        deliver(&bench, function.as_ref(), range)
    })?;
    check_all_sent(&bench, WARMING_PLANS + plans * ROUNDS)?;
    let plain = plain::measure(&bench, plans * RECIPIENTS_OF_PLAN)?;
    Ok(DeliverReport {
        recipients_of_round: plans * RECIPIENTS_OF_PLAN,
        deliver,
        plain,
        times_as_cheap: plain.cpu_us / deliver.cpu_us,
        steps: steps::measure(&mut bench, PLANS_OF_STEP)?,
    })
}

/// Prepares a campaign and writes its plans, by the function that does it.
fn prepared(stage: &Stage, plans: u32) -> Result<Bench, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let setup = stage.setup_of("sending-deliver-email")?;
    let prepared = runtime.block_on(async {
        let prepared = campaign::prepare(stage, u64::from(plans * RECIPIENTS_OF_PLAN), |_| {}).await?;
        campaign::send(&stage.api()?, prepared.campaign).await?;
        expand(stage, prepared, plans).await?;
        Ok::<_, Failure>(prepared)
    })?;
    let of = RunKey::new(prepared.organization, Run::Campaign(prepared.campaign));
    Ok(Bench { runtime, ledger: Ledger::from_setup(&setup)?, setup, of, next: 0 })
}

async fn expand(stage: &Stage, prepared: Prepared, plans: u32) -> Result<(), Failure> {
    let function = build("sending-expand-audience", &stage.setup_of("sending-expand-audience")?)?;
    for plan in (0..=plans).step_by(usize::try_from(PLANS_OF_EXPANSION)?) {
        let request = AudienceExpansionRequested { organization: prepared.organization, campaign: prepared.campaign, plan };
        invoke(function.as_ref(), &[request]).await?;
    }
    Ok(())
}

fn deliver(bench: &Bench, function: &dyn Invoke, plans: std::ops::Range<u32>) -> Result<(), Failure> {
    let request = |plan| EmailDeliveryRequested { organization: bench.of.organization, run: bench.of.run, plan };
    let requests: Vec<EmailDeliveryRequested> = plans.map(request).collect();
    bench.runtime.block_on(async {
        for batch in requests.chunks(usize::try_from(PLANS_OF_INVOCATION)?) {
            invoke(function, batch).await?;
        }
        Ok(())
    })
}

/// Builds a function of the registry.
fn build(name: &str, setup: &Setup) -> Result<Box<dyn Invoke>, Failure> {
    let entry = registry::entries().into_iter().find(|entry| entry.name == name).ok_or_else(|| format!("there is no {name}"))?;
    Ok((entry.build)(setup)?)
}

/// Invokes a consumer with messages; all must be handled.
async fn invoke<M: Serialize>(function: &dyn Invoke, messages: &[M]) -> Result<(), Failure> {
    let records = messages.iter().enumerate().map(|(place, message)| {
        let body = serde_json::to_string(message)?;
        Ok(json!({ "messageId": place.to_string(), "body": body, "attributes": { "ApproximateReceiveCount": "1" } }))
    });
    let records = records.collect::<Result<Vec<Value>, serde_json::Error>>()?;
    let invocation = Invocation { request_id: "bench".to_owned(), remaining: std::time::Duration::from_secs(60), trace: None };
    let answer = function.invoke(json!({ "Records": records }), invocation).await?;
    match answer.pointer("/batchItemFailures/0") {
        None => Ok(()),
        Some(_) => Err(format!("a function did not handle its messages: {answer}").into()),
    }
}

/// The bench means nothing where mails were not sent.
fn check_all_sent(bench: &Bench, plans: u32) -> Result<(), Failure> {
    let run = bench.runtime.block_on(bench.ledger.run(bench.of))?;
    let counts = bench.runtime.block_on(bench.ledger.recount(&run))?;
    let wanted = u64::from(plans * RECIPIENTS_OF_PLAN);
    match counts.settled() {
        settled if settled == wanted => Ok(()),
        settled => Err(format!("{settled} instead of {wanted} recipients have their outcome").into()),
    }
}
