//! One span per invocation, one line at its end, with the figures in CloudWatch's embedded metric format.
//!
//! EMF: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
//! A line never carries bodies, addresses or tokens: recipients appear as ids only.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use carillon_contracts::Caller;
use carillon_kernel::{Failure, Kind, Setup, Trace};
use tracing::Instrument as _;
use tracing::field::{Empty, display};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::event::QueueRecord;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// JSON, for CloudWatch.
    Json,
    /// For people.
    Text,
}

/// A release holds no lines beyond `info`, whatever a filter asks for: those of the SDKs show requests, and they are a twentieth of a binary.
/// `tracing` leaves them out only where `log`, to which it would pass them on, does, too.
const _: () = assert!(cfg!(debug_assertions) || matches!(log::STATIC_MAX_LEVEL, log::LevelFilter::Off));

/// Starts the log of the process; `filter` is of the form `info,carillon=debug`, of which a release writes what is `info` at most.
pub fn start_log(format: LogFormat, filter: &str) {
    let filter = filter.parse().unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let log = tracing_subscriber::registry();
    // A second start, as in tests, leaves the first log as it is.
    let _ = match format {
        LogFormat::Json => log.with(lines.json().flatten_event(true).with_current_span(false).with_filter(filter)).try_init(),
        LogFormat::Text => log.with(lines.compact().with_filter(filter)).try_init(),
    };
}

/// The figures of an invocation with their units. Each is a metric of the function's area, not of the function: CloudWatch bills metrics
/// by their number, and the function stands in the line, where Logs Insights finds it.
pub const FIGURES: [(&str, &str); 5] =
    [("duration_ms", "Milliseconds"), ("failures", "Count"), ("denied", "Count"), ("limited", "Count"), ("near_timeouts", "Count")];

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

/// Whose lines and figures these are.
#[derive(Debug)]
pub(crate) struct Journal {
    function: &'static str,
    /// The part of the platform whose figures they are: what CloudWatch's metrics are divided by.
    area: String,
    /// What the metrics stand under, with the stage.
    namespace: String,
    /// The version that Lambda runs, so that a release can be told from the one before it.
    version: String,
}

impl Journal {
    /// Takes area, stage and version from the settings; what nobody set, as in tests, is called so.
    pub(crate) fn from_setup(setup: &Setup, function: &'static str) -> Self {
        let setting = |name: &str, otherwise: &str| setup.find(name).unwrap_or_else(|| otherwise.to_owned());
        Self {
            function,
            area: setting("AREA", "none"),
            namespace: format!("Carillon/{}", setting("STAGE", "none")),
            version: setting("AWS_LAMBDA_FUNCTION_VERSION", "none"),
        }
    }

    /// Opens the span of one invocation, which may take so long.
    pub(crate) fn open(&self, request_id: &str, remaining: Duration, traces: Traces) -> Span<'_> {
        let function = self.function;
        let Traces { ids, common } = traces;
        let span = tracing::info_span!(
            "invocation",
            function,
            request.id = request_id,
            trace.id = ids,
            organization.id = Empty,
            caller.id = Empty
        );
        Span { journal: self, span, started: Instant::now(), remaining, trace: common }
    }

    /// Writes the figures of an invocation in CloudWatch's form.
    fn metrics(&self, duration_ms: u64, is_near_timeout: bool, figures: Figures) -> serde_json::Value {
        let metrics: Vec<_> = FIGURES.iter().map(|(name, unit)| serde_json::json!({ "Name": name, "Unit": unit })).collect();
        serde_json::json!({
            "_aws": {
                "Timestamp": epoch_millis(),
                "CloudWatchMetrics": [{ "Namespace": self.namespace, "Dimensions": [["area"]], "Metrics": metrics }],
            },
            "area": self.area,
            "function": self.function,
            "version": self.version,
            "duration_ms": duration_ms,
            "failures": figures.failures,
            "denied": figures.denied,
            "limited": figures.limited,
            "near_timeouts": u64::from(is_near_timeout),
        })
    }

    /// Logs why a message was not handled, once.
    pub(crate) fn message_failed(&self, record: &QueueRecord, failure: &Failure) {
        let (function, error) = (self.function, told(failure));
        let trace = record.trace();
        let trace = trace.as_ref().map(Trace::id);
        if failure.is_retryable() || failure.kind == Kind::Conflict {
            tracing::warn!(function, message.id = record.message_id, trace.id = trace, error, "message will come again");
        } else {
            tracing::error!(function, message.id = record.message_id, trace.id = trace, error, "message goes to the dead letters");
        }
    }
}

/// The traces that an invocation works for.
pub(crate) struct Traces {
    /// Their ids, divided by commas: the messages of a batch may be of several.
    ids: String,
    /// The one trace, where there is just one: it goes along with what the invocation sends.
    common: Option<Trace>,
}

impl Traces {
    /// So many ids stand in a line: a batch of hundreds of messages may have as many.
    const MOST: usize = 10;

    pub(crate) fn one(trace: Option<Trace>) -> Self {
        Self { ids: trace.as_ref().map(|trace| trace.id().to_owned()).unwrap_or_default(), common: trace }
    }

    /// Those of an invocation's messages; the invocation's own where no message has one.
    pub(crate) fn of(messages: impl Iterator<Item = Trace>, own: Option<Trace>) -> Self {
        let mut traces: BTreeMap<String, Trace> = messages.map(|trace| (trace.id().to_owned(), trace)).collect();
        if traces.len() < 2 {
            return Self::one(traces.pop_first().map(|(_, trace)| trace).or(own));
        }
        let ids: Vec<String> = traces.into_keys().take(Self::MOST).collect();
        Self { ids: ids.join(","), common: None }
    }
}

/// The span of one invocation.
pub(crate) struct Span<'j> {
    journal: &'j Journal,
    span: tracing::Span,
    started: Instant,
    remaining: Duration,
    trace: Option<Trace>,
}

impl Span<'_> {
    pub(crate) async fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.run_for(None, future).await
    }

    /// Runs a part of the invocation that may have a trace of its own.
    pub(crate) async fn run_for<T>(&self, trace: Option<Trace>, future: impl Future<Output = T>) -> T {
        let future = future.instrument(self.span.clone());
        match trace.or_else(|| self.trace.clone()) {
            Some(trace) => trace.within(future).await,
            None => future.await,
        }
    }

    pub(crate) fn close_http(self, status: u16, failure: Option<&Failure>) {
        let error = failure.map(told).unwrap_or_default();
        let figures = Figures {
            failures: u64::from(status >= 500),
            denied: u64::from(matches!(status, 401 | 403)),
            limited: u64::from(status == 429),
        };
        self.metric(figures);
        let function = self.journal.function;
        self.span.in_scope(|| match failure.map(|failure| failure.kind) {
            Some(Kind::Internal | Kind::Unavailable) => tracing::error!(function, http.status = status, error, "request failed"),
            _ => tracing::info!(function, http.status = status, error, duration_ms = self.millis(), "request answered"),
        });
    }

    pub(crate) fn close_queue(self, messages: usize, failed: usize) {
        self.metric(Figures { failures: u64::try_from(failed).unwrap_or_default(), ..Figures::default() });
        let function = self.journal.function;
        self.span.in_scope(|| tracing::info!(function, messages, failed, duration_ms = self.millis(), "messages handled"));
    }

    pub(crate) fn close_schedule(self, failure: Option<&Failure>) {
        self.metric(Figures { failures: u64::from(failure.is_some()), ..Figures::default() });
        let function = self.journal.function;
        let error = failure.map(told).unwrap_or_default();
        self.span.in_scope(|| match failure {
            Some(_) => tracing::error!(function, error, "scheduled work failed"),
            None => tracing::info!(function, duration_ms = self.millis(), "scheduled work done"),
        });
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Tells whether four fifths of the time are gone: who takes so long is stopped one day.
    fn is_near_timeout(&self) -> bool {
        self.started.elapsed() * 5 > self.remaining * 4
    }

    /// Writes the figures of the invocation as EMF, on a target of its own that Lambdas switch on.
    fn metric(&self, figures: Figures) {
        if tracing::enabled!(target: "metrics", tracing::Level::INFO) {
            println!("{}", self.journal.metrics(self.millis(), self.is_near_timeout(), figures));
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

/// What the log says of a failure: the chain for our own faults, the code for the caller's, whose words may be personal.
fn told(failure: &Failure) -> String {
    match failure.kind {
        Kind::Internal | Kind::Unavailable => failure.chain(),
        _ => failure.code.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_kernel::{Clock, IdSource};

    use super::*;

    fn journal() -> Journal {
        let settings = [("AREA", "contacts"), ("STAGE", "live"), ("AWS_LAMBDA_FUNCTION_VERSION", "7")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Journal::from_setup(&Setup::new(Clock::system(), IdSource::seeded(1)).with_settings(settings), "contacts-create")
    }

    fn trace(last: char) -> Trace {
        format!("Root=1-5759e988-bd862e3fe1be46a99427279{last}").parse().unwrap()
    }

    /// CloudWatch bills a metric for each value of its dimensions: the area, never the function.
    #[test]
    fn the_figures_are_metrics_of_the_area_and_the_function_is_told_beside_them() {
        let line = journal().metrics(12, true, Figures { failures: 1, denied: 0, limited: 2 });

        let metrics = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!((&metrics["Namespace"], &metrics["Dimensions"]), (&"Carillon/live".into(), &serde_json::json!([["area"]])));
        for (metric, (name, unit)) in metrics["Metrics"].as_array().unwrap().iter().zip(FIGURES) {
            assert_eq!((&metric["Name"], &metric["Unit"]), (&name.into(), &unit.into()));
            assert!(line[name].is_u64(), "{name} has no value");
        }
        assert_eq!((&line["area"], &line["function"], &line["version"]), (&"contacts".into(), &"contacts-create".into(), &"7".into()));
        assert_eq!((&line["failures"], &line["limited"], &line["near_timeouts"]), (&1.into(), &2.into(), &1.into()));
    }

    #[test]
    fn an_invocation_is_near_its_time_out_when_four_fifths_of_its_time_are_gone() {
        let journal = journal();
        let started_ago = |elapsed: u64| Span {
            started: Instant::now().checked_sub(Duration::from_secs(elapsed)).unwrap(),
            ..journal.open("id", Duration::from_secs(10), Traces::one(None))
        };

        assert!(!started_ago(7).is_near_timeout());
        assert!(started_ago(9).is_near_timeout());
    }

    #[test]
    fn an_invocation_works_for_the_trace_of_its_messages_where_they_have_just_one() {
        let one = Traces::of([trace('1'), trace('1')].into_iter(), Some(trace('9')));
        assert_eq!((one.ids.as_str(), one.common), (trace('1').id(), Some(trace('1'))));

        let two = Traces::of([trace('2'), trace('1')].into_iter(), Some(trace('9')));
        assert_eq!((two.ids, two.common), (format!("{},{}", trace('1').id(), trace('2').id()), None));

        let none = Traces::of(std::iter::empty(), Some(trace('9')));
        assert_eq!((none.ids.as_str(), none.common), (trace('9').id(), Some(trace('9'))));
    }
}
