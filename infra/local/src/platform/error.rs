//! Why a platform could not start.

use std::io;

use carillon_identity::IdentityError;
use carillon_kernel::SetupError;
use carillon_standins::StandinsError;

use crate::embedded::EmbeddedError;
use crate::functions::{FunctionsError, InvokeError};
use crate::registry::RegistryError;
use crate::template::TemplateError;
use crate::wiring::WiringError;

/// A failure to start the platform, or of what is asked of it.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// The data folder cannot be used.
    #[error("the data folder {folder} cannot be used")]
    Folder {
        /// The folder.
        folder: String,
        /// The failure of the file system.
        #[source]
        source: io::Error,
    },
    /// Another platform uses the data folder.
    #[error("another process uses the data folder {0}: stop it, or choose another folder")]
    InUse(String),
    /// An embedded server, or the API's port.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// A template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// What is said of a deployment.
    #[error("the description of the deployment cannot be read: {0}")]
    Description(String),
    /// Templates, registry, binaries and sample events disagree.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A table, queue or bucket.
    #[error(transparent)]
    Wiring(#[from] WiringError),
    /// A function.
    #[error(transparent)]
    Functions(#[from] FunctionsError),
    /// The stand-ins of the providers.
    #[error(transparent)]
    Standins(#[from] StandinsError),
    /// The template lacks something that the local platform needs.
    #[error("the templates describe no {0}")]
    Lacking(&'static str),
    /// A queue that a function reads cannot be found.
    #[error("the queue {0} cannot be found")]
    Queue(String),
    /// There is no function with a schedule of this name.
    #[error("no function {0} has a schedule")]
    NoSchedule(String),
    /// A scheduled function failed.
    #[error("scheduled work failed")]
    Schedule(#[source] InvokeError),
    /// A setting is missing.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// An organization could not be made.
    #[error("the organization could not be made")]
    Identity(#[from] IdentityError),
    /// The name of an organization breaks a rule.
    #[error("the name of the organization is refused: {0}")]
    Name(&'static str),
}
