//! Where the log goes: a file beside the data, or the terminal.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Mutex;

use carillon_harness::{LogFormat, start_log};
use carillon_local::demo::DemoError;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// What the embedded servers say is of interest when they fail only; the metrics are for CloudWatch.
const QUIET: &str = "metrics=off,dynoxide=error,rustack_sqs_core=error,rustack_sqs_http=error";

/// Starts the log: on the terminal with a filter, else in the data folder.
pub(crate) fn start(folder: &Path, filter: Option<&str>) -> Result<(), DemoError> {
    if let Some(filter) = filter {
        start_log(LogFormat::Text, &format!("{filter},{QUIET}"));
        return Ok(());
    }
    let file = folder.join("carillon.log");
    let opened = std::fs::create_dir_all(folder).and_then(|()| OpenOptions::new().create(true).append(true).open(&file));
    let opened = opened.map_err(|error| DemoError::File(file.display().to_string(), error))?;
    let filter: Targets = format!("info,{QUIET}").parse().unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Mutex::new(opened));
    // A second start leaves the first log as it is.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
    Ok(())
}
