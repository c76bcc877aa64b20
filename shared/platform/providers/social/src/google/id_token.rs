//! An ID token: its signature and claims, as OpenID Connect Core 1.0 section 3.1.3.7 demands.

use jiff::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::{Deserialize, Deserializer};

use carillon_kernel::secret::equal_in_constant_time;

use crate::failure::SocialError;

/// By how much clocks may differ.
const LEEWAY_SECONDS: i64 = 60;
/// How old a token may be that was just redeemed.
const OLDEST_SECONDS: i64 = 600;

/// What a token must say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
}

/// The claims that are used.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    #[serde(default)]
    pub(super) email: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    pub(super) email_verified: bool,
    /// The Workspace domain.
    #[serde(default)]
    pub(super) hd: Option<String>,
    #[serde(default)]
    pub(super) name: Option<String>,
    iss: String,
    exp: i64,
    iat: i64,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
}

/// Gives the id of the key that signed.
pub(super) fn key_id(token: &str) -> Result<String, SocialError> {
    let header = decode_header(token).map_err(|_| SocialError::Refused("the ID token is unreadable"))?;
    if header.alg != Algorithm::RS256 {
        return Err(SocialError::Refused("the ID token is not signed by RS256"));
    }
    header.kid.ok_or(SocialError::Refused("the ID token names no key"))
}

/// Verifies a token and gives its claims.
pub(super) fn verify(token: &str, keys: &JwkSet, expected: &Expected<'_>, moment: Timestamp) -> Result<Claims, SocialError> {
    let refused = |why: &'static str| move || SocialError::Refused(why);
    let kid = key_id(token)?;
    let key = keys.find(&kid).ok_or_else(refused("the ID token is signed by an unknown key"))?;
    // Never a key of another kind, whatever the set holds.
    if !matches!(key.algorithm, AlgorithmParameters::RSA(_)) {
        return Err(SocialError::Refused("the ID token is signed by a key of another kind"));
    }
    let key = DecodingKey::from_jwk(key).map_err(|_| SocialError::Unavailable("an unreadable key"))?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[expected.client_id]);
    validation.set_required_spec_claims(&["aud", "exp", "iss", "sub"]);
    // The library would look at the machine's clock.
    validation.validate_exp = false;
    let claims = decode::<Claims>(token, &key, &validation).map_err(|_| SocialError::Refused("the ID token does not hold"))?.claims;
    check(&claims, expected, moment).map(|()| claims)
}

fn check(claims: &Claims, expected: &Expected<'_>, moment: Timestamp) -> Result<(), SocialError> {
    let now = moment.as_second();
    // Google documents its issuer with and without the scheme.
    let is_issuer = claims.iss == expected.issuer || Some(claims.iss.as_str()) == expected.issuer.strip_prefix("https://");
    let nonce = claims.nonce.as_deref().unwrap_or_default();
    let demands = [
        (is_issuer, "the ID token is of another issuer"),
        (claims.azp.as_deref().is_none_or(|party| party == expected.client_id), "the ID token was made for another app"),
        (now < claims.exp.saturating_add(LEEWAY_SECONDS), "the ID token is expired"),
        (claims.iat <= now.saturating_add(LEEWAY_SECONDS), "the ID token is of the future"),
        (claims.iat >= now.saturating_sub(OLDEST_SECONDS), "the ID token is old"),
        (equal_in_constant_time(nonce.as_bytes(), expected.nonce.as_bytes()), "the ID token answers another request"),
        (!claims.sub.is_empty() && claims.sub.len() <= 255, "the ID token names nobody"),
    ];
    demands.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, why)| Err(SocialError::Refused(why)))
}

/// Google writes `email_verified` as a truth value; older answers had a text.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Bool(bool),
        Text(String),
    }
    Ok(match Flag::deserialize(deserializer)? {
        Flag::Bool(flag) => flag,
        Flag::Text(text) => text == "true",
    })
}
