//! All consumers and schedules in one process, with everything counted that they ask of AWS, and that Lambda would ask for them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use aws_credential_types::Credentials;
use aws_sdk_sqs::operation::delete_message_batch::DeleteMessageBatchOutput;
use aws_sdk_sqs::operation::receive_message::ReceiveMessageOutput;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use carillon_harness::entry::BoxFuture;
use carillon_harness::{Invocation, Invoke, Setup};
use carillon_kernel::{Clock, IdSource, Meter};
use carillon_local::embedded::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};
use carillon_local::functions::{Functions, LocalFunction};
use carillon_local::pollers::Pollers;
use carillon_local::registry;
use carillon_local::schedules::Schedules;
use carillon_local::template::model::Source;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::stage::Stage;
use crate::{Failure, measure};

/// The function that folds sends, deliveries, opens and clicks.
pub const FOLDS_EVENTS: &str = "feedback-fold-ses-events";
/// The function that takes bounces, complaints and delays.
pub const TAKES_EXCEPTIONS: &str = "feedback-receive-ses-exceptions";

/// What the worker is started with; standard input brings the stage as JSON on one line, and its end is the worker's.
#[derive(Debug, Clone, clap::Args)]
pub struct WorkerOptions {
    /// Also fold sends, deliveries, opens and clicks.
    #[arg(long)]
    pub events: bool,
}

/// What the worker tells at its end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WorkerReport {
    /// The peak of its resident memory, in kilobytes.
    pub peak_memory_kb: u64,
    /// The CPU time that it used, in seconds.
    pub cpu_seconds: f64,
    /// What the pollers asked of SQS.
    pub polls: Polls,
    /// The invocations, by function.
    pub functions: BTreeMap<String, Invocations>,
}

/// What was used of one operation.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Used {
    /// Requests.
    pub requests: u64,
    /// Write request units of DynamoDB.
    pub write_units: f64,
    /// Read request units of DynamoDB.
    pub read_units: f64,
}

/// What pollers asked of SQS, ten messages a request, as Lambda's do.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Polls {
    /// `ReceiveMessage` that brought messages.
    pub receives: u64,
    /// `ReceiveMessage` that brought none: the price of waiting, which does not grow with recipients.
    pub empty_receives: u64,
    /// `DeleteMessageBatch`.
    pub deletes: u64,
}

/// The invocations of one function.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Invocations {
    /// How many.
    pub invocations: u64,
    /// The messages that they brought.
    pub messages: u64,
    /// How long they took together on this machine, in seconds.
    pub seconds: f64,
    /// The memory that the template gives the function, in MB.
    pub memory_mb: u32,
    /// What it used, by operation.
    pub used: BTreeMap<String, Used>,
}

/// A function that counts its invocations.
struct Counted {
    inner: Box<dyn Invoke>,
    tally: Arc<Tally>,
}

#[derive(Debug)]
struct Tally {
    function: &'static str,
    memory_mb: u32,
    meter: Meter,
    invocations: AtomicU64,
    messages: AtomicU64,
    microseconds: AtomicU64,
}

impl Invoke for Counted {
    fn invoke(&self, event: Value, invocation: Invocation) -> BoxFuture<'_, Result<Value, String>> {
        let messages = event.get("Records").and_then(Value::as_array).map_or(0, Vec::len);
        self.tally.invocations.fetch_add(1, Ordering::Relaxed);
        self.tally.messages.fetch_add(u64::try_from(messages).unwrap_or_default(), Ordering::Relaxed);
        Box::pin(async move {
            let began = Instant::now();
            let answer = self.inner.invoke(event, invocation).await;
            self.tally.microseconds.fetch_add(u64::try_from(began.elapsed().as_micros()).unwrap_or_default(), Ordering::Relaxed);
            answer
        })
    }
}

/// Counts the requests of pollers where their answers are read.
#[derive(Debug, Default)]
struct PollCounter {
    receives: AtomicU64,
    empty_receives: AtomicU64,
    deletes: AtomicU64,
}

#[derive(Debug)]
struct Counting(Arc<PollCounter>);

impl Intercept for Counting {
    fn name(&self) -> &'static str {
        "Counting"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Ok(output) = context.output_or_error() else { return Ok(()) };
        if let Some(received) = output.downcast_ref::<ReceiveMessageOutput>() {
            let counter = if received.messages().is_empty() { &self.0.empty_receives } else { &self.0.receives };
            counter.fetch_add(1, Ordering::Relaxed);
        } else if output.downcast_ref::<DeleteMessageBatchOutput>().is_some() {
            self.0.deletes.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Runs the consumers until standard input ends; then prints the report as JSON.
pub fn run(options: &WorkerOptions) -> Result<(), Failure> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let stage: Stage = serde_json::from_str(&line)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(consume(&stage, options))?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

async fn consume(stage: &Stage, options: &WorkerOptions) -> Result<WorkerReport, Failure> {
    let (clock, ids) = (Clock::system(), IdSource::system());
    let (functions, tallies) = functions(stage, options)?;
    let polls = Arc::new(PollCounter::default());
    let pollers = Pollers::start(&functions, &client(stage, &polls), clock.clone(), ids.clone()).await?;
    let schedules = Schedules::start(&functions, &clock, &ids);
    println!("ready");
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    drop(schedules);
    pollers.stop().await;
    Ok(WorkerReport {
        peak_memory_kb: measure::peak_memory_kb("self"),
        cpu_seconds: measure::cpu_seconds("self"),
        polls: Polls {
            receives: polls.receives.load(Ordering::Relaxed),
            empty_receives: polls.empty_receives.load(Ordering::Relaxed),
            deletes: polls.deletes.load(Ordering::Relaxed),
        },
        functions: tallies.iter().map(|tally| (tally.function.to_owned(), tally.told())).collect(),
    })
}

/// Builds every function that a queue or a schedule calls, each with clients and a meter of its own, as on Lambda.
fn functions(stage: &Stage, options: &WorkerOptions) -> Result<(Functions, Vec<Arc<Tally>>), Failure> {
    let (deployment, settings) = (stage.deployment()?, stage.settings());
    let (mut functions, mut tallies) = (Vec::new(), Vec::new());
    for entry in registry::entries() {
        let described = deployment.function(entry.name).ok_or_else(|| format!("no template describes {}", entry.name))?;
        if described.sources.is_empty() {
            continue;
        }
        let mut described = described.clone();
        for source in &mut described.sources {
            if let Source::Queue(queue) = source {
                queue.enabled &= options.events || entry.name != FOLDS_EVENTS;
            }
        }
        let setup = Setup::new(Clock::system(), IdSource::system()).with_settings(settings.of(&described));
        let inner = (entry.build)(&setup)?;
        let tally = Arc::new(Tally::of(entry.name, described.memory_mb, setup.meter()));
        tallies.push(Arc::clone(&tally));
        functions.push(LocalFunction::new(described, Arc::new(Counted { inner, tally })));
    }
    Ok((Functions::of(functions), tallies))
}

impl Tally {
    fn of(function: &'static str, memory_mb: u32, meter: Meter) -> Self {
        let zero = || AtomicU64::new(0);
        Self { function, memory_mb, meter, invocations: zero(), messages: zero(), microseconds: zero() }
    }

    fn told(&self) -> Invocations {
        let used = self.meter.snapshot().into_iter().map(|(operation, used)| {
            (operation.to_owned(), Used { requests: used.requests, write_units: used.write_units, read_units: used.read_units })
        });
        Invocations {
            invocations: self.invocations.load(Ordering::Relaxed),
            messages: self.messages.load(Ordering::Relaxed),
            seconds: self.microseconds.load(Ordering::Relaxed) as f64 / 1e6,
            memory_mb: self.memory_mb,
            used: used.collect(),
        }
    }
}

/// A client for the pollers whose requests are counted.
fn client(stage: &Stage, polls: &Arc<PollCounter>) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
        .region(aws_sdk_sqs::config::Region::new(REGION))
        .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "embedded"))
        .endpoint_url(stage.endpoints().sqs)
        .http_client(carillon_aws::Pool::plain().client())
        .interceptor(Counting(Arc::clone(polls)));
    aws_sdk_sqs::Client::from_conf(config.build())
}
