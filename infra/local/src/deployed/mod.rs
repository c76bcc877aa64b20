//! A platform that was deployed from the templates to an emulator of AWS: functions, queues, tables and routes are there, and only the
//! stand-ins of the providers are here, with one address for the API and their pages, as [`crate::Platform`] has it.

mod description;
mod flags;
mod forward;
mod given;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use carillon_kernel::{Clock, IdSource, Secret, Setup};
use carillon_standins::{Standins, StandinsConfig, control_router, outbox_router, router};
use serde_json::Value;

pub use description::Description;
pub use given::{Given, Ports};

use crate::embedded::server::Server;
use crate::embedded::{ACCESS_KEY_ID, Clients, Endpoints, REGION, SECRET_ACCESS_KEY};
use crate::platform::backlog::Queues;
use crate::platform::first_key::first_key;
use crate::platform::front::Door;
use crate::platform::sinks;
use crate::platform::{DeadLetter, PlatformError, Port, Unsettled};

/// How often in a row everything must be found empty: between a queue and what it causes lies a moment that nothing counts.
const EMPTY_LOOKS: u32 = 4;
/// How long the emulator is left alone between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A deployed platform.
pub struct Deployed {
    url: String,
    description: Description,
    clients: Clients,
    standins: Arc<Standins>,
    setup: Setup,
    queues: Queues,
    http: reqwest::Client,
    front: Server,
    providers: Server,
}

impl std::fmt::Debug for Deployed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Deployed").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Deployed {
    /// Starts the stand-ins beside a deployment, and opens the one address.
    ///
    /// # Errors
    /// [`PlatformError`] when the description cannot be read, or a port is taken.
    pub async fn attach(file: &Path, standins: StandinsConfig) -> Result<Self, PlatformError> {
        let description = Description::read(file)?;
        let endpoint = || description.endpoint.clone();
        let clients = Clients::connect(&Endpoints { dynamodb: endpoint(), sqs: endpoint(), s3: endpoint() });
        let door = Door::open(Port::Exactly(description.front_port)).await?;
        let providers_door = Door::open(Port::Exactly(description.providers_port)).await?;
        let (url, providers_url) = (door.url(), providers_door.url());
        let exceptions = &description.exceptions;
        let sinks = sinks::to(&clients, (exceptions.queue_url.clone(), exceptions.raw), description.bucket.clone());
        let events_to = (exceptions.topic_arn.as_str(), description.prefix.as_str());
        let standins = Standins::open(crate::platform::wired(standins, events_to, (&url, &providers_url)), sinks)?;
        let pages = control_router(Arc::clone(&standins)).merge(outbox_router(Arc::clone(&standins))).merge(flags::router(&description));
        let front = door.serve_router(forward::beside(pages, description.api.clone()));
        let providers = providers_door.serve_router(router(&standins));
        let list = |queues: &BTreeMap<String, String>| queues.clone().into_iter().collect();
        let queues = Queues::of(clients.sqs.clone(), list(&description.queues), list(&description.dead_letters));
        let setup = Setup::new(Clock::system(), IdSource::system());
        Ok(Self { url, description, clients, standins, setup, queues, http: reqwest::Client::new(), front, providers })
    }

    /// The base URL of the API, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What came of the deployment.
    #[must_use]
    pub const fn description(&self) -> &Description {
        &self.description
    }

    /// Clients of the emulator.
    #[must_use]
    pub const fn clients(&self) -> &Clients {
        &self.clients
    }

    /// The stand-ins of the providers.
    #[must_use]
    pub const fn standins(&self) -> &Arc<Standins> {
        &self.standins
    }

    /// Gives the setup with which a function of this name runs, to build domain services on it.
    ///
    /// # Errors
    /// [`PlatformError::Lacking`] when no such function was deployed.
    pub fn setup_of(&self, function: &str) -> Result<Setup, PlatformError> {
        let deployed = self.description.functions.get(function).ok_or(PlatformError::Lacking("function of this name"))?;
        let account = [
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
            ("AWS_ENDPOINT_URL", &self.description.endpoint),
        ];
        let account = account.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(self.setup.with_settings(deployed.environment.clone().into_iter().chain(account).collect()))
    }

    /// Waits until every queue is found empty some times in a row, and the stand-ins have reported everything.
    ///
    /// # Errors
    /// [`Unsettled`] with what is left after that time.
    pub async fn settle_within(&self, longest: Duration) -> Result<(), Unsettled> {
        match tokio::time::timeout(longest, self.settled()).await {
            Ok(()) => Ok(()),
            Err(_) => Err(Unsettled { queues: self.queues.waiting().await, running: 0 }),
        }
    }

    async fn settled(&self) {
        let (mut look_first, mut looks) = (0, 0);
        while looks < EMPTY_LOOKS {
            self.standins.settle().await;
            looks = if self.queues.are_empty(&mut look_first).await { looks + 1 } else { 0 };
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Lists the messages in all queues of dead letters, and leaves them there.
    pub async fn dead_letters(&self) -> Vec<DeadLetter> {
        self.queues.dead_letters().await
    }

    /// Runs a scheduled function now, and waits for its end.
    ///
    /// # Errors
    /// [`PlatformError`] when there is no such function, or it fails.
    pub async fn run_schedule(&self, function: &str) -> Result<(), PlatformError> {
        let deployed = self.description.functions.get(function).ok_or_else(|| PlatformError::NoSchedule(function.to_owned()))?;
        let url = format!("{}/2015-03-31/functions/{}/invocations", self.description.endpoint, deployed.physical_name);
        // The emulator reads the region out of the credential, and checks no signature.
        let credential =
            format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY_ID}/20260101/{REGION}/lambda/aws4_request, SignedHeaders=host, Signature=0");
        let answer = self.http.post(url).header("authorization", credential).json(&Value::Object(serde_json::Map::new())).send().await;
        let failed = |reason: String| PlatformError::Schedule(crate::functions::InvokeError::Failed(reason));
        let answer = answer.map_err(|error| failed(error.to_string()))?;
        let function_failed = answer.headers().contains_key("x-amz-function-error") || !answer.status().is_success();
        let text = answer.text().await.unwrap_or_default();
        if function_failed { Err(failed(text)) } else { Ok(()) }
    }

    /// Makes an organization whose key may also operate the platform; gives the secret text of the key.
    ///
    /// # Errors
    /// [`PlatformError`] when the name is refused, or the table fails.
    pub async fn bootstrap_organization(&self, name: &str) -> Result<Secret, PlatformError> {
        first_key(&self.setup_of("organizations-create")?, name).await
    }

    /// Stops the stand-ins; the deployment stays.
    pub async fn stop(self) {
        self.front.stop().await;
        self.providers.stop().await;
    }
}
