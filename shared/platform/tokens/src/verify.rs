//! Verifies access tokens: one algorithm, known keys, our own claims; whatever else a token says of itself counts for nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use carillon_kernel::{Setup, SetupError};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};

use crate::claims::{AUDIENCE, Claims, ISSUER, LIFETIME, TYPE};
use crate::keys::KeySet;

/// How far the clocks of two processes may differ, in seconds.
const LEEWAY_SECONDS: i64 = 30;
/// Longer texts are no tokens of ours, and are not looked at.
const LONGEST_BYTES: usize = 2048;

/// Why a token was not made, or is worth nothing. Callers are told none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no token with our claims.
    #[error("the text is no access token")]
    Malformed,
    /// It names an algorithm or a type that is not ours.
    #[error("the token has another algorithm or type")]
    Algorithm,
    /// It names no key that is known.
    #[error("the token names no known key")]
    KeyUnknown,
    /// The signature is not that of the key.
    #[error("the signature does not hold")]
    Signature,
    /// Somebody else made it, or it is for somebody else.
    #[error("the token has another issuer or audience")]
    Foreign,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not begun.
    #[error("the token is not yet valid")]
    NotYetValid,
    /// The key could not sign.
    #[error("the token cannot be signed")]
    Unsigned,
}

/// Knows the public keys.
#[derive(Clone)]
pub struct Verifier {
    set: Arc<KeySet>,
    keys: Arc<BTreeMap<String, DecodingKey>>,
}

impl Verifier {
    /// Reads the keys; needs the setting `TOKEN_KEYS`.
    ///
    /// # Errors
    /// [`SetupError`] when it is missing, or lists anything but public Ed25519 keys.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        let set = KeySet::from_setup(setup)?;
        let refused = |_| SetupError::Unreadable { name: "TOKEN_KEYS".to_owned(), wanted: "a JSON list of public Ed25519 keys as JWKs" };
        let keys = set.keys.iter().map(|key| Ok((key.kid.clone(), DecodingKey::from_ed_components(&key.x).map_err(refused)?)));
        Ok(Self { keys: Arc::new(keys.collect::<Result<_, SetupError>>()?), set: Arc::new(set) })
    }

    /// The public keys.
    #[must_use]
    pub fn key_set(&self) -> &KeySet {
        &self.set
    }

    /// Reads a token that is ours and valid at `now`. Whether its session still is one, the table knows.
    ///
    /// # Errors
    /// [`TokenError`], which is for the log and the tests: a caller learns only that it is unknown.
    pub fn verify(&self, text: &str, now: Timestamp) -> Result<Claims, TokenError> {
        if text.len() > LONGEST_BYTES {
            return Err(TokenError::Malformed);
        }
        // The library knows no algorithm `none`: a header that names it cannot be read.
        let header = decode_header(text).map_err(|_| TokenError::Malformed)?;
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some(TYPE) {
            return Err(TokenError::Algorithm);
        }
        let key = header.kid.and_then(|kid| self.keys.get(&kid)).ok_or(TokenError::KeyUnknown)?;
        let claims = decode::<Claims>(text, key, &signature_only()).map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => TokenError::Signature,
            _ => TokenError::Malformed,
        })?;
        checked(claims.claims, now.as_second())
    }
}

/// The library checks the signature only: it would read the time from the system, not from our clock.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn checked(claims: Claims, now: i64) -> Result<Claims, TokenError> {
    let longest = i64::try_from(LIFETIME.as_secs()).unwrap_or_default();
    if claims.iss != ISSUER || claims.aud != AUDIENCE {
        Err(TokenError::Foreign)
    } else if claims.iat > now.saturating_add(LEEWAY_SECONDS) {
        Err(TokenError::NotYetValid)
    } else if claims.exp <= now || claims.exp.saturating_sub(claims.iat) > longest {
        Err(TokenError::Expired)
    } else {
        Ok(claims)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Verifier").field("keys", &self.keys.keys()).finish()
    }
}

#[cfg(test)]
mod tests;
