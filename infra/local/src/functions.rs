//! The functions of the registry, built with their settings, under the limits that Lambda would set.
//!
//! Kept from Lambda: the time-out (the invocation is dropped at the await where it stands), the reserved concurrency, the
//! payload limit of 6 MB. Not noticed: tasks that outlive their invocation, which Lambda would freeze.

use std::collections::BTreeMap;
use std::sync::Arc;

use carillon_harness::{Entry, Invocation, Invoke, Setup, SetupError, Trigger};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::activity::Activity;
use crate::template::model::{Deployment, Function, Source};

/// The largest event or answer of a synchronous invocation. Source: AWS Lambda developer guide, "Lambda quotas".
const LARGEST_PAYLOAD_BYTES: usize = 6 * 1024 * 1024;

/// Why the registry and the templates do not fit together.
#[derive(Debug, thiserror::Error)]
pub enum FunctionsError {
    /// The templates describe a function that the registry lacks.
    #[error("{}: {} is described, but the registry has no {}", .0.file.display(), .0.logical_id, .0.name)]
    NotRegistered(Box<Function>),
    /// The registry has a function that no template describes.
    #[error("{0} is in the registry, but no template describes it")]
    NotDescribed(&'static str),
    /// The function's trigger is not what the templates wire it to.
    #[error("{name} is made for {trigger}, but the templates do not wire it so")]
    WiredOtherwise {
        /// The function's name.
        name: &'static str,
        /// The trigger that it is made for.
        trigger: &'static str,
    },
    /// Functions cannot be built from their settings.
    #[error("functions cannot be built:{}", told(.0))]
    NotBuilt(Vec<(&'static str, SetupError)>),
}

fn told(unbuilt: &[(&'static str, SetupError)]) -> String {
    unbuilt.iter().map(|(name, error)| format!("\n  {name}: {error}")).collect()
}

/// Why an invocation gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// The function ran into its time-out.
    #[error("the function was stopped at its time-out")]
    TimedOut,
    /// The event or the answer is over 6 MB.
    #[error("the event or the answer is larger than 6 MB")]
    TooLarge,
    /// The function failed as a whole.
    #[error("the function failed: {0}")]
    Failed(String),
}

/// A function that can be called under its limits.
pub struct LocalFunction {
    /// What the template says of it.
    pub description: Function,
    invoke: Arc<dyn Invoke>,
    slots: Option<Semaphore>,
    activity: Activity,
}

impl std::fmt::Debug for LocalFunction {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("LocalFunction").field(&self.description.name).finish()
    }
}

impl LocalFunction {
    /// Puts the limits of `description` around `invoke`.
    #[must_use]
    pub fn new(description: Function, invoke: Arc<dyn Invoke>) -> Self {
        let slots = description.reserved_concurrency.map(|most| Semaphore::new(usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS)));
        Self { description, invoke, slots, activity: Activity::default() }
    }

    /// Calls the function, waiting for a free slot where its concurrency is reserved.
    ///
    /// # Errors
    /// [`InvokeError`] when there is no answer: what Lambda would report as a function error.
    pub async fn call(&self, event: Value, request_id: String) -> Result<Value, InvokeError> {
        if payload_bytes(&event) > LARGEST_PAYLOAD_BYTES {
            return Err(InvokeError::TooLarge);
        }
        let _running = self.activity.start();
        let _slot = match &self.slots {
            // The semaphore is never closed.
            Some(slots) => slots.acquire().await.ok(),
            None => None,
        };
        let time_out = self.description.timeout;
        let invocation = Invocation { request_id, remaining: time_out, trace: None };
        match tokio::time::timeout(time_out, self.invoke.invoke(event, invocation)).await {
            Err(_) => Err(InvokeError::TimedOut),
            Ok(Err(problem)) => Err(InvokeError::Failed(problem)),
            Ok(Ok(answer)) if payload_bytes(&answer) > LARGEST_PAYLOAD_BYTES => Err(InvokeError::TooLarge),
            Ok(Ok(answer)) => Ok(answer),
        }
    }
}

/// A lower bound of the payload's size: the bytes of its texts, without serialising it.
fn payload_bytes(payload: &Value) -> usize {
    match payload {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(payload_bytes).sum::<usize>() + 2,
        Value::Object(entries) => entries.iter().map(|(key, value)| key.len() + 3 + payload_bytes(value)).sum::<usize>() + 2,
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}

/// What functions find in their environment besides what their templates name.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// What Lambda sets for every function; the template's values go before these.
    pub process: BTreeMap<String, String>,
    /// What goes before the template's values.
    pub overrides: BTreeMap<String, String>,
}

impl Settings {
    /// Gives the whole environment of a function.
    #[must_use]
    pub fn of(&self, function: &Function) -> BTreeMap<String, String> {
        let mut settings = self.process.clone();
        settings.extend(function.environment.clone());
        settings.extend(self.overrides.clone());
        settings
    }
}

/// All functions by name.
#[derive(Debug, Clone)]
pub struct Functions {
    by_name: Arc<BTreeMap<String, Arc<LocalFunction>>>,
    activity: Activity,
}

impl Functions {
    /// Builds every function of `registry` with its settings, on the setup that `setup_of` gives for its name.
    ///
    /// # Errors
    /// [`FunctionsError`] when registry and templates differ in functions or triggers, or a setting is missing.
    pub fn build(
        deployment: &Deployment,
        registry: &[Entry],
        setup_of: &dyn Fn(&str) -> Setup,
        settings: &Settings,
    ) -> Result<Self, FunctionsError> {
        let unregistered = deployment.functions.iter().find(|function| !registry.iter().any(|entry| entry.name == function.name));
        if let Some(function) = unregistered {
            return Err(FunctionsError::NotRegistered(Box::new(function.clone())));
        }
        let (mut functions, mut unbuilt) = (Vec::new(), Vec::new());
        for entry in registry {
            let function = deployment.function(entry.name).ok_or(FunctionsError::NotDescribed(entry.name))?;
            check_trigger(deployment, function, entry)?;
            match (entry.build)(&setup_of(entry.name).with_settings(settings.of(function))) {
                Ok(built) => functions.push(LocalFunction::new(function.clone(), built.into())),
                Err(error) => unbuilt.push((entry.name, error)),
            }
        }
        if unbuilt.is_empty() { Ok(Self::of(functions)) } else { Err(FunctionsError::NotBuilt(unbuilt)) }
    }

    /// Gathers functions that were built already.
    #[must_use]
    pub fn of(functions: Vec<LocalFunction>) -> Self {
        let activity = Activity::default();
        let by_name = functions.into_iter().map(|function| {
            let function = LocalFunction { activity: activity.clone(), ..function };
            (function.description.name.clone(), Arc::new(function))
        });
        Self { by_name: Arc::new(by_name.collect()), activity }
    }

    /// Tells what runs.
    #[must_use]
    pub fn activity(&self) -> &Activity {
        &self.activity
    }

    /// Finds a function by its name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Arc<LocalFunction>> {
        self.by_name.get(name).cloned()
    }

    /// Lists all functions.
    pub fn all(&self) -> impl Iterator<Item = &Arc<LocalFunction>> {
        self.by_name.values()
    }
}

fn check_trigger(deployment: &Deployment, function: &Function, entry: &Entry) -> Result<(), FunctionsError> {
    let routed = deployment.routes.iter().any(|route| route.function == function.name);
    let polled = function.sources.iter().any(|source| matches!(source, Source::Queue(_)));
    let scheduled = function.sources.iter().any(|source| matches!(source, Source::Schedule(_)));
    let (trigger, wired) = match entry.trigger {
        Trigger::Http(_) | Trigger::Public(_) => ("HTTP", (true, false, false)),
        Trigger::Queue => ("a queue", (false, true, false)),
        Trigger::Schedule => ("a schedule", (false, false, true)),
    };
    if (routed, polled, scheduled) == wired {
        return Ok(());
    }
    Err(FunctionsError::WiredOtherwise { name: entry.name, trigger })
}
