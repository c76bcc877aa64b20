//! A session with AppConfig: each answer carries the token of the next question, and a token is used once.

use std::time::Duration;

use aws_sdk_appconfigdata::Client;
use aws_sdk_appconfigdata::config::Builder;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use carillon_aws::told;
use carillon_kernel::{Meter, Setup, SetupError};

/// The setting with the ARN of the configuration, which is also what policies name.
const SETTING: &str = "FLAGS_CONFIGURATION_ARN";

/// How often a process asks, in seconds: the least that AppConfig takes, because a stop that is asked for should stop.
pub(crate) const INTERVAL_SECONDS: i32 = 15;

/// How long a call may take: work waits for it.
const TIME_OUT: Duration = Duration::from_secs(2);

/// Where the flags are.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    application: String,
    environment: String,
    profile: String,
}

/// Whoever asks AppConfig.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    client: Client,
    place: Place,
    meter: Meter,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Latest {
    /// The document; nothing when it is the one that the session got before.
    pub(crate) document: Option<Vec<u8>>,
    /// The token of the next question.
    pub(crate) token: Option<String>,
    /// When the next question may come, in seconds.
    pub(crate) interval_seconds: i32,
}

/// AppConfig did not say.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Silence(String);

impl Place {
    /// Reads `arn:aws:appconfig:…:application/{id}/environment/{id}/configuration/{id}`.
    fn of_arn(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.strip_prefix("arn:")?.rsplit(':').next()?.split('/').collect();
        match parts.as_slice() {
            ["application", application, "environment", environment, "configuration", profile] => Some(Self {
                application: (*application).to_owned(),
                environment: (*environment).to_owned(),
                profile: (*profile).to_owned(),
            }),
            _ => None,
        }
    }
}

impl Asker {
    /// Makes the client; gives with it the name under which a process shares what it heard.
    pub(crate) fn from_setup(setup: &Setup) -> Result<(Self, String), SetupError> {
        let arn = setup.text(SETTING)?;
        let unreadable = || SetupError::Unreadable { name: SETTING.to_owned(), wanted: "the ARN of a configuration of AppConfig" };
        let place = Place::of_arn(&arn).ok_or_else(unreadable)?;
        let config = carillon_aws::config(setup, "APPCONFIGDATA")?;
        let endpoint = carillon_aws::endpoint(setup, "APPCONFIGDATA").unwrap_or_default();
        let client = setup.shared(&endpoint, || {
            // The next interval is the next try, and a token is not used again.
            let once = RetryConfig::standard().with_max_attempts(1);
            let time_outs = TimeoutConfig::builder().connect_timeout(TIME_OUT).operation_timeout(TIME_OUT).build();
            Client::from_conf(Builder::from(&config).retry_config(once).timeout_config(time_outs).build())
        });
        Ok((Self { client, place, meter: setup.meter() }, format!("{endpoint} {arn}")))
    }

    /// Asks for the latest document: with the token of the session, or, where there is none or it does not hold any more, in a new one.
    pub(crate) async fn latest(&self, token: Option<String>) -> Result<Latest, Silence> {
        if let Some(token) = token
            && let Ok(latest) = self.ask(token).await
        {
            return Ok(latest);
        }
        let token = self.start().await?;
        self.ask(token).await
    }

    async fn start(&self) -> Result<String, Silence> {
        self.meter.request("appconfig.StartConfigurationSession");
        let Place { application, environment, profile } = &self.place;
        let request = self.client.start_configuration_session().application_identifier(application).environment_identifier(environment);
        let request = request.configuration_profile_identifier(profile).required_minimum_poll_interval_in_seconds(INTERVAL_SECONDS);
        let answer = request.send().await.map_err(|error| Silence(told(&error)))?;
        answer.initial_configuration_token.ok_or_else(|| Silence("no token in the answer".to_owned()))
    }

    async fn ask(&self, token: String) -> Result<Latest, Silence> {
        self.meter.request("appconfig.GetLatestConfiguration");
        let answer =
            self.client.get_latest_configuration().configuration_token(token).send().await.map_err(|error| Silence(told(&error)))?;
        Ok(Latest {
            document: answer.configuration.map(aws_sdk_appconfigdata::primitives::Blob::into_inner).filter(|bytes| !bytes.is_empty()),
            token: answer.next_poll_configuration_token,
            interval_seconds: answer.next_poll_interval_in_seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_flags_is_in_their_arn() {
        let arn = "arn:aws:appconfig:eu-west-1:111122223333:application/abc1234/environment/def5678/configuration/ghi9012";
        let place = Place { application: "abc1234".to_owned(), environment: "def5678".to_owned(), profile: "ghi9012".to_owned() };

        assert_eq!(Place::of_arn(arn), Some(place));
        assert_eq!(Place::of_arn(&arn.replace("configuration/", "profile/")), None);
        assert_eq!(Place::of_arn("application/a/environment/b/configuration/c"), None);
    }
}
