//! Whole campaigns through the local platform: a stage, a worker, a campaign that is sent through the API and followed to its end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName;
use carillon_contracts::CampaignId;
use carillon_local::embedded::Clients;
use carillon_local::template::model::Source;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::campaign::{self, Prepared};
use crate::cost::Cost;
use crate::measure;
use crate::stage::{RunningStage, Stage};
use crate::worker::{FOLDS_EVENTS, WorkerReport};

/// How often the campaign is asked after.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How long a campaign, or the queues after it, may stand still before the run is given up.
const LONGEST_STILLSTAND: Duration = Duration::from_secs(180);
/// How long all queues must be empty before a run counts as over.
const QUIET: Duration = Duration::from_secs(8);

/// A campaign that was sent from beginning to end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SendReport {
    /// Recipients.
    pub recipients: u64,
    /// Whether sends, deliveries, opens and clicks were folded, too.
    pub events: bool,
    /// Seconds from the request to the end of the campaign.
    pub seconds: f64,
    /// Recipients per second.
    pub per_second: f64,
    /// The peak of the resident memory of the process that runs only the functions, in megabytes.
    pub worker_peak_mb: f64,
    /// The CPU time of that process, in microseconds per recipient.
    pub worker_cpu_us: f64,
    /// The CPU time of the process of the embedded servers and stand-ins until the campaign's end, in microseconds per recipient.
    pub servers_cpu_us: f64,
    /// What the worker counted.
    pub worker: WorkerReport,
    /// The events that Firehose took.
    pub firehose: Firehose,
}

/// What Firehose took and wrote.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Firehose {
    /// Records.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects.
    pub objects: u64,
}

/// A worker in a child process.
struct Worker {
    child: Child,
    out: BufReader<ChildStdout>,
}

/// Sends a campaign of each size, each on an empty platform.
pub fn sends(out: &Path, recipients: &[u64]) -> Result<Vec<SendReport>, Failure> {
    recipients.iter().map(|count| send(out, *count, "")).collect()
}

/// Sends one campaign without and one with every event, and prices what they used.
pub fn costs(out: &Path, recipients: u64) -> Result<Vec<Cost>, Failure> {
    let exceptions = send(out, recipients, "")?;
    let every_event = send(out, recipients, "--events")?;
    Ok(vec![Cost::of(&exceptions, "sends and exceptions", 0.13), Cost::of(&every_event, "with every event", 0.55)])
}

fn send(out: &Path, recipients: u64, flag: &str) -> Result<SendReport, Failure> {
    let events = !flag.is_empty();
    let folder = campaign::empty_folder(out, &format!("send-{recipients}{flag}"))?;
    let running = RunningStage::start(&folder)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let prepared = runtime.block_on(prepare(&running.stage, recipients))?;
    let worker = Worker::start(&running.stage, flag)?;
    let servers_before = measure::cpu_seconds(&running.process());
    let began = Instant::now();
    runtime.block_on(follow(&running.stage, prepared, recipients))?;
    let seconds = began.elapsed().as_secs_f64();
    let servers_seconds = measure::cpu_seconds(&running.process()) - servers_before;
    runtime.block_on(quiet(&running.stage, events))?;
    let worker = worker.stop()?;
    let firehose = firehose(&folder.join("s3"), &running.stage)?;
    drop(running);
    std::fs::remove_dir_all(&folder)?;
    Ok(SendReport {
        recipients,
        events,
        seconds,
        per_second: recipients as f64 / seconds,
        worker_peak_mb: worker.peak_memory_kb as f64 / 1024.0,
        worker_cpu_us: worker.cpu_seconds * 1e6 / recipients as f64,
        servers_cpu_us: servers_seconds * 1e6 / recipients as f64,
        worker,
        firehose,
    })
}

async fn prepare(stage: &Stage, recipients: u64) -> Result<Prepared, Failure> {
    let bar = bar(recipients, "contacts");
    let prepared = campaign::prepare(stage, recipients, |written| bar.set_position(written)).await?;
    bar.finish();
    Ok(prepared)
}

/// Sends the campaign and waits for its end.
async fn follow(stage: &Stage, prepared: Prepared, recipients: u64) -> Result<(), Failure> {
    let api = stage.api()?;
    campaign::send(&api, prepared.campaign).await?;
    let bar = bar(recipients, "sent");
    let (mut seen, mut moved) = (0, Instant::now());
    loop {
        let now = campaign::statistics(&api, prepared.campaign).await?;
        let figures = now.figures.unwrap_or_default();
        bar.set_position(figures.sent);
        if now.has_ended() {
            bar.finish();
            return all_sent(prepared.campaign, figures.sent, recipients);
        }
        if figures.sent + figures.recipients > seen {
            (seen, moved) = (figures.sent + figures.recipients, Instant::now());
        }
        if moved.elapsed() > LONGEST_STILLSTAND {
            return Err("the campaign stands still".into());
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// The bench means nothing where mails were not sent.
fn all_sent(campaign: CampaignId, sent: u64, recipients: u64) -> Result<(), Failure> {
    if sent == recipients { Ok(()) } else { Err(format!("{campaign} was sent to {sent} instead of {recipients}").into()) }
}

/// Waits until every queue that is polled has been empty for a while.
async fn quiet(stage: &Stage, events: bool) -> Result<(), Failure> {
    let deployment = stage.deployment()?;
    let polled = deployment.functions.iter().filter(|function| events || function.name != FOLDS_EVENTS);
    let queues = polled.flat_map(|function| &function.sources).filter_map(|source| match source {
        Source::Queue(queue) => Some(queue.queue.as_str()),
        Source::Schedule(_) => None,
    });
    let queues: Vec<&str> = queues.collect();
    let sqs = Clients::connect(&stage.endpoints()).sqs;
    let (mut since, mut left, mut moved) = (Instant::now(), 0, Instant::now());
    while since.elapsed() < QUIET {
        let mut now = 0;
        for queue in &queues {
            now += waiting(&sqs, queue).await?;
        }
        if now > 0 {
            since = Instant::now();
        }
        if now != left {
            (left, moved) = (now, Instant::now());
        }
        if moved.elapsed() > LONGEST_STILLSTAND {
            return Err(format!("{left} messages are left in the queues").into());
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    Ok(())
}

async fn waiting(sqs: &aws_sdk_sqs::Client, queue: &str) -> Result<u64, Failure> {
    let url = sqs.get_queue_url().queue_name(queue).send().await?.queue_url.unwrap_or_default();
    let counts = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ];
    let found = sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(counts.to_vec())).send().await?;
    Ok(found.attributes().into_iter().flat_map(|all| all.values()).filter_map(|text| text.parse::<u64>().ok()).sum())
}

/// Counts what lies below the prefix of Firehose's batches: a record is a line.
fn firehose(folder: &Path, stage: &Stage) -> Result<Firehose, Failure> {
    let deployment = stage.deployment()?;
    let notification = deployment.buckets.iter().find_map(|bucket| bucket.notifications.first()).ok_or("no bucket notifies a queue")?;
    let prefix = notification.prefix.trim_end_matches('/');
    let mut found = Firehose::default();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for file in std::fs::read_dir(folder)? {
            let file = file?;
            if file.file_type()?.is_dir() {
                folders.push(file.path());
            } else if file.path().components().any(|part| part.as_os_str() == prefix) {
                let text = std::fs::read(file.path())?;
                found.objects += 1;
                found.bytes += u64::try_from(text.len())?;
                found.records += u64::try_from(text.iter().filter(|byte| **byte == b'\n').count())?;
            }
        }
    }
    Ok(found)
}

fn bar(length: u64, label: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("  {prefix:<10} {bar:32.cyan/blue} {pos:>8}/{len:<8} {per_sec}");
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_prefix(label)
}

impl Worker {
    /// Starts a worker on a stage, and waits until it polls.
    fn start(stage: &Stage, flag: &str) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("worker").args(Some(flag).filter(|flag| !flag.is_empty())).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let out = child.stdout.take().ok_or("a worker without output")?;
        if let Some(input) = &mut child.stdin {
            writeln!(input, "{}", serde_json::to_string(stage)?)?;
        }
        let mut worker = Self { child, out: BufReader::new(out) };
        let mut line = String::new();
        worker.out.read_line(&mut line)?;
        if line.trim() == "ready" { Ok(worker) } else { Err("the worker did not start".into()) }
    }

    /// Ends the worker, and gives what it counted.
    fn stop(mut self) -> Result<WorkerReport, Failure> {
        drop(self.child.stdin.take());
        let mut text = String::new();
        self.out.read_to_string(&mut text)?;
        self.child.wait()?;
        Ok(serde_json::from_str(&text)?)
    }
}
