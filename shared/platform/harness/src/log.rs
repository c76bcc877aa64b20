//! One span per invocation, one line at its end, with the figures in CloudWatch's embedded metric format.
//!
//! EMF: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
//! A line never carries bodies, addresses or tokens: recipients appear as ids only.

use std::future::Future;
use std::time::Instant;

use carillon_contracts::Caller;
use carillon_kernel::{Failure, Kind};
use tracing::Instrument as _;
use tracing::field::{Empty, display};
use tracing_subscriber::EnvFilter;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// JSON, for CloudWatch.
    Json,
    /// For people.
    Text,
}

/// Starts the log of the process; `filter` is of the form `info,carillon=debug`.
pub fn start_log(format: LogFormat, filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start, as in tests, leaves the first log as it is.
    let _ = match format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
        LogFormat::Text => builder.compact().try_init(),
    };
}

/// What alarms count of one invocation.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    /// Mistakes of ours, or messages that were not handled.
    failures: u64,
    /// Callers who are unknown or may not.
    denied: u64,
    /// Callers who called too often.
    limited: u64,
}

/// The span of one invocation.
pub(crate) struct Span {
    function: &'static str,
    span: tracing::Span,
    started: Instant,
}

impl Span {
    pub(crate) fn open(function: &'static str, request_id: &str) -> Self {
        let span = tracing::info_span!("invocation", function, request.id = request_id, organization.id = Empty, caller.id = Empty);
        Self { function, span, started: Instant::now() }
    }

    pub(crate) async fn run<T>(&self, future: impl Future<Output = T>) -> T {
        future.instrument(self.span.clone()).await
    }

    pub(crate) fn close_http(self, status: u16, failure: Option<&Failure>) {
        let error = failure.map(told).unwrap_or_default();
        let figures = Figures {
            failures: u64::from(status >= 500),
            denied: u64::from(matches!(status, 401 | 403)),
            limited: u64::from(status == 429),
        };
        self.metric(figures);
        let function = self.function;
        self.span.in_scope(|| match failure.map(|failure| failure.kind) {
            Some(Kind::Internal | Kind::Unavailable) => tracing::error!(function, http.status = status, error, "request failed"),
            _ => tracing::info!(function, http.status = status, error, duration_ms = self.millis(), "request answered"),
        });
    }

    pub(crate) fn close_queue(self, messages: usize, failed: usize) {
        self.metric(Figures { failures: u64::try_from(failed).unwrap_or_default(), ..Figures::default() });
        let function = self.function;
        self.span.in_scope(|| tracing::info!(function, messages, failed, duration_ms = self.millis(), "messages handled"));
    }

    pub(crate) fn close_schedule(self, failure: Option<&Failure>) {
        self.metric(Figures { failures: u64::from(failure.is_some()), ..Figures::default() });
        let function = self.function;
        let error = failure.map(told).unwrap_or_default();
        self.span.in_scope(|| match failure {
            Some(_) => tracing::error!(function, error, "scheduled work failed"),
            None => tracing::info!(function, duration_ms = self.millis(), "scheduled work done"),
        });
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Writes the figures of the invocation as EMF, on a target of its own that Lambdas switch on.
    fn metric(&self, figures: Figures) {
        if tracing::enabled!(target: "metrics", tracing::Level::INFO) {
            let line = serde_json::json!({
                "_aws": {
                    "Timestamp": epoch_millis(),
                    "CloudWatchMetrics": [{
                        "Namespace": "Carillon",
                        "Dimensions": [["function"]],
                        "Metrics": [
                            { "Name": "duration_ms", "Unit": "Milliseconds" },
                            { "Name": "failures", "Unit": "Count" },
                            { "Name": "denied", "Unit": "Count" },
                            { "Name": "limited", "Unit": "Count" },
                        ],
                    }],
                },
                "function": self.function,
                "duration_ms": self.millis(),
                "failures": figures.failures,
                "denied": figures.denied,
                "limited": figures.limited,
            });
            println!("{line}");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "metrics carry the wall clock's time, whatever clock the function is given")]
fn epoch_millis() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Notes who calls: the lines of the invocation say so from then on, by ids.
pub(crate) fn called_by(caller: &Caller) {
    let span = tracing::Span::current();
    span.record("organization.id", display(caller.organization));
    span.record("caller.id", display(caller.principal));
}

/// Logs why a message was not handled, once.
pub(crate) fn message_failed(function: &'static str, message_id: &str, failure: &Failure) {
    let error = told(failure);
    if failure.is_retryable() || failure.kind == Kind::Conflict {
        tracing::warn!(function, message.id = message_id, error, "message will come again");
    } else {
        tracing::error!(function, message.id = message_id, error, "message goes to the dead letters");
    }
}

/// What the log says of a failure: the chain for our own faults, the code for the caller's, whose words may be personal.
fn told(failure: &Failure) -> String {
    match failure.kind {
        Kind::Internal | Kind::Unavailable => failure.chain(),
        _ => failure.code.to_owned(),
    }
}
