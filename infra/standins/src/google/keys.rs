//! The key that signs ID tokens: RS256, made when it is needed first, because that takes a moment.

use std::sync::OnceLock;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{config::GoogleConfig, faults::IdTokenFault, logins::Grant};

const KEY_ID: &str = "stand-in-1";
/// Google's ID tokens live an hour.
const LIVES_SECONDS: i64 = 3600;

/// The key, once it was made.
#[derive(Default)]
pub(crate) struct SigningKey(OnceLock<Option<KeyPair>>);

impl SigningKey {
    fn pair(&self) -> Option<&KeyPair> {
        self.0.get_or_init(|| KeyPair::generate(KeySize::Rsa2048).ok()).as_ref()
    }

    /// The JWKS document.
    pub(super) fn set(&self) -> Option<Value> {
        let public = self.pair()?.public_key().as_ref();
        // RSAPublicKey in DER (RFC 8017 appendix A.1.1): nine bytes, the modulus of 2048 bits, the exponent 65537.
        let modulus = public.get(9..265)?;
        Some(
            json!({ "keys": [{ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": URL_SAFE_NO_PAD.encode(modulus), "e": "AQAB" }] }),
        )
    }

    /// Writes the ID token of a grant, wrong in the way that the knobs say.
    pub(super) fn id_token(&self, config: &GoogleConfig, grant: &Grant, how: (IdTokenFault, Timestamp)) -> Option<String> {
        let (fault, moment) = how;
        let issued_at = moment.as_second() - if fault == IdTokenFault::Expired { 2 * LIVES_SECONDS } else { 0 };
        let person = &grant.person;
        let mut claims = json!({
            "iss": if fault == IdTokenFault::WrongIssuer { "https://accounts.example.com" } else { config.issuer.as_str() },
            "azp": grant.client_id,
            "aud": if fault == IdTokenFault::WrongAudience { "another-app" } else { grant.client_id.as_str() },
            "sub": person.id,
            "name": person.name,
            "email_verified": person.email_verified,
            "iat": issued_at,
            "exp": issued_at + LIVES_SECONDS,
        });
        let nonce = if fault == IdTokenFault::WrongNonce { Some("another-nonce".to_owned()) } else { grant.nonce.clone() };
        for (name, value) in [("email", person.email.clone()), ("hd", person.hd.clone()), ("nonce", nonce)] {
            if let (Some(value), Some(claims)) = (value, claims.as_object_mut()) {
                claims.insert(name.to_owned(), json!(value));
            }
        }
        let header = match fault {
            IdTokenFault::NoAlgorithm => json!({ "alg": "none", "typ": "JWT" }),
            IdTokenFault::UnknownKey => json!({ "alg": "RS256", "kid": "unknown", "typ": "JWT" }),
            _ => json!({ "alg": "RS256", "kid": KEY_ID, "typ": "JWT" }),
        };
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = match fault {
            IdTokenFault::NoAlgorithm => String::new(),
            IdTokenFault::WrongSignature => self.sign("something else")?,
            _ => self.sign(&signed)?,
        };
        Some(format!("{signed}.{signature}"))
    }

    fn sign(&self, text: &str) -> Option<String> {
        let pair = self.pair()?;
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).ok()?;
        Some(URL_SAFE_NO_PAD.encode(signature))
    }
}
