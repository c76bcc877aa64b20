//! A login of a provider that stands for a user, and an attempt to log in there: what binds a code that comes back to the browser
//! that was sent.
//!
//! The browser keeps one secret in a cookie. The nonce and PKCE's verifier follow from it and the state by a keyed hash, and only the
//! secret's hash is stored; so nothing that is stored redeems a code, and a code that somebody else's browser fetched leads nowhere here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carillon_contracts::{LoginProvider, UserId};
use carillon_kernel::secret::{equal_in_constant_time, sha256_hex};
use carillon_kernel::{IdSource, Secret, Signer};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long somebody may take to log in at the provider.
pub const ATTEMPT_LIVES: SignedDuration = SignedDuration::from_mins(10);

/// A login of a provider that stands for a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedLogin {
    /// The provider.
    pub provider: LoginProvider,
    /// The provider's id of the person.
    pub subject: String,
    /// The user.
    pub user: UserId,
    /// Since when.
    pub linked_at: Timestamp,
}

/// What an attempt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptPurpose {
    /// To log in, or to sign up.
    #[default]
    LogIn,
    /// To link the login with the account of who is logged in.
    Link,
}

/// An attempt as it is stored, under the hash of its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderAttempt {
    /// The provider.
    pub provider: LoginProvider,
    /// What it is for.
    pub purpose: AttemptPurpose,
    /// The hash of the browser's secret.
    pub browser_hash: String,
    /// Until when.
    pub expires_at: Timestamp,
}

/// An attempt that begins: its parts for the address and for the cookie.
#[derive(Debug, Clone)]
pub struct BegunAttempt {
    /// What goes through the provider and comes back.
    pub state: String,
    /// What the browser keeps.
    pub browser: Secret,
    /// What is stored.
    pub stored: ProviderAttempt,
}

/// What follows from a browser's secret and a state.
#[derive(Debug, Clone)]
pub struct AttemptSecrets {
    /// What the provider repeats in its answer.
    pub nonce: String,
    /// The verifier of PKCE.
    pub verifier: Secret,
}

impl BegunAttempt {
    /// Begins an attempt.
    #[must_use]
    pub fn begin(provider: LoginProvider, purpose: AttemptPurpose, (moment, ids): (Timestamp, &IdSource)) -> Self {
        let draw = || URL_SAFE_NO_PAD.encode(ids.bytes::<32>());
        let (state, browser) = (draw(), Secret::new(draw()));
        let stored = ProviderAttempt { provider, purpose, browser_hash: browser_hash(&browser), expires_at: moment + ATTEMPT_LIVES };
        Self { state, browser, stored }
    }

    /// Gives what the address at the provider is made of.
    #[must_use]
    pub fn secrets(&self) -> AttemptSecrets {
        AttemptSecrets::of(&self.browser, &self.state)
    }
}

impl ProviderAttempt {
    /// Tells whether a code that came back now, by this browser, belongs to the attempt.
    #[must_use]
    pub fn is_met_by(&self, browser: &Secret, moment: Timestamp) -> bool {
        moment < self.expires_at && equal_in_constant_time(self.browser_hash.as_bytes(), browser_hash(browser).as_bytes())
    }
}

impl AttemptSecrets {
    /// Derives the parts of an attempt.
    #[must_use]
    pub fn of(browser: &Secret, state: &str) -> Self {
        let signer = Signer::new(browser);
        // Two halves of 22 characters: RFC 7636 wants 43 at least.
        let verifier = [signer.sign("pkce/1", state), signer.sign("pkce/2", state)].concat();
        Self { nonce: signer.sign("nonce", state), verifier: Secret::new(verifier) }
    }
}

/// Gives the name under which an attempt is stored.
pub(crate) fn state_hash(state: &str) -> String {
    sha256_hex(state.as_bytes())
}

fn browser_hash(browser: &Secret) -> String {
    sha256_hex(browser.expose().as_bytes())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn begun(seed: u64) -> BegunAttempt {
        BegunAttempt::begin(LoginProvider::Google, AttemptPurpose::LogIn, (at(0), &IdSource::seeded(seed)))
    }

    #[test]
    fn an_attempt_is_met_by_the_browser_that_began_it_for_ten_minutes() {
        let (begun, other) = (begun(1), begun(2));

        assert!(begun.stored.is_met_by(&begun.browser, at(599)));
        assert!(!begun.stored.is_met_by(&begun.browser, at(600)));
        assert!(!begun.stored.is_met_by(&other.browser, at(1)));
        assert!(!begun.stored.is_met_by(&Secret::new(""), at(1)));
    }

    #[test]
    fn nonce_and_verifier_follow_from_the_browser_and_the_state_and_are_not_stored() {
        let (begun, other) = (begun(1), begun(2));
        let secrets = begun.secrets();
        let again = AttemptSecrets::of(&begun.browser, &begun.state);

        assert_eq!((&secrets.nonce, &secrets.verifier), (&again.nonce, &again.verifier));
        assert_ne!(secrets.verifier, AttemptSecrets::of(&other.browser, &begun.state).verifier);
        assert_ne!(secrets.verifier, AttemptSecrets::of(&begun.browser, &other.state).verifier);
        // RFC 7636 section 4.1.
        assert!((43..=128).contains(&secrets.verifier.expose().len()));
        let stored = serde_json::to_string(&begun.stored).unwrap();
        for secret in [begun.browser.expose(), secrets.verifier.expose(), &secrets.nonce, &begun.state] {
            assert!(!stored.contains(secret));
        }
    }
}
