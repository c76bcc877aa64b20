//! What a platform is started with.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use carillon_harness::Entry;
use carillon_kernel::{Clock, IdSource, Setup};
use carillon_standins::StandinsConfig;

use crate::registry;

/// Settings of a platform that is watched: nothing waits longer than a second or two, no limit is near, and hashing is quick.
pub const BRISK: [(&str, &str); 9] = [
    ("HELD_SECONDS", "1"),
    ("FOLD_DELAY_SECONDS", "1"),
    ("DOUBT_SETTLING_SECONDS", "1"),
    ("DOUBT_GIVING_UP_SECONDS", "4"),
    ("SMS_RATE_PER_SECOND", "1000"),
    ("SEAL_SETTLING_SECONDS", "0"),
    ("RATE_LIMITS", "organization=1000000000,caller=1000000000,read=1000000000,write=1000000000,send=1000000000,address=1000000000"),
    // All people of all journeys are one client, and hashing is slow on purpose.
    ("CLIENT_ATTEMPTS", "1000000"),
    ("PASSWORD_HASH_COST", "m=64,t=1,p=1"),
];

/// What a platform is started with.
#[derive(Debug, Clone)]
pub struct PlatformConfig {
    /// The repository's folder, with `template.yaml`.
    pub root: PathBuf,
    /// The folder of all data; made if absent. One platform at a time uses it.
    pub data_dir: PathBuf,
    /// Where the API listens, on loopback.
    pub port: Port,
    /// Values of the root template's parameters, before those that the local platform gives.
    pub parameters: BTreeMap<String, String>,
    /// Settings of every function, before those that its template gives.
    pub settings: BTreeMap<String, String>,
    /// How often a process may ask for flags, in seconds; 0 lets it ask each time, so that a change holds at once.
    pub flags_interval_seconds: u32,
    /// Settings of the stand-ins; the platform sets folder, tag, addresses and topic itself.
    pub standins: StandinsConfig,
    /// The clock of every function.
    pub clock: Clock,
    /// The source of ids of every function.
    pub ids: IdSource,
    /// What the functions are built on; a new one of `clock` and `ids` if absent. Tests put their own clients into it.
    pub setup: Option<Setup>,
    /// Gives each function a setup of its own, made of the common one. Tests see by its clients what a single function does.
    pub setup_of: Option<SetupOf>,
    /// The functions.
    pub registry: Vec<Entry>,
    /// Who takes messages from the queues.
    pub pollers: Start,
    /// Who fires the schedules.
    pub schedules: Start,
}

/// Makes the setup of a function from its name and the common setup.
#[derive(Clone)]
pub struct SetupOf(Arc<MakeSetup>);

type MakeSetup = dyn Fn(&str, &Setup) -> Setup + Send + Sync;

impl SetupOf {
    /// Takes what makes the setup.
    pub fn new(make: impl Fn(&str, &Setup) -> Setup + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    /// Makes the setup of a function.
    #[must_use]
    pub fn make(&self, function: &str, common: &Setup) -> Setup {
        (self.0)(function, common)
    }
}

impl fmt::Debug for SetupOf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SetupOf")
    }
}

/// Where the API listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// At this port, or at any other when it is taken.
    Preferred(u16),
    /// At this port; 0 takes any free one.
    Exactly(u16),
}

/// Who starts work that no request starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The platform, as AWS would.
    ByItself,
    /// Only a call: for tests that decide what runs when.
    OnRequest,
}

impl PlatformConfig {
    /// The whole platform of the repository at `root` with its data in `data_dir`, on the system's clock.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            data_dir: data_dir.into(),
            port: Port::Preferred(8080),
            parameters: BTreeMap::new(),
            settings: BTreeMap::new(),
            // The least that AppConfig takes.
            flags_interval_seconds: 15,
            standins: StandinsConfig::default(),
            clock: Clock::system(),
            ids: IdSource::system(),
            setup: None,
            setup_of: None,
            registry: registry::entries(),
            pollers: Start::ByItself,
            schedules: Start::ByItself,
        }
    }

    /// Overrides a setting of every function, for example a delay that a test does not want to wait for.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }
}
