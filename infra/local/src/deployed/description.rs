//! What came of a deployment, as `infra/emulator/deploy.py` writes it down.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::platform::PlatformError;

/// A deployment.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// The base URL of the emulator's API of AWS.
    pub endpoint: String,
    /// Where requests to the HTTP API go to.
    pub api: Address,
    /// The port that links and callbacks lead to: the API, and the pages of the stand-ins beside it.
    pub front_port: u16,
    /// The port of the stand-ins' endpoints.
    pub providers_port: u16,
    /// The functions by their names.
    pub functions: BTreeMap<String, DeployedFunction>,
    /// The queues that functions read, by their physical names.
    pub queues: BTreeMap<String, String>,
    /// The queues of dead letters, by their physical names.
    pub dead_letters: BTreeMap<String, String>,
    /// Where SES's exceptions go.
    pub exceptions: Exceptions,
    /// The bucket of SES's events.
    pub bucket: String,
    /// The start of their keys, without the slash.
    pub prefix: String,
    /// The tables, by their logical ids.
    pub tables: BTreeMap<String, String>,
}

/// An address behind a name that need not resolve.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The URL to connect to, without a slash at the end.
    pub url: String,
    /// The name that requests are sent to.
    pub host: String,
}

/// A function as it was deployed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployedFunction {
    /// The name in AWS.
    pub physical_name: String,
    /// Its environment.
    pub environment: BTreeMap<String, String>,
}

/// The queue that a topic delivers to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exceptions {
    /// The topic.
    pub topic_arn: String,
    /// The queue.
    pub queue_url: String,
    /// Whether the queue gets the message without the topic's envelope.
    pub raw: bool,
}

impl Description {
    /// Reads a description.
    ///
    /// # Errors
    /// [`PlatformError::Description`] when the file cannot be read, or says something else.
    pub fn read(file: &Path) -> Result<Self, PlatformError> {
        let text = std::fs::read_to_string(file).map_err(|error| PlatformError::Description(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| PlatformError::Description(error.to_string()))
    }
}
