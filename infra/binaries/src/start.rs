//! One process of a function's binary, from its start to its first answer.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::{Child, Command};

use crate::runtime_api::{Deed, RuntimeApi};

/// How long a process may do nothing.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// What became of a process.
#[derive(Debug, Clone)]
pub struct Started {
    /// From the start of the process to its first poll of the Runtime API: what Lambda bills as init.
    pub to_poll: Duration,
    /// From the start of the process to its first answer.
    pub to_answer: Duration,
    /// The processor's time that it took until its first answer: what of the times above is its own, and not its server's or its neighbours'.
    pub cpu: Duration,
    /// The most memory that it held, in KiB: `VmHWM` of proc(5).
    pub peak_kib: u64,
    /// What it answered, or the failure that it told.
    pub answer: Result<Value, Value>,
}

/// Why a process gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It could not be started.
    #[error("the binary cannot be started")]
    Spawn(#[from] std::io::Error),
    /// It failed before it polled.
    #[error("it failed before it polled for an event: {0}")]
    Init(Value),
    /// It did nothing for half a minute.
    #[error("it did nothing for half a minute")]
    Silent,
}

/// Starts a binary in an environment, gives it an event, and stops it after its answer.
///
/// # Errors
/// [`StartError`] when there is no answer.
pub async fn once(binary: &Path, environment: &BTreeMap<String, String>, event: Value) -> Result<Started, StartError> {
    let mut api = RuntimeApi::start().await?;
    api.give(event);
    let mut command = Command::new(binary);
    command.env_clear().envs(environment).envs(of_lambda(&api)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let mut process = command.kill_on_drop(true).spawn()?;
    let polled = match api.next_deed(LONGEST_SILENCE).await {
        Some(Deed::Polled(moment)) => moment,
        Some(Deed::Answered(_, said) | Deed::Failed(_, said)) => return Err(StartError::Init(said)),
        None => return Err(StartError::Silent),
    };
    let (answered, answer) = match api.next_deed(LONGEST_SILENCE).await {
        Some(Deed::Answered(moment, said)) => (moment, Ok(said)),
        Some(Deed::Failed(moment, said)) => (moment, Err(said)),
        Some(Deed::Polled(_)) | None => return Err(StartError::Silent),
    };
    let (cpu, peak_kib) = (cpu(&process), peak_kib(&process));
    process.kill().await?;
    Ok(Started { to_poll: polled - begun, to_answer: answered - begun, cpu, peak_kib, answer })
}

/// As [`once`], several times, at least once.
///
/// # Errors
/// As [`once`].
pub async fn several(
    binary: &Path,
    environment: &BTreeMap<String, String>,
    event: &Value,
    times: usize,
) -> Result<Vec<Started>, StartError> {
    let mut started = Vec::new();
    for _ in 0..times.max(1) {
        started.push(once(binary, environment, event.clone()).await?);
    }
    Ok(started)
}

/// What Lambda sets for every function.
///
/// Source: AWS Lambda developer guide, "Defined runtime environment variables".
fn of_lambda(api: &RuntimeApi) -> [(&'static str, String); 6] {
    [
        ("AWS_LAMBDA_RUNTIME_API", api.address()),
        ("AWS_LAMBDA_FUNCTION_NAME", "measured".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/measured".to_owned()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "measured".to_owned()),
    ]
}

/// Reads how long a running process was on a processor, which is the first figure of its `schedstat`; 0 when it is gone.
///
/// Source: Linux, Documentation/scheduler/sched-stats.rst.
fn cpu(process: &Child) -> Duration {
    let nanoseconds = proc(process, "schedstat").split_whitespace().next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

/// Reads the most memory that a running process held; 0 when it is gone.
fn peak_kib(process: &Child) -> u64 {
    let status = proc(process, "status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Reads a file that the system keeps of a running process, empty when it is gone: proc(5).
fn proc(process: &Child, file: &str) -> String {
    process.id().and_then(|id| std::fs::read_to_string(format!("/proc/{id}/{file}")).ok()).unwrap_or_default()
}
