//! Google: OpenID Connect with code, PKCE, state and nonce.
//!
//! Source: <https://developers.google.com/identity/openid-connect/openid-connect>, OpenID Connect Core 1.0 section 3.1.

mod id_token;

use std::sync::Arc;

use carillon_contracts::{ExternalIdentity, LoginProvider};
use carillon_kernel::{Secret, Setup, SetupError};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::JwkSet;
use reqwest::{Client, Url};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::failure::SocialError;
use crate::http;
use crate::providers::Attempt;
use id_token::{Claims, Expected};

const DISCOVERY_URL: &str = "https://accounts.google.com/.well-known/openid-configuration";
/// Where a discovery document stands under its issuer (OpenID Connect Discovery 1.0 section 4).
const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";
const SCOPE: &str = "openid email profile";
/// How long Google's own description and keys are kept; Google changes its keys over days.
const KEPT: SignedDuration = SignedDuration::from_hours(1);
/// How long a key that is not among the kept ones is believed to be unknown.
const ASKED_AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// The client of Google's logins.
#[derive(Debug, Clone)]
pub(crate) struct Google {
    client: Client,
    discovery_url: String,
    client_id: String,
    client_secret: Secret,
    redirect_uri: String,
    known: Arc<Mutex<Known>>,
}

/// What Google said of itself, and when.
#[derive(Debug, Default)]
struct Known {
    discovery: Option<(Discovery, Timestamp)>,
    keys: Option<(JwkSet, Timestamp)>,
}

/// The parts of the discovery document that are used.
#[derive(Debug, Clone, Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Serialize)]
struct TokenForm<'a> {
    grant_type: &'static str,
    code: &'a str,
    client_id: &'a str,
    client_secret: &'a str,
    redirect_uri: &'a str,
    code_verifier: &'a str,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
}

impl Google {
    pub(crate) fn from_setup(setup: &Setup, redirect_uri: String) -> Result<Option<Self>, SetupError> {
        let Some(client_id) = setup.find("GOOGLE_CLIENT_ID") else { return Ok(None) };
        let discovery_url = setup.find("GOOGLE_DISCOVERY_URL").unwrap_or_else(|| DISCOVERY_URL.to_owned());
        Ok(Some(Self {
            client: http::client(setup)?,
            known: setup.shared(&discovery_url, Arc::default),
            discovery_url,
            client_id,
            client_secret: setup.secret("GOOGLE_CLIENT_SECRET")?,
            redirect_uri,
        }))
    }

    pub(crate) async fn authorization_url(&self, attempt: &Attempt, moment: Timestamp) -> Result<String, SocialError> {
        let discovery = self.discovery(moment).await?;
        let mut url = Url::parse(&discovery.authorization_endpoint).map_err(|_| SocialError::Unavailable("an unreadable answer"))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", SCOPE)
            .append_pair("state", &attempt.state)
            .append_pair("nonce", &attempt.nonce)
            .append_pair("code_challenge", &attempt.code_challenge())
            .append_pair("code_challenge_method", "S256")
            // Who has several accounts chooses one.
            .append_pair("prompt", "select_account");
        Ok(url.into())
    }

    pub(crate) async fn identify(&self, code: &Secret, attempt: &Attempt, moment: Timestamp) -> Result<ExternalIdentity, SocialError> {
        let discovery = self.discovery(moment).await?;
        let form = TokenForm {
            grant_type: "authorization_code",
            code: code.expose(),
            client_id: &self.client_id,
            client_secret: self.client_secret.expose(),
            redirect_uri: &self.redirect_uri,
            code_verifier: attempt.verifier.expose(),
        };
        let answer: TokenAnswer = http::call(self.client.post(&discovery.token_endpoint).form(&form), "the code is not valid").await?;
        let keys = self.keys(&discovery, id_token::key_id(&answer.id_token)?, moment).await?;
        let expected = Expected { issuer: &discovery.issuer, client_id: &self.client_id, nonce: &attempt.nonce };
        id_token::verify(&answer.id_token, &keys, &expected, moment).map(Claims::into_identity)
    }

    async fn discovery(&self, moment: Timestamp) -> Result<Discovery, SocialError> {
        let mut known = self.known.lock().await;
        if let Some((discovery, at)) = &known.discovery
            && moment.duration_since(*at) < KEPT
        {
            return Ok(discovery.clone());
        }
        let discovery: Discovery = http::call(self.client.get(&self.discovery_url), "no discovery document").await.map_err(unavailable)?;
        // What a document says of another issuer counts for nothing (OpenID Connect Discovery 1.0 section 4.3).
        if format!("{}{DISCOVERY_PATH}", discovery.issuer) != self.discovery_url {
            return Err(SocialError::Unavailable("a foreign discovery document"));
        }
        known.discovery = Some((discovery.clone(), moment));
        Ok(discovery)
    }

    /// Gives Google's keys, `wanted` among them if it is one.
    async fn keys(&self, discovery: &Discovery, wanted: String, moment: Timestamp) -> Result<JwkSet, SocialError> {
        let mut known = self.known.lock().await;
        if let Some((keys, at)) = &known.keys {
            let age = moment.duration_since(*at);
            if age < ASKED_AGAIN || (age < KEPT && keys.find(&wanted).is_some()) {
                return Ok(keys.clone());
            }
        }
        let keys: JwkSet = http::call(self.client.get(&discovery.jwks_uri), "no keys").await.map_err(unavailable)?;
        known.keys = Some((keys.clone(), moment));
        Ok(keys)
    }
}

/// What Google refuses to say of itself has nothing to do with the caller.
fn unavailable(error: SocialError) -> SocialError {
    match error {
        SocialError::Refused(why) => SocialError::Unavailable(why),
        other => other,
    }
}

impl Claims {
    /// Google vouches for an address today if it is its own or of a Workspace domain; of others it knows that they were verified once.
    ///
    /// Source: <https://developers.google.com/identity/gsi/web/guides/verify-google-id-token>, "Google is authoritative".
    fn into_identity(self) -> ExternalIdentity {
        let is_own = |email: &String| email.to_ascii_lowercase().ends_with("@gmail.com") || self.hd.is_some();
        ExternalIdentity {
            provider: LoginProvider::Google,
            subject: self.sub,
            email_is_proven: self.email_verified && self.email.as_ref().is_some_and(is_own),
            email: self.email,
            name: self.name,
        }
    }
}

#[cfg(test)]
mod tests;
