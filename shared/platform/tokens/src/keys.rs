//! The public keys by which anybody can verify access tokens: JWKs (RFC 7517, RFC 8037).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carillon_kernel::{Setup, SetupError};
use serde::{Deserialize, Serialize};

const KEY_BYTES: usize = 32;

/// A public Ed25519 key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// Always `OKP`.
    pub kty: String,
    /// Always `Ed25519`.
    pub crv: String,
    /// The key, base 64 URL.
    pub x: String,
    /// The key's id, which tokens name.
    pub kid: String,
    /// Always `EdDSA`.
    pub alg: String,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub usage: String,
}

/// The keys that verify, as `GET /v1/.well-known/jwks.json` shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySet {
    /// The keys.
    pub keys: Vec<PublicKey>,
}

impl PublicKey {
    /// Makes the JWK of a key's 32 bytes; its id is its thumbprint (RFC 7638), so that a key has the same id everywhere.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let x = URL_SAFE_NO_PAD.encode(bytes);
        let kid = thumbprint(&x);
        let [kty, crv, alg, usage] = ["OKP", "Ed25519", "EdDSA", "sig"].map(str::to_owned);
        Self { kty, crv, x, kid, alg, usage }
    }

    fn is_sound(&self) -> bool {
        let forms = [(&self.kty, "OKP"), (&self.crv, "Ed25519"), (&self.alg, "EdDSA"), (&self.usage, "sig")];
        let bytes = URL_SAFE_NO_PAD.decode(&self.x).is_ok_and(|bytes| bytes.len() == KEY_BYTES);
        bytes && !self.kid.is_empty() && forms.iter().all(|(found, wanted)| found == wanted)
    }
}

impl KeySet {
    /// Reads the keys; needs the setting `TOKEN_KEYS`.
    ///
    /// # Errors
    /// [`SetupError`] when it is missing, or lists anything but public Ed25519 keys with ids of their own.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        let name = "TOKEN_KEYS";
        let refused = || SetupError::Unreadable { name: name.to_owned(), wanted: "a JSON list of public Ed25519 keys as JWKs" };
        let keys: Vec<PublicKey> = serde_json::from_str(&setup.text(name)?).map_err(|_| refused())?;
        let ids: std::collections::BTreeSet<&str> = keys.iter().map(|key| key.kid.as_str()).collect();
        if keys.is_empty() || ids.len() < keys.len() || !keys.iter().all(PublicKey::is_sound) {
            return Err(refused());
        }
        Ok(Self { keys })
    }
}

/// Gives the thumbprint of an Ed25519 key: the hash of its required members in the order of their names (RFC 7638, RFC 8037 appendix A.3).
fn thumbprint(x: &str) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// The example of RFC 8037, appendices A.2 and A.3.
    #[test]
    fn a_keys_id_is_the_thumbprint_of_the_rfc() {
        let bytes = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();

        assert_eq!(PublicKey::of_bytes(&bytes).kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_setting_that_lists_another_kind_of_key_is_refused() {
        let good = serde_json::to_value(PublicKey::of_bytes(&[7; 32])).unwrap();
        let setup = |keys: &serde_json::Value| {
            let settings = [("TOKEN_KEYS".to_owned(), keys.to_string())].into();
            Setup::new(carillon_kernel::Clock::system(), carillon_kernel::IdSource::seeded(1)).with_settings(settings)
        };
        assert!(KeySet::from_setup(&setup(&serde_json::json!([good]))).is_ok());

        for (member, value) in [("kty", "RSA"), ("alg", "HS256"), ("alg", "none"), ("crv", "P-256"), ("x", "AAAA"), ("kid", "")] {
            let mut key = good.clone();
            key[member] = value.into();
            assert!(KeySet::from_setup(&setup(&serde_json::json!([key]))).is_err(), "{member} = {value}");
        }
        assert!(KeySet::from_setup(&setup(&serde_json::json!([]))).is_err());
        assert!(KeySet::from_setup(&setup(&serde_json::json!([good, good]))).is_err(), "two keys with one id");
    }
}
