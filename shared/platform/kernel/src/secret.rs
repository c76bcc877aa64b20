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
    fn a_secret_does_not_print_itself() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }

    /// The digest of "abc" is the example of FIPS 180-4.
    #[test]
    fn sha256_is_that_of_the_standard() {
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
