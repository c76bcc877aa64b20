//! The traits that functions implement.

use std::future::Future;
use std::time::Duration;

use carillon_contracts::Permission;
use carillon_kernel::{Failure, Problem, Setup, SetupError};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::call::{Call, RawRequest};
use crate::rate::RateClass;
use crate::reply::Reply;

/// A request body. Every field has a default, so that all that is wrong can be told at once: what must be there is a rule.
pub trait Input: DeserializeOwned + Default + Send {
    /// Lists all that is wrong with the body as such, each problem with its JSON pointer.
    fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}

/// The body or query of a request that takes none.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

impl Input for Nothing {}

/// A route that needs a caller with a permission.
pub trait HttpFunction: Sized + Send + Sync + 'static {
    /// The one name: binary, folder of events, log field.
    const NAME: &'static str;
    /// What the caller must be allowed to do.
    const PERMISSION: Permission;
    /// Whether an `Idempotency-Key` keeps the answer of a POST for 24 hours; false where the answer holds a secret.
    const KEEPS_ANSWER: bool = true;
    /// The query parameters.
    type Query: Input;
    /// The JSON body.
    type Body: Input;

    /// Takes from the setup what the function needs.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    fn build(setup: &Setup) -> Result<Self, SetupError>;

    /// Answers one call.
    fn handle(&self, call: Call<Self::Query, Self::Body>) -> impl Future<Output = Result<Reply, Failure>> + Send;
}

/// A route for everybody: it checks for itself whom it serves (a signature, a signed link, nothing).
pub trait PublicFunction: Sized + Send + Sync + 'static {
    /// The one name: binary, folder of events, log field.
    const NAME: &'static str;
    /// Why no permission is needed, for the completeness test and the documentation.
    const REASON: &'static str;
    /// How its requests are limited: by address, or not at all.
    const RATE_CLASS: RateClass = RateClass::Open;

    /// Takes from the setup what the function needs.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    fn build(setup: &Setup) -> Result<Self, SetupError>;

    /// Answers one request.
    fn handle(&self, request: RawRequest) -> impl Future<Output = Result<Reply, Failure>> + Send;
}

/// How a message came, and until when it must be handled.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    /// Now.
    pub moment: Timestamp,
    /// How often the message was received, this time included.
    pub receives: u32,
    /// How long the invocation may still take.
    pub remaining: Duration,
}

/// A consumer that handles one message at a time; it must be safe to run twice, and to die at any await.
pub trait QueueFunction: Sized + Send + Sync + 'static {
    /// The one name: binary, folder of events, log field.
    const NAME: &'static str;
    /// The message's type, read from the body's JSON.
    type Message: DeserializeOwned + Send;

    /// Takes from the setup what the function needs.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    fn build(setup: &Setup) -> Result<Self, SetupError>;

    /// Handles one message: `Ok` acknowledges it, a retryable failure brings it again, another one sends it to the dead letters.
    fn handle(&self, message: Self::Message, delivery: Delivery) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A consumer that handles the messages of an invocation together, to fold them before it writes.
pub trait BatchFunction: Sized + Send + Sync + 'static {
    /// The one name: binary, folder of events, log field.
    const NAME: &'static str;
    /// The message's type, read from the body's JSON.
    type Message: DeserializeOwned + Send;

    /// Takes from the setup what the function needs.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    fn build(setup: &Setup) -> Result<Self, SetupError>;

    /// Handles the messages; the answer has one result for each, in their order.
    fn handle_all(&self, messages: Vec<Self::Message>, delivery: Delivery) -> impl Future<Output = Vec<Result<(), Failure>>> + Send;
}

/// Work that a schedule starts; it must be safe to run twice, and at the same time as itself.
pub trait ScheduledFunction: Sized + Send + Sync + 'static {
    /// The one name: binary, folder of events, log field.
    const NAME: &'static str;

    /// Takes from the setup what the function needs.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    fn build(setup: &Setup) -> Result<Self, SetupError>;

    /// Does the work that is due.
    fn handle(&self, moment: Timestamp) -> impl Future<Output = Result<(), Failure>> + Send;
}
