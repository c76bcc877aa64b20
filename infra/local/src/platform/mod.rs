//! The whole platform in one process: start, wait until all is done, stop.
//!
//! What is killed instead of stopped goes on at the next start on the same folder: tables and objects are on disk, messages
//! in the queues' journal, and the stand-ins report again what they had not reported. So nothing here has to be undone.

pub(crate) mod backlog;
mod config;
mod error;
pub(crate) mod first_key;
mod folder;
pub(crate) mod front;
pub mod keys;
pub(crate) mod sinks;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use carillon_kernel::{Meter, Secret, Setup};
use carillon_standins::{Standins, StandinsConfig, control_router, outbox_router, router};
use carillon_tokens::Tokens;
use futures::FutureExt;

pub use backlog::{DeadLetter, Unsettled};
pub use config::{BRISK, PlatformConfig, Port, SetupOf, Start};
pub use error::PlatformError;
pub use folder::write_private;

use crate::embedded::appconfig::flags_router;
use crate::embedded::server::Server;
use crate::embedded::{Clients, Embedded, FlagsKeeper};
use crate::functions::{Functions, Settings};
use crate::gateway::Gateway;
use crate::pollers::Pollers;
use crate::schedules::{Caller, Schedules};
use crate::template::{Deployment, Parameters};
use crate::{registry, wiring};
use backlog::Queues;
use folder::Lock;
use front::Door;
use sinks::Ways;

/// How long [`Platform::settle`] waits.
const LONGEST_SETTLING: Duration = Duration::from_secs(120);
/// How long the queues are left alone between two looks, while nothing stirs.
const LOOK_EVERY: Duration = Duration::from_millis(30);

/// A running platform.
pub struct Platform {
    url: String,
    deployment: Deployment,
    clients: Clients,
    functions: Functions,
    standins: Arc<Standins>,
    setup: Setup,
    settings: Settings,
    signing_key: Secret,
    queues: Queues,
    front: Server,
    providers: Server,
    pollers: Option<Pollers>,
    schedules: Option<Schedules>,
    embedded: Embedded,
    _lock: Lock,
}

impl std::fmt::Debug for Platform {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Platform").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Platform {
    /// Starts everything.
    ///
    /// # Errors
    /// [`PlatformError`] when the folder or a port cannot be used, or templates, registry, binaries and sample events
    /// do not fit together.
    pub async fn start(config: PlatformConfig) -> Result<Self, PlatformError> {
        let lock = Lock::take(&config.data_dir)?;
        let embedded = Embedded::start(&config.data_dir).await?;
        let (door, providers_door) = (Door::open(config.port).await?, Door::open(Port::Exactly(0)).await?);
        let signing_key = folder::key(&config.data_dir, "token-signing-key", || keys::draw_signing(&config.ids))?;
        let deployment = read(&config, &embedded, [&door, &providers_door], &signing_key)?;
        registry::check(&config.root, &deployment, &config.registry)?;
        let flags = deployment.flags.clone().ok_or(PlatformError::Lacking("flags in AppConfig"))?;
        embedded.flags().host(flags, config.flags_interval_seconds)?;
        let clients = wiring::create(&deployment, &embedded).await?;

        let ways = Ways::find(&deployment)?;
        let standins = Standins::open(standins_config(&config, &ways, (&door.url(), &providers_door.url())), ways.sinks(&clients).await?)?;
        let mut process = embedded.settings();
        process.insert("AWS_ENDPOINT_URL_SESV2".to_owned(), providers_door.url());
        process.extend(foreign_settings(&config, &providers_door)?);
        let settings = Settings { process, overrides: config.settings };
        let setup = config.setup.clone().unwrap_or_else(|| Setup::new(config.clock.clone(), config.ids.clone()));
        let setup_of = |name: &str| match &config.setup_of {
            Some(setup_of) => setup_of.make(name, &setup),
            None => setup.clone(),
        };
        let functions = Functions::build(&deployment, &config.registry, &setup_of, &settings)?;

        let url = door.url();
        let gateway = Gateway::new(&deployment.routes, functions.clone(), config.clock.clone(), config.ids.clone());
        let gateway = gateway.with_cors(deployment.cors.clone());
        let pages = control_router(Arc::clone(&standins)).merge(outbox_router(Arc::clone(&standins)));
        let pages = pages.merge(flags_router(embedded.flags()));
        let front = door.serve(gateway, pages);
        let providers = providers_door.serve_router(router(&standins));
        let pollers = match config.pollers {
            Start::ByItself => {
                let started = Pollers::start(&functions, &clients.sqs, config.clock.clone(), config.ids.clone()).await;
                Some(started.map_err(PlatformError::Queue)?)
            }
            Start::OnRequest => None,
        };
        let schedules = (config.schedules == Start::ByItself).then(|| Schedules::start(&functions, &config.clock, &config.ids));
        let queues = Queues::find(&deployment, &clients.sqs).await?;
        Ok(Self {
            url,
            deployment,
            clients,
            functions,
            standins,
            setup,
            settings,
            signing_key: Secret::new(signing_key),
            queues,
            front,
            providers,
            pollers,
            schedules,
            embedded,
            _lock: lock,
        })
    }

    /// The base URL of the API, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the templates describe.
    #[must_use]
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The functions, to be called as AWS would.
    #[must_use]
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    /// The stand-ins of the providers, with their knobs and what they were given to send.
    #[must_use]
    pub fn standins(&self) -> &Arc<Standins> {
        &self.standins
    }

    /// The flags that functions get.
    #[must_use]
    pub fn flags(&self) -> FlagsKeeper {
        self.embedded.flags()
    }

    /// Clients of the embedded servers.
    #[must_use]
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// The meter of all requests that the functions make to AWS.
    #[must_use]
    pub fn meter(&self) -> Meter {
        self.setup.meter()
    }

    /// Gives the setup that a function of this name is built from, to build domain services or a function on it.
    ///
    /// # Errors
    /// [`PlatformError::Lacking`] when the templates describe no such function.
    pub fn setup_of(&self, function: &str) -> Result<Setup, PlatformError> {
        let described = self.deployment.function(function).ok_or(PlatformError::Lacking("function of this name"))?;
        Ok(self.setup.with_settings(self.settings.of(described)))
    }

    /// Gives the environment that a function of this name runs in, to start its binary.
    ///
    /// # Errors
    /// [`PlatformError::Lacking`] when the templates describe no such function.
    pub fn environment_of(&self, function: &str) -> Result<BTreeMap<String, String>, PlatformError> {
        let described = self.deployment.function(function).ok_or(PlatformError::Lacking("function of this name"))?;
        Ok(self.settings.of(described))
    }

    /// What signs the access tokens here, for tools and tests that act for users.
    ///
    /// # Errors
    /// [`PlatformError::Lacking`] when the key in the data folder is none.
    pub fn tokens(&self) -> Result<Tokens, PlatformError> {
        Tokens::of_key(&self.signing_key).ok_or(PlatformError::Lacking("key that signs access tokens"))
    }

    /// Waits until every queue is empty, delayed messages included, nothing runs, and the stand-ins have reported everything.
    ///
    /// # Errors
    /// [`Unsettled`] with what is left after two minutes.
    pub async fn settle(&self) -> Result<(), Unsettled> {
        self.settle_within(LONGEST_SETTLING).await
    }

    /// As [`Platform::settle`], with a limit of the caller's.
    ///
    /// # Errors
    /// [`Unsettled`] with what is left after that time.
    pub async fn settle_within(&self, longest: Duration) -> Result<(), Unsettled> {
        match tokio::time::timeout(longest, self.settled()).await {
            Ok(()) => Ok(()),
            Err(_) => Err(Unsettled { queues: self.queues.waiting().await, running: self.functions.activity().running() }),
        }
    }

    async fn settled(&self) {
        let activity = self.functions.activity();
        let mut look_first = 0;
        loop {
            // A message is deleted only after all that it caused was sent: when nothing was invoked since `idle`, and every
            // queue was seen empty since then, no message can have slipped from a queue into one that was seen before.
            let idle = activity.idle().await;
            self.standins.settle().await;
            let empty = self.queues.are_empty(&mut look_first).await;
            if empty && activity.is_still(idle) && self.standins.settle().now_or_never().is_some() {
                return;
            }
            let _ = tokio::time::timeout(LOOK_EVERY, activity.stirs(idle)).await;
        }
    }

    /// Lists the messages in all queues of dead letters, and leaves them there.
    pub async fn dead_letters(&self) -> Vec<DeadLetter> {
        self.queues.dead_letters().await
    }

    /// Runs a scheduled function now, and waits for its end.
    ///
    /// # Errors
    /// [`PlatformError`] when there is no such schedule, or the function fails.
    pub async fn run_schedule(&self, function: &str) -> Result<(), PlatformError> {
        let absent = || PlatformError::NoSchedule(function.to_owned());
        let (_, schedule) = self.deployment.schedules().find(|(described, _)| described.name == function).ok_or_else(absent)?;
        let found = self.functions.find(function).ok_or_else(absent)?;
        let caller = Caller { clock: self.setup.clock(), ids: self.setup.ids() };
        caller.fire(&found, schedule).await.map_err(PlatformError::Schedule)
    }

    /// Makes an organization whose key may also operate the platform; gives the secret text of the key.
    ///
    /// # Errors
    /// [`PlatformError`] when the name is refused, or the table fails.
    pub async fn bootstrap_organization(&self, name: &str) -> Result<Secret, PlatformError> {
        first_key::first_key(&self.setup_of("organizations-create")?, name).await
    }

    /// Stops taking requests and messages, lets what runs end, and stops the servers.
    pub async fn stop(self) {
        drop(self.schedules);
        if let Some(pollers) = self.pollers {
            pollers.stop().await;
        }
        self.front.stop().await;
        self.functions.activity().idle().await;
        self.providers.stop().await;
        self.embedded.stop().await;
    }
}

/// Reads the templates with the values that a deployment would be given.
fn read(
    config: &PlatformConfig,
    embedded: &Embedded,
    [door, providers]: [&Door; 2],
    signing_key: &str,
) -> Result<Deployment, PlatformError> {
    let ids = &config.ids;
    let mut overrides = parameters(&config.standins, (&door.url(), &providers.url()));
    let keys = [
        ("Stage", "local".to_owned()),
        ("LinkKey", folder::key(&config.data_dir, "link-key", || keys::draw(ids))?),
        ("CredentialKey", folder::key(&config.data_dir, "credential-key", || keys::draw(ids))?),
        ("SealKey", folder::key(&config.data_dir, "seal-key", || keys::draw(ids))?),
        ("TokenKeys", keys::public_keys(signing_key)),
        ("TokenSigningKey", signing_key.to_owned()),
    ];
    overrides.extend(keys.map(|(name, value)| (name.to_owned(), value)));
    overrides.extend(config.parameters.clone());
    let parameters =
        Parameters { stack_name: "carillon".to_owned(), sqs_endpoint: embedded.endpoints().sqs, api_endpoint: door.url(), overrides };
    Ok(Deployment::read(&config.root.join("template.yaml"), parameters)?)
}

/// The values of the template's parameters that lead to stand-ins and to an address of ours, instead of providers and a public name.
pub(crate) fn parameters(standins: &StandinsConfig, (url, providers): (&str, &str)) -> BTreeMap<String, String> {
    let StandinsConfig { twilio, google, facebook, .. } = standins;
    let values = [
        // Pages of the platform's own address may use cookies.
        ("AllowedOrigins", url),
        ("LoginRedirectUrl", &format!("{url}/login/{{provider}}")),
        ("GoogleClientId", &google.client_id),
        ("GoogleClientSecret", &google.client_secret),
        ("FacebookAppId", &facebook.app_id),
        ("FacebookAppSecret", &facebook.app_secret),
        ("TwilioBaseUrl", providers),
        ("TwilioAccountSid", &twilio.account_sid),
        ("TwilioAuthToken", &twilio.auth_token),
    ];
    values.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// The settings that name the providers of logins, who stand elsewhere in production.
pub(crate) fn provider_settings(providers: &str) -> BTreeMap<String, String> {
    let settings = [
        ("GOOGLE_DISCOVERY_URL", format!("{providers}/google/.well-known/openid-configuration")),
        ("FACEBOOK_DIALOG_URL", format!("{providers}/facebook")),
        ("FACEBOOK_GRAPH_URL", format!("{providers}/facebook")),
    ];
    settings.map(|(name, value)| (name.to_owned(), value)).into()
}

/// The settings that name what stands elsewhere in production: the key of the vault, the providers of logins.
fn foreign_settings(config: &PlatformConfig, providers: &Door) -> Result<BTreeMap<String, String>, PlatformError> {
    folder::key(&config.data_dir, "vault-keys", || keys::draw_vault(&config.ids))?;
    let mut settings = provider_settings(&providers.url());
    settings.insert("VAULT_KEY_FILE".to_owned(), config.data_dir.join("vault-keys").display().to_string());
    Ok(settings)
}

/// The stand-ins' settings, with what the platform knows better.
fn standins_config(config: &PlatformConfig, ways: &Ways<'_>, (url, providers): (&str, &str)) -> StandinsConfig {
    let standins = StandinsConfig { data_dir: config.data_dir.join("standins"), ..config.standins.clone() };
    wired(standins, (&ways.subscription.topic_arn, ways.prefix), (url, providers))
}

/// The stand-ins' settings, with where their events go and where they stand themselves.
pub(crate) fn wired(mut standins: StandinsConfig, (topic_arn, prefix): (&str, &str), (url, providers): (&str, &str)) -> StandinsConfig {
    standins.campaign_tag = carillon_feedback::tags::RUN.to_owned();
    standins.ses.topic_arn = topic_arn.to_owned();
    standins.firehose.prefix = prefix.to_owned();
    standins.google.issuer = format!("{providers}/google");
    standins.twilio.inbound_url = Some(format!("{url}/webhooks/twilio/inbound"));
    standins
}
