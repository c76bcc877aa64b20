//! Makes access tokens.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carillon_kernel::{IdSource, Secret, Setup, SetupError};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};

use crate::claims::{AUDIENCE, Claims, Grant, ISSUER, LIFETIME, TYPE};
use crate::keys::PublicKey;
use crate::verify::TokenError;

/// Signs access tokens.
#[derive(Clone)]
pub struct Tokens {
    key: EncodingKey,
    public: PublicKey,
}

/// A token that was just made.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The text that callers send.
    pub text: Secret,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Tokens {
    /// Reads the signing key; needs the setting `TOKEN_SIGNING_KEY`.
    ///
    /// # Errors
    /// [`SetupError`] when it is missing or no Ed25519 key in PKCS#8 and base 64.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        let name = "TOKEN_SIGNING_KEY";
        let refused = || SetupError::Unreadable { name: name.to_owned(), wanted: "an Ed25519 private key: PKCS#8 in base 64" };
        Self::of_key(&setup.secret(name)?).ok_or_else(refused)
    }

    /// Reads a signing key from its text; none when it is no Ed25519 key in PKCS#8 and base 64.
    #[must_use]
    pub fn of_key(text: &Secret) -> Option<Self> {
        let pkcs8 = STANDARD.decode(text.expose()).ok()?;
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).ok()?;
        Some(Self { key: EncodingKey::from_ed_der(&pkcs8), public: PublicKey::of_bytes(pair.public_key().as_ref()) })
    }

    /// The public half of the signing key, which `TOKEN_KEYS` has to list.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Makes a token for a session, valid for a quarter of an hour from `moment`.
    ///
    /// # Errors
    /// [`TokenError::Unsigned`] when the key cannot sign.
    pub fn sign(&self, grant: &Grant, moment: Timestamp) -> Result<AccessToken, TokenError> {
        let expires_at = Timestamp::from_second(moment.as_second()).unwrap_or(moment) + LIFETIME;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: grant.user,
            org: grant.organization,
            sid: grant.session,
            iat: moment.as_second(),
            exp: expires_at.as_second(),
            amr: grant.methods.clone(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.public.kid.clone());
        let text = encode(&header, &claims, &self.key).map_err(|_| TokenError::Unsigned)?;
        Ok(AccessToken { text: Secret::new(text), expires_at })
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tokens").field("kid", &self.public.kid).finish_non_exhaustive()
    }
}

/// Draws a new signing key, as `TOKEN_SIGNING_KEY` takes it; none when the seed is refused.
#[must_use]
pub fn draw_signing_key(ids: &IdSource) -> Option<Secret> {
    let pair = Ed25519KeyPair::from_seed_unchecked(&ids.bytes::<32>()).ok()?;
    Some(Secret::new(STANDARD.encode(pair.to_pkcs8v1().ok()?.as_ref())))
}
