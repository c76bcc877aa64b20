//! What a function is built from: its settings, and the clients that its process shares.
//!
//! A function's `build` takes from the setup only what it uses. Clients are kept by their type, so that a crate which
//! is not asked for is not linked, and a process that runs many functions builds each client once.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;

use crate::clock::{Clock, IdSource};
use crate::ear::Ear;
use crate::fault::{Fault, Kind};
use crate::meter::Meter;
use crate::secret::Secret;

type Shared = HashMap<(TypeId, String), Arc<dyn Any + Send + Sync>>;
type Starts = BTreeMap<String, BoxFuture<'static, ()>>;

/// The settings of one function and the shared clients of its process.
#[derive(Clone)]
pub struct Setup {
    settings: Arc<BTreeMap<String, String>>,
    shared: Arc<Mutex<Shared>>,
    starts: Arc<Mutex<Starts>>,
    clock: Clock,
    ids: IdSource,
    meter: Meter,
    ear: Ear,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Setup")
    }
}

/// Says which setting keeps a function from starting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The setting is not there.
    #[error("the setting {0} is missing: name it under the function's Environment in its stack")]
    Missing(String),
    /// The setting cannot be read.
    #[error("the setting {name} is not {wanted}")]
    Unreadable {
        /// The setting's name.
        name: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// The setting breaks rules.
    #[error("the setting {name} is wrong: {}", problems.join("; "))]
    Wrong {
        /// The setting's name.
        name: String,
        /// All that is wrong with it.
        problems: Vec<String>,
    },
}

impl Fault for SetupError {
    fn kind(&self) -> Kind {
        Kind::Internal
    }
    fn code(&self) -> &'static str {
        "setup.incomplete"
    }
}

impl Setup {
    /// Makes a setup of the process's clock and randomness, without settings.
    #[must_use]
    pub fn new(clock: Clock, ids: IdSource) -> Self {
        Self {
            settings: Arc::default(),
            shared: Arc::default(),
            starts: Arc::default(),
            clock,
            ids,
            meter: Meter::default(),
            ear: Ear::default(),
        }
    }

    /// Gives the setup of one function: these settings, the same shared clients.
    #[must_use]
    pub fn with_settings(&self, settings: BTreeMap<String, String>) -> Self {
        Self { settings: Arc::new(settings), ..self.clone() }
    }

    /// Gives a setup with clients of its own, as another process has them; clock, ids and meter are the same.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self { shared: Arc::default(), starts: Arc::default(), ..self.clone() }
    }

    /// Lets somebody hear what is used where no request shows it.
    #[must_use]
    pub fn with_ear(self, ear: Ear) -> Self {
        Self { ear, ..self }
    }

    /// Gives a setting's text.
    ///
    /// # Errors
    /// [`SetupError::Missing`] when it is absent or empty.
    pub fn text(&self, name: &str) -> Result<String, SetupError> {
        self.find(name).ok_or_else(|| SetupError::Missing(name.to_owned()))
    }

    /// Gives a setting's text, if it is there and not empty.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<String> {
        self.settings.get(name).filter(|text| !text.is_empty()).cloned()
    }

    /// Gives a setting as a number.
    ///
    /// # Errors
    /// [`SetupError`] when it is absent or no number.
    pub fn number(&self, name: &str) -> Result<u32, SetupError> {
        let unreadable = SetupError::Unreadable { name: name.to_owned(), wanted: "a whole number" };
        self.text(name)?.parse().map_err(|_| unreadable)
    }

    /// Gives a setting as a secret.
    ///
    /// # Errors
    /// [`SetupError::Missing`] when it is absent or empty.
    pub fn secret(&self, name: &str) -> Result<Secret, SetupError> {
        self.text(name).map(Secret::new)
    }

    /// Gives the process's one `T` for `key`, made by `make` when it is asked for first.
    pub fn shared<T: Any + Send + Sync + Clone>(&self, key: &str, make: impl FnOnce() -> T) -> T {
        let Ok(made) = self.try_shared(key, || Ok::<_, Infallible>(make()));
        made
    }

    /// As [`Setup::shared`], where making may fail; what failed is made anew when it is asked for again.
    ///
    /// # Errors
    /// As `make` fails.
    pub fn try_shared<T: Any + Send + Sync + Clone, E>(&self, key: &str, make: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let place = (TypeId::of::<T>(), key.to_owned());
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = shared.get(&place).and_then(|any| any.downcast_ref::<T>()) {
            return Ok(found.clone());
        }
        let made = make()?;
        shared.insert(place, Arc::new(made.clone()));
        Ok(made)
    }

    /// Leaves work for [`Setup::start`], once for `key`.
    pub fn at_start<F: Future<Output = ()> + Send + 'static>(&self, key: &str, make: impl FnOnce() -> F) {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        starts.entry(key.to_owned()).or_insert_with(|| Box::pin(make()));
    }

    /// Does what was left for the process's start, before its first event: on Lambda, a start has more of the processor than an invocation
    /// (<https://awslabs.github.io/aws-lambda-web-adapter/configuration/async-init.html>).
    pub async fn start(&self) {
        let starts = std::mem::take(&mut *self.starts.lock().unwrap_or_else(PoisonError::into_inner));
        futures::future::join_all(starts.into_values()).await;
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// The source of ids and randomness.
    #[must_use]
    pub fn ids(&self) -> IdSource {
        self.ids.clone()
    }

    /// The meter of requests to AWS.
    #[must_use]
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// Who hears what is used where no request shows it.
    #[must_use]
    pub fn ear(&self) -> Ear {
        self.ear.clone()
    }
}
