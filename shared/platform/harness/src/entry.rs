//! The type-erased form of a function: what a binary serves, and what the local platform's registry lists.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use carillon_contracts::Permission;
use carillon_kernel::{Setup, SetupError, Trace};
use serde_json::Value;

use crate::function::{BatchFunction, HttpFunction, PublicFunction, QueueFunction, ScheduledFunction};
use crate::rate::RateClass;
use crate::{http, queue, schedule};

/// A future on the heap: the type that all functions share.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What starts a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// A route that needs this permission.
    Http(Permission),
    /// A route for everybody, with the reason.
    Public(&'static str),
    /// A queue.
    Queue,
    /// A schedule.
    Schedule,
}

/// What the runtime tells of one invocation.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The runtime's id of the invocation.
    pub request_id: String,
    /// How long the invocation may take.
    pub remaining: Duration,
    /// The trace that the runtime counts it to.
    pub trace: Option<Trace>,
}

/// A function that was built and can be invoked.
pub trait Invoke: Send + Sync {
    /// Handles one event of the function's trigger; an error is the runtime's to retry.
    fn invoke(&self, event: Value, invocation: Invocation) -> BoxFuture<'_, Result<Value, String>>;
}

/// A function: its name, its trigger, and how it is built.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The one name.
    pub name: &'static str,
    /// What starts it.
    pub trigger: Trigger,
    /// Whether the requests of each address are limited before it is known who calls.
    pub limits_addresses: bool,
    /// Whether an idempotency key keeps the answer of a POST.
    pub keeps_answers: bool,
    /// Builds it from a setup.
    pub build: fn(&Setup) -> Result<Box<dyn Invoke>, SetupError>,
}

impl Entry {
    /// The entry of a route that needs a caller.
    #[must_use]
    pub const fn http<F: HttpFunction>() -> Self {
        Self {
            name: F::NAME,
            trigger: Trigger::Http(F::PERMISSION),
            limits_addresses: false,
            keeps_answers: F::KEEPS_ANSWER,
            build: http::build::<F>,
        }
    }

    /// The entry of a route for everybody.
    #[must_use]
    pub const fn public<F: PublicFunction>() -> Self {
        Self {
            name: F::NAME,
            trigger: Trigger::Public(F::REASON),
            limits_addresses: !matches!(F::RATE_CLASS, RateClass::Open),
            keeps_answers: false,
            build: http::build_public::<F>,
        }
    }

    /// The entry of a consumer of single messages.
    #[must_use]
    pub const fn queue<F: QueueFunction>() -> Self {
        Self { name: F::NAME, trigger: Trigger::Queue, limits_addresses: false, keeps_answers: false, build: queue::build::<F> }
    }

    /// The entry of a consumer that folds its messages.
    #[must_use]
    pub const fn batch<F: BatchFunction>() -> Self {
        Self { name: F::NAME, trigger: Trigger::Queue, limits_addresses: false, keeps_answers: false, build: queue::build_batch::<F> }
    }

    /// The entry of scheduled work.
    #[must_use]
    pub const fn schedule<F: ScheduledFunction>() -> Self {
        Self { name: F::NAME, trigger: Trigger::Schedule, limits_addresses: false, keeps_answers: false, build: schedule::build::<F> }
    }
}
