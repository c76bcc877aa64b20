//! What the templates describe, with every value resolved.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

pub use super::cron::Cron;

/// Everything that the local platform has to make and wire.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Deployment {
    /// The functions, of all stacks.
    pub functions: Vec<Function>,
    /// The DynamoDB tables.
    pub tables: Vec<Table>,
    /// The SQS queues.
    pub queues: Vec<Queue>,
    /// The S3 buckets.
    pub buckets: Vec<Bucket>,
    /// The routes of the HTTP API.
    pub routes: Vec<Route>,
    /// Which web applications of other origins may call the API; none means no other origin.
    pub cors: Option<Cors>,
    /// The SNS topics that deliver to queues.
    pub subscriptions: Vec<Subscription>,
    /// The flags that a deployment begins with.
    pub flags: Option<HostedFlags>,
    /// Resources of types that need no wiring here.
    pub others: Vec<Other>,
}

impl Function {
    /// The name that callers call: with the alias, where the function publishes one.
    #[must_use]
    pub fn callable_name(&self) -> String {
        match &self.alias {
            Some(alias) => format!("{}:{alias}", self.physical_name),
            None => self.physical_name.clone(),
        }
    }
}

impl Deployment {
    /// Lists every schedule with the function that it calls.
    pub fn schedules(&self) -> impl Iterator<Item = (&Function, &Schedule)> {
        self.functions.iter().flat_map(|function| {
            function.sources.iter().filter_map(move |source| match source {
                Source::Schedule(schedule) => Some((function, schedule)),
                Source::Queue(_) => None,
            })
        })
    }

    /// Finds a function by its name.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// Finds a queue by its physical name.
    #[must_use]
    pub fn queue(&self, name: &str) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.name == name)
    }
}

/// A Lambda function.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// The file that describes it.
    pub file: PathBuf,
    /// The logical id in that file.
    pub logical_id: String,
    /// The one name: the last folder of `CodeUri`, which is also the binary and the registry's entry.
    pub name: String,
    /// The name in AWS: `FunctionName`, or the stack's name and the logical id.
    pub physical_name: String,
    /// The alias that callers call, where the function publishes one.
    pub alias: Option<String>,
    /// The folder of the built code.
    pub code_uri: String,
    /// The handler, `bootstrap` for Rust.
    pub handler: String,
    /// Memory in MB.
    pub memory_mb: u32,
    /// The longest that one invocation may take.
    pub timeout: Duration,
    /// How many invocations may run at once; none means no limit of its own.
    pub reserved_concurrency: Option<u32>,
    /// The environment variables.
    pub environment: BTreeMap<String, String>,
    /// The policies as written, references unresolved.
    pub policies: Value,
    /// What calls it, besides routes.
    pub sources: Vec<Source>,
}

/// What calls a function without HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Messages of a queue.
    Queue(QueueSource),
    /// A clock.
    Schedule(Schedule),
}

/// An event source mapping of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSource {
    /// The queue's physical name.
    pub queue: String,
    /// The most messages of one batch.
    pub batch_size: u32,
    /// How long a batch may wait to become full.
    pub batching_window: Duration,
    /// Whether the function reports which messages of a batch failed.
    pub reports_item_failures: bool,
    /// The most batches at once; none means no limit of its own.
    pub maximum_concurrency: Option<u32>,
    /// Whether the mapping is on.
    pub enabled: bool,
}

/// A schedule of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The event's logical id.
    pub name: String,
    /// When it fires.
    pub expression: ScheduleExpression,
    /// The event that it sends, JSON; none means the scheduler's own.
    pub input: Option<String>,
    /// Whether it is on.
    pub enabled: bool,
}

/// When a schedule fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleExpression {
    /// Again and again after this time.
    Rate(Duration),
    /// At the minutes of an expression of EventBridge, in UTC.
    Cron(Cron),
}

/// A DynamoDB table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The logical id.
    pub logical_id: String,
    /// The physical name.
    pub name: String,
    /// The type of each key attribute: `S`, `N` or `B`.
    pub attributes: BTreeMap<String, String>,
    /// The table's key.
    pub key: Key,
    /// The global secondary indexes.
    pub indexes: Vec<Index>,
    /// The attribute that holds the expiry in seconds since 1970, where time to live is on.
    pub expiry_attribute: Option<String>,
}

/// A key of a table or index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The partition key's attribute.
    pub partition: String,
    /// The sort key's attribute.
    pub sort: Option<String>,
}

/// A global secondary index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The index's name.
    pub name: String,
    /// Its key.
    pub key: Key,
    /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
    pub projection: String,
    /// The attributes of an `INCLUDE` projection.
    pub included: Vec<String>,
}

/// An SQS queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The logical id.
    pub logical_id: String,
    /// The physical name.
    pub name: String,
    /// The attributes that are set, by SQS's names: `VisibilityTimeout` (seconds), `DelaySeconds`, …
    pub attributes: BTreeMap<String, String>,
    /// Where messages go that were received too often.
    pub redrive: Option<Redrive>,
}

impl Queue {
    /// Returns how long a received message stays invisible; SQS's default is 30 seconds.
    #[must_use]
    pub fn visibility_timeout(&self) -> Duration {
        let set = self.attributes.get("VisibilityTimeout");
        Duration::from_secs(set.and_then(|seconds| seconds.parse().ok()).unwrap_or(30))
    }
}

/// The dead letters of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// The physical name of the dead-letter queue.
    pub queue: String,
    /// After how many receives a message moves there.
    pub maximum_receives: u32,
}

/// An S3 bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// The logical id.
    pub logical_id: String,
    /// The physical name.
    pub name: String,
    /// The queues that hear of new objects.
    pub notifications: Vec<Notification>,
}

/// A bucket's notification of new objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The event as S3 names it, `s3:ObjectCreated:*` or a part of it.
    pub event: String,
    /// The queue's physical name.
    pub queue: String,
    /// How the object's key must start.
    pub prefix: String,
    /// How the object's key must end.
    pub suffix: String,
}

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The HTTP method, upper case, or `ANY`.
    pub method: String,
    /// The path with `{parameters}`.
    pub path: String,
    /// The function's name.
    pub function: String,
    /// The version of the event's format, `2.0`.
    pub payload_version: String,
}

/// What API Gateway answers to browsers about requests of other origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// The origins that may call.
    pub origins: Vec<String>,
    /// Whether they may do so with cookies.
    pub credentials: bool,
    /// The methods that they may use.
    pub methods: Vec<String>,
    /// The request headers that they may send.
    pub headers: Vec<String>,
    /// The response headers that they may read.
    pub exposed: Vec<String>,
    /// How long a browser may remember all that.
    pub max_age_seconds: Option<u32>,
}

/// A topic's delivery to a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The topic's ARN.
    pub topic_arn: String,
    /// The queue's physical name.
    pub queue: String,
    /// Whether the queue gets the bare message, without SNS's envelope.
    pub raw: bool,
}

/// The flags that a deployment of AppConfig begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedFlags {
    /// The application.
    pub application: String,
    /// The configuration profile.
    pub profile: String,
    /// What is set, by the flags' names.
    pub values: Map<String, Value>,
}

/// A resource that needs no wiring here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// The file that describes it.
    pub file: PathBuf,
    /// The logical id.
    pub logical_id: String,
    /// The type, such as `AWS::CloudWatch::Alarm`.
    pub kind: String,
}
