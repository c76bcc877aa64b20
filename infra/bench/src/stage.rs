//! The stage: embedded DynamoDB, SQS and S3, the API, and the providers' stand-ins, in a process of their own.
//!
//! Nothing is polled and no schedule fires there: the consumers run in the process that is measured.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use carillon_kernel::{Clock, IdSource, Secret, Setup};
use carillon_local::demo::Api;
use carillon_local::embedded::{ACCESS_KEY_ID, Endpoints, REGION, SECRET_ACCESS_KEY};
use carillon_local::functions::Settings;
use carillon_local::platform::{Platform, PlatformConfig, Port, Start, keys};
use carillon_local::template::{Deployment, Parameters};
use carillon_standins::{Keep, SesFaults, StandinsConfig};
use serde::{Deserialize, Serialize};

use crate::Failure;

/// What the stage is started with.
#[derive(Debug, Clone, clap::Args)]
pub struct StageOptions {
    /// Folder of all data.
    #[arg(long)]
    pub data: PathBuf,
}

/// Where the stage stands, and what opens it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stage {
    /// The base URL of the API.
    pub url: String,
    /// The base URL of the stand-ins.
    providers: String,
    /// The base URL of the embedded DynamoDB.
    dynamodb: String,
    /// The base URL of the embedded SQS.
    sqs: String,
    /// The base URL of the embedded S3.
    s3: String,
    /// Base URL of AppConfig's data plane.
    appconfig: String,
    /// The key of links.
    link_key: String,
    /// An API key.
    api_key: String,
}

/// A stage in a child process; it ends when this is dropped.
#[derive(Debug)]
pub struct RunningStage {
    /// Where it stands.
    pub stage: Stage,
    child: Child,
}

/// The repository that this program was built from.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs the stage until standard input ends.
pub fn serve(options: &StageOptions) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let platform = Platform::start(config(options)).await?;
        platform.standins().set_ses_faults(fates())?;
        let key = platform.bootstrap_organization("Bench").await?;
        let setup = platform.setup_of("sending-deliver-email")?;
        let stage = Stage {
            url: platform.url().to_owned(),
            providers: setup.text("AWS_ENDPOINT_URL_SESV2")?,
            dynamodb: setup.text("AWS_ENDPOINT_URL_DYNAMODB")?,
            sqs: setup.text("AWS_ENDPOINT_URL_SQS")?,
            s3: setup.text("AWS_ENDPOINT_URL_S3")?,
            appconfig: setup.text("AWS_ENDPOINT_URL_APPCONFIGDATA")?,
            link_key: setup.text("LINK_KEY")?,
            api_key: key.expose().to_owned(),
        };
        println!("{}", serde_json::to_string(&stage)?);
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
        platform.stop().await;
        Ok(())
    })
}

/// A platform whose consumers run elsewhere, and that no limit slows down.
pub fn config(options: &StageOptions) -> PlatformConfig {
    // The API is no part of what is measured: nothing waits for its limits.
    let unlimited = "organization=1000000000,caller=1000000000,read=1000000000,write=1000000000,send=1000000000,address=1000000000";
    let mut config = PlatformConfig::new(root(), &options.data).setting("RATE_LIMITS", unlimited);
    config.port = Port::Exactly(0);
    config.pollers = Start::OnRequest;
    config.schedules = Start::OnRequest;
    config.standins.keep = Keep::Count;
    // Faster than the machine: the platform is to be measured, not the pacing.
    config.standins.ses.max_send_rate = 200_000.0;
    config
}

/// What becomes of mails, as in a middling campaign.
pub fn fates() -> SesFaults {
    SesFaults {
        bounce_share: 0.012,
        soft_bounce_share: 0.008,
        complain_share: 0.001,
        open_share: 0.38,
        click_share: 0.07,
        ..SesFaults::default()
    }
}

impl RunningStage {
    /// Starts a stage with its data in `folder`, and waits until it stands.
    pub fn start(folder: &Path) -> Result<Self, Failure> {
        let program = std::env::current_exe()?;
        let mut command = Command::new(program);
        command.arg("stage").arg("--data").arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let stage = serde_json::from_str(&line).map_err(|error| format!("the embedded servers did not start: {error}"))?;
        Ok(Self { stage, child })
    }

    /// The name of the process under `/proc`.
    pub fn process(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for RunningStage {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It ends with its input; that it cannot be waited for changes nothing.
        let _ = self.child.wait();
    }
}

impl Stage {
    /// A caller of the API.
    pub fn api(&self) -> Result<Api, Failure> {
        Ok(Api::new(&self.url, Secret::new(self.api_key.clone()))?)
    }

    /// Where the embedded servers listen.
    pub fn endpoints(&self) -> Endpoints {
        Endpoints { dynamodb: self.dynamodb.clone(), sqs: self.sqs.clone(), s3: self.s3.clone() }
    }

    /// What the templates describe, with the stage's addresses: the same that the stage itself was wired from.
    pub fn deployment(&self) -> Result<Deployment, Failure> {
        let twilio = StandinsConfig::default().twilio;
        // Consumers have no callers: any keys will do but that of links.
        let mut overrides = keys::drawn(&IdSource::system());
        let given = [
            ("Stage", "local"),
            ("LinkKey", &self.link_key),
            ("TwilioBaseUrl", &self.providers),
            ("TwilioAccountSid", &twilio.account_sid),
            ("TwilioAuthToken", &twilio.auth_token),
        ];
        overrides.extend(given.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let parameters =
            Parameters { stack_name: "carillon".to_owned(), sqs_endpoint: self.sqs.clone(), api_endpoint: self.url.clone(), overrides };
        Ok(Deployment::read(&root().join("template.yaml"), parameters)?)
    }

    /// What every function finds in its environment here.
    pub fn settings(&self) -> Settings {
        let process = [
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.dynamodb),
            ("AWS_ENDPOINT_URL_SQS", &self.sqs),
            ("AWS_ENDPOINT_URL_S3", &self.s3),
            ("AWS_ENDPOINT_URL_APPCONFIGDATA", &self.appconfig),
            ("AWS_ENDPOINT_URL_SESV2", &self.providers),
        ];
        Settings { process: process.map(|(name, value)| (name.to_owned(), value.to_owned())).into(), overrides: BTreeMap::new() }
    }

    /// A setup as the function of this name gets it.
    pub fn setup_of(&self, function: &str) -> Result<Setup, Failure> {
        let deployment = self.deployment()?;
        let described = deployment.function(function).ok_or_else(|| format!("no template describes {function}"))?;
        Ok(Setup::new(Clock::system(), IdSource::system()).with_settings(self.settings().of(described)))
    }
}
