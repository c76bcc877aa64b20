//! Facebook: OAuth with code and state; the token is checked by `debug_token`, and every call for a person carries `appsecret_proof`.
//!
//! Facebook's answer has no nonce and no signature, so the token itself is questioned: it must be this app's, valid, and a user's.
//! An address may be missing (who signed up by phone, or did not allow it), and Facebook does not say whether it is verified: it never
//! leads to an account by itself.
//!
//! Source: <https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow>,
//! <https://developers.facebook.com/docs/graph-api/securing-requests>.

use aws_lc_rs::hmac;
use carillon_contracts::{ExternalIdentity, LoginProvider};
use carillon_kernel::{Secret, Setup, SetupError};
use jiff::Timestamp;
use reqwest::{Client, Url};
use serde::Deserialize;

use crate::failure::SocialError;
use crate::http;
use crate::providers::Attempt;

const DIALOG_URL: &str = "https://www.facebook.com";
const GRAPH_URL: &str = "https://graph.facebook.com";
/// The version of the Graph API that this speaks.
const VERSION: &str = "v24.0";
const SCOPE: &str = "public_profile,email";

/// The client of Facebook's logins.
#[derive(Debug, Clone)]
pub(crate) struct Facebook {
    client: Client,
    dialog_url: String,
    graph_url: String,
    app_id: String,
    app_secret: Secret,
    redirect_uri: String,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
}

#[derive(Deserialize)]
struct Debugged {
    data: TokenFacts,
}

/// What Facebook says of a token; a number where ids are texts elsewhere is read as well.
#[derive(Deserialize)]
struct TokenFacts {
    #[serde(default)]
    app_id: Option<String>,
    #[serde(default)]
    is_valid: bool,
    #[serde(default)]
    user_id: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    /// Seconds since 1970; 0 means never.
    #[serde(default)]
    expires_at: i64,
}

#[derive(Deserialize)]
struct Me {
    id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
}

impl Facebook {
    pub(crate) fn from_setup(setup: &Setup, redirect_uri: String) -> Result<Option<Self>, SetupError> {
        let Some(app_id) = setup.find("FACEBOOK_APP_ID") else { return Ok(None) };
        let base = |setting: &str, usual: &str| {
            let url = setup.find(setting).unwrap_or_else(|| usual.to_owned());
            format!("{}/{VERSION}", url.trim_end_matches('/'))
        };
        Ok(Some(Self {
            client: http::client(setup)?,
            dialog_url: base("FACEBOOK_DIALOG_URL", DIALOG_URL),
            graph_url: base("FACEBOOK_GRAPH_URL", GRAPH_URL),
            app_id,
            app_secret: setup.secret("FACEBOOK_APP_SECRET")?,
            redirect_uri,
        }))
    }

    pub(crate) fn authorization_url(&self, attempt: &Attempt) -> Result<String, SocialError> {
        let mut url = Url::parse(&format!("{}/dialog/oauth", self.dialog_url)).map_err(|_| SocialError::NotConfigured)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.app_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", SCOPE)
            .append_pair("state", &attempt.state);
        Ok(url.into())
    }

    pub(crate) async fn identify(&self, code: &Secret, moment: Timestamp) -> Result<ExternalIdentity, SocialError> {
        let token = self.redeem(code).await?;
        let user = self.user_of(&token, moment).await?;
        let me = self.me(&token).await?;
        if me.id != user {
            return Err(SocialError::Refused("the token is another person's"));
        }
        Ok(ExternalIdentity { provider: LoginProvider::Facebook, subject: me.id, email: me.email, email_is_proven: false, name: me.name })
    }

    async fn redeem(&self, code: &Secret) -> Result<Secret, SocialError> {
        let request = self.client.post(format!("{}/oauth/access_token", self.graph_url)).form(&[
            ("client_id", self.app_id.as_str()),
            ("client_secret", self.app_secret.expose()),
            ("redirect_uri", &self.redirect_uri),
            ("code", code.expose()),
        ]);
        let answer: TokenAnswer = http::call(request, "the code is not valid").await?;
        Ok(Secret::new(answer.access_token))
    }

    /// Asks whom a token was made for: a token of another app would let that app's owner in everywhere.
    async fn user_of(&self, token: &Secret, moment: Timestamp) -> Result<String, SocialError> {
        let app_token = format!("{}|{}", self.app_id, self.app_secret.expose());
        let request = self.client.get(format!("{}/debug_token", self.graph_url));
        let request = request.query(&[("input_token", token.expose()), ("access_token", &app_token)]);
        let facts = http::call::<Debugged>(request, "the token cannot be checked").await?.data;
        let demands = [
            (facts.is_valid, "the token is not valid"),
            (facts.app_id.as_deref() == Some(self.app_id.as_str()), "the token was made for another app"),
            (facts.kind.as_deref() == Some("USER"), "the token is not a person's"),
            (facts.expires_at == 0 || facts.expires_at > moment.as_second(), "the token is expired"),
        ];
        if let Some((_, why)) = demands.into_iter().find(|(holds, _)| !holds) {
            return Err(SocialError::Refused(why));
        }
        facts.user_id.filter(|id| !id.is_empty() && id.len() <= 255).ok_or(SocialError::Refused("the token is nobody's"))
    }

    async fn me(&self, token: &Secret) -> Result<Me, SocialError> {
        let proof = self.proof(token);
        let query = [("fields", "id,name,email"), ("access_token", token.expose()), ("appsecret_proof", &proof)];
        http::call(self.client.get(format!("{}/me", self.graph_url)).query(&query), "the person cannot be read").await
    }

    /// `appsecret_proof`: HMAC-SHA-256 of the token under the app's secret, in hexadecimal.
    fn proof(&self, token: &Secret) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.app_secret.expose().as_bytes());
        hmac::sign(&key, token.expose().as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests;
