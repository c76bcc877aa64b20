//! POST /v1/auth/providers/{provider}/start: tells where to send the browser to log in by Google or Facebook.

use std::time::Duration;

use carillon_harness::{Failure, Input, PublicFunction, RateClass, RawRequest, Reply, Setup, SetupError};
use carillon_identity::{AttemptPurpose, BegunAttempt, Links};
use carillon_kernel::IdSource;
use carillon_social::Providers;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::provider::{begun_attempt, cookie, provider_of};

/// Begins logins by providers; the answer's cookie binds what comes back to this browser.
#[derive(Debug)]
pub struct ProvidersStart {
    links: Links,
    providers: Providers,
    ids: IdSource,
}

/// What the login is for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    purpose: AttemptPurpose,
}

/// Where to go.
#[derive(Serialize)]
struct Started {
    authorization_url: String,
    state: String,
    expires_at: Timestamp,
}

impl Input for Body {}

impl PublicFunction for ProvidersStart {
    const NAME: &'static str = "providers-start";
    const REASON: &'static str = "who logs in is not known yet; nothing is given but an address at the provider";
    const RATE_CLASS: RateClass = RateClass::Account;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { links: Links::from_setup(setup, Self::NAME)?, providers: Providers::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, request: RawRequest) -> Result<Reply, Failure> {
        let provider = provider_of(&request.path)?;
        let body: Body = if request.body.is_empty() { Body::default() } else { request.json()? };
        let begun = BegunAttempt::begin(provider, body.purpose, (request.moment, &self.ids));
        let authorization_url = self.providers.authorization_url(provider, &begun_attempt(&begun)).await?;
        self.links.keep(&begun).await?;

        let expires_at = begun.stored.expires_at;
        let lives = Duration::try_from(expires_at.duration_since(request.moment)).unwrap_or_default();
        let started = Started { authorization_url, state: begun.state, expires_at };
        Ok(Reply::ok(&started).cookie(cookie(begun.browser.expose(), lives)))
    }
}
