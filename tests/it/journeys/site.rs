//! Where the platform of a journey is: in this process, or deployed to an emulator of AWS.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use carillon_kernel::{Secret, Setup};
use carillon_local::embedded::Clients;
use carillon_local::platform::{DeadLetter, PlatformError, Unsettled};
use carillon_local::{Deployed, Platform};

/// The environment variable that names the file which describes a deployment; `infra/emulator/run` sets it.
const DEPLOYMENT: &str = "CARILLON_DEPLOYMENT";

/// A platform, here or there.
pub enum Site {
    Here(Box<Platform>),
    There(Box<Deployed>),
}

impl Site {
    /// The file of the deployment that all journeys happen on, if they do.
    pub fn deployment() -> Option<PathBuf> {
        #[expect(clippy::disallowed_methods, reason = "tests have no setup of their own")]
        std::env::var(DEPLOYMENT).ok().map(PathBuf::from)
    }

    pub fn url(&self) -> &str {
        match self {
            Self::Here(platform) => platform.url(),
            Self::There(deployed) => deployed.url(),
        }
    }

    pub fn clients(&self) -> &Clients {
        match self {
            Self::Here(platform) => platform.clients(),
            Self::There(deployed) => deployed.clients(),
        }
    }

    /// The names of the tables, by their logical ids.
    pub fn tables(&self) -> BTreeMap<String, String> {
        match self {
            Self::Here(platform) => {
                platform.deployment().tables.iter().map(|table| (table.logical_id.clone(), table.name.clone())).collect()
            }
            Self::There(deployed) => deployed.description().tables.clone(),
        }
    }

    pub fn setup_of(&self, function: &str) -> Result<Setup, PlatformError> {
        match self {
            Self::Here(platform) => platform.setup_of(function),
            Self::There(deployed) => deployed.setup_of(function),
        }
    }

    pub async fn settle_within(&self, longest: Duration) -> Result<(), Unsettled> {
        match self {
            Self::Here(platform) => platform.settle_within(longest).await,
            Self::There(deployed) => deployed.settle_within(longest).await,
        }
    }

    pub async fn dead_letters(&self) -> Vec<DeadLetter> {
        match self {
            Self::Here(platform) => platform.dead_letters().await,
            Self::There(deployed) => deployed.dead_letters().await,
        }
    }

    pub async fn run_schedule(&self, function: &str) -> Result<(), PlatformError> {
        match self {
            Self::Here(platform) => platform.run_schedule(function).await,
            Self::There(deployed) => deployed.run_schedule(function).await,
        }
    }

    pub async fn bootstrap_organization(&self, name: &str) -> Result<Secret, PlatformError> {
        match self {
            Self::Here(platform) => platform.bootstrap_organization(name).await,
            Self::There(deployed) => deployed.bootstrap_organization(name).await,
        }
    }

    pub async fn stop(self) {
        match self {
            Self::Here(platform) => platform.stop().await,
            Self::There(deployed) => deployed.stop().await,
        }
    }
}

/// What only a platform in this process can be asked.
impl Deref for Site {
    type Target = Platform;

    fn deref(&self) -> &Platform {
        match self {
            Self::Here(platform) => platform,
            Self::There(_) => panic!("this journey looks inside the platform: tell it with journey_here"),
        }
    }
}
