//! DynamoDB, SQS, S3 and the data plane of AppConfig on loopback, with the real wire protocols and their data in one folder.

pub(crate) mod appconfig;
mod clients;
mod durable_queues;
mod dynamodb;
mod error;
mod journal;
mod s3;
pub(crate) mod server;
mod sqs;
mod traces;

use std::collections::BTreeMap;
use std::path::Path;

pub use appconfig::{AppConfig, FlagsKeeper};
pub use clients::Clients;
pub use dynamodb::DynamoDb;
pub use error::EmbeddedError;
pub use s3::{ObjectCreated, ObjectHook, S3};
pub use sqs::Sqs;

/// The region of every embedded server and local ARN.
pub const REGION: &str = "us-east-1";
/// The account of every queue URL and local ARN.
pub const ACCOUNT_ID: &str = "000000000000";
/// The access key that the embedded S3 server accepts.
pub const ACCESS_KEY_ID: &str = "local";
/// The secret key that the embedded S3 server accepts; it protects nothing, the servers listen on loopback only.
pub const SECRET_ACCESS_KEY: &str = "local-secret";

/// The ports to listen on; 0 takes any free port.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ports {
    /// Port of the DynamoDB server.
    pub dynamodb: u16,
    /// Port of the SQS server.
    pub sqs: u16,
    /// Port of the S3 server.
    pub s3: u16,
    /// Port of AppConfig's data plane.
    pub appconfig: u16,
}

/// The base URLs of the embedded servers, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Base URL of the DynamoDB server.
    pub dynamodb: String,
    /// Base URL of the SQS server.
    pub sqs: String,
    /// Base URL of the S3 server; path-style addresses only.
    pub s3: String,
}

/// The running servers.
#[derive(Debug)]
pub struct Embedded {
    dynamodb: DynamoDb,
    sqs: Sqs,
    s3: S3,
    appconfig: AppConfig,
}

impl Embedded {
    /// Starts all servers on free ports, with their data under `folder`.
    ///
    /// # Errors
    /// Fails when the folder cannot be used or a port cannot be bound.
    pub async fn start(folder: &Path) -> Result<Self, EmbeddedError> {
        Self::start_on(folder, Ports::default()).await
    }

    /// Starts all servers on the given ports, with their data under `folder`.
    ///
    /// # Errors
    /// Fails when the folder cannot be used or a port cannot be bound.
    pub async fn start_on(folder: &Path, ports: Ports) -> Result<Self, EmbeddedError> {
        Ok(Self {
            dynamodb: DynamoDb::start(&folder.join("dynamodb"), ports.dynamodb).await?,
            sqs: Sqs::start(&folder.join("sqs"), ports.sqs).await?,
            s3: S3::start(&folder.join("s3"), ports.s3).await?,
            appconfig: AppConfig::start(&folder.join("appconfig"), ports.appconfig).await?,
        })
    }

    /// Returns where the servers listen.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        Endpoints { dynamodb: self.dynamodb.endpoint(), sqs: self.sqs.endpoint(), s3: self.s3.endpoint() }
    }

    /// Gives the settings that every function gets here, as Lambda and the SDKs name them.
    #[must_use]
    pub fn settings(&self) -> BTreeMap<String, String> {
        let endpoints = self.endpoints();
        let settings = [
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", endpoints.dynamodb),
            ("AWS_ENDPOINT_URL_SQS", endpoints.sqs),
            ("AWS_ENDPOINT_URL_S3", endpoints.s3),
            ("AWS_ENDPOINT_URL_APPCONFIGDATA", self.appconfig.endpoint()),
        ];
        settings.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// The flags that functions get.
    #[must_use]
    pub fn flags(&self) -> FlagsKeeper {
        self.appconfig.flags()
    }

    /// Has `hook` called after each completed upload and before its answer; the first hook stays.
    pub fn on_object_created(&self, hook: ObjectHook) {
        self.s3.on_object_created(hook);
    }

    /// Stops all servers, letting running requests finish for a few seconds.
    pub async fn stop(self) {
        self.appconfig.stop().await;
        self.s3.stop().await;
        self.sqs.stop().await;
        self.dynamodb.stop().await;
    }
}

/// The wall clock of the embedded servers, which are an edge of the system like AWS itself.
#[expect(clippy::disallowed_methods, reason = "the embedded servers stand for AWS, whose time nobody injects")]
pub(crate) fn wall_clock() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
