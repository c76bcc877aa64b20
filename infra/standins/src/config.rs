//! What can be set when the stand-ins are opened.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Settings of all stand-ins.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StandinsConfig {
    /// Folder of what was sent and of the fault knobs; made if absent.
    pub data_dir: PathBuf,
    /// Seed of every decision by chance.
    pub seed: u64,
    /// How much of each message is kept.
    pub keep: Keep,
    /// Name of the SES tag, and of the query parameter of Twilio's `StatusCallback`, that names a campaign.
    pub campaign_tag: String,
    /// The moment at which the stand-ins' clock starts; the machine's present if absent.
    pub started_at: Option<Timestamp>,
    /// Settings of the SES account.
    pub ses: SesConfig,
    /// Settings of the Twilio account.
    pub twilio: TwilioConfig,
    /// Settings of the Firehose that takes SES's sends, deliveries, opens and clicks.
    pub firehose: FirehoseConfig,
    /// Settings of the app at Google.
    pub google: GoogleConfig,
    /// Settings of the app at Facebook.
    pub facebook: FacebookConfig,
}

impl Default for StandinsConfig {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data/standins"),
            seed: 1,
            keep: Keep::Full,
            campaign_tag: "campaign".to_owned(),
            started_at: None,
            ses: SesConfig::default(),
            twilio: TwilioConfig::default(),
            firehose: FirehoseConfig::default(),
            google: GoogleConfig::default(),
            facebook: FacebookConfig::default(),
        }
    }
}

/// How much of each message is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// Everything on disk; in memory an index of about 200 bytes a message.
    Full,
    /// Message id, recipient and tags, the same index.
    Summary,
    /// Counts, and a fingerprint of 64 bits per campaign and recipient, for runs of a million.
    Count,
}

/// Settings of the SES account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SesConfig {
    /// Emails per rolling 24 hours; -1 is no limit, as SES says it.
    pub max_24_hour_send: f64,
    /// Recipients per second.
    pub max_send_rate: f64,
    /// False in the sandbox, where recipients must be verified, too.
    pub production_access: bool,
    /// False when sending is paused for the account.
    pub sending_enabled: bool,
    /// `HEALTHY`, `PROBATION` or `SHUTDOWN`.
    pub enforcement_status: String,
    /// Verified addresses and domains; every one if absent.
    pub verified_identities: Option<Vec<String>>,
    /// Configuration sets that exist; every one if absent.
    pub configuration_sets: Option<Vec<String>>,
    /// The identity's default configuration set. Events are published only for mail with a configuration set.
    pub default_configuration_set: Option<String>,
    /// AWS region, as it stands in ARNs and messages.
    pub region: String,
    /// AWS account of 12 digits, as it stands in events.
    pub account_id: String,
    /// ARN of the SNS topic that exceptions come from.
    pub topic_arn: String,
}

impl Default for SesConfig {
    fn default() -> Self {
        Self {
            max_24_hour_send: -1.0,
            max_send_rate: 50_000.0,
            production_access: true,
            sending_enabled: true,
            enforcement_status: "HEALTHY".to_owned(),
            verified_identities: None,
            configuration_sets: None,
            default_configuration_set: None,
            region: "us-east-1".to_owned(),
            account_id: "123456789012".to_owned(),
            topic_arn: "arn:aws:sns:us-east-1:123456789012:carillon-ses-exceptions".to_owned(),
        }
    }
}

/// Settings of the Twilio account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TwilioConfig {
    /// The account, `AC` and 32 hexadecimal digits.
    pub account_sid: String,
    /// The password of calls and the key of signatures.
    pub auth_token: String,
    /// Numbers that the account owns; every one if absent.
    pub numbers: Option<Vec<String>>,
    /// The number that a messaging service sends from.
    pub messaging_service_number: String,
    /// Where inbound messages are posted.
    pub inbound_url: Option<String>,
    /// Callbacks that are posted at the same time, at most.
    pub callback_concurrency: usize,
}

impl Default for TwilioConfig {
    fn default() -> Self {
        Self {
            account_sid: "AC00000000000000000000000000000000".to_owned(),
            auth_token: "00000000000000000000000000000000".to_owned(),
            numbers: None,
            messaging_service_number: "+15005550006".to_owned(),
            inbound_url: None,
            callback_concurrency: 32,
        }
    }
}

/// Settings of the Firehose.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FirehoseConfig {
    /// Prefix of the keys, without the last slash.
    pub prefix: String,
    /// Name of the delivery stream.
    pub stream: String,
    /// A batch is written when it holds this many bytes.
    pub buffer_bytes: usize,
    /// A batch is written when its first record is this old.
    pub buffer_ms: u64,
    /// Batches that are written at the same time, at most.
    pub concurrency: usize,
}

impl Default for FirehoseConfig {
    fn default() -> Self {
        Self {
            prefix: "ses-events".to_owned(),
            stream: "carillon-ses-events".to_owned(),
            buffer_bytes: 5 * 1024 * 1024,
            buffer_ms: 1_000,
            concurrency: 4,
        }
    }
}

/// Settings of the app at Google.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GoogleConfig {
    /// Where the stand-in of Google is found: its base URL and `/google`.
    pub issuer: String,
    /// The app.
    pub client_id: String,
    /// The app's password.
    pub client_secret: String,
}

impl Default for GoogleConfig {
    fn default() -> Self {
        Self {
            issuer: "http://127.0.0.1/google".to_owned(),
            client_id: "local.apps.googleusercontent.com".to_owned(),
            client_secret: "GOCSPX-local".to_owned(),
        }
    }
}

/// Settings of the app at Facebook.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FacebookConfig {
    /// The app.
    pub app_id: String,
    /// The app's password.
    pub app_secret: String,
}

impl Default for FacebookConfig {
    fn default() -> Self {
        Self { app_id: "1000000000000001".to_owned(), app_secret: "0123456789abcdef0123456789abcdef".to_owned() }
    }
}
