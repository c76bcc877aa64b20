//! What keeps another site from using a browser's cookies: the origin must be one of ours, and the request must carry a token
//! that only somebody who could read our answers knows.
//!
//! Source: OWASP "Cross-Site Request Forgery Prevention Cheat Sheet" (signed double submit, bound to the session; verifying the origin).

use std::collections::BTreeSet;
use std::sync::Arc;

use carillon_contracts::SessionId;
use carillon_kernel::{Setup, SetupError, Signer};

const PURPOSE: &str = "csrf";

/// The origins of the web applications that may use cookies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Arc<BTreeSet<String>>);

impl Origins {
    /// Reads the setting `ALLOWED_ORIGINS`, origins with commas between; absent, no application may.
    ///
    /// # Errors
    /// [`SetupError`] when one is no origin of the form `https://app.example`, such as `*`; plain HTTP is for loopback only.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        let name = "ALLOWED_ORIGINS";
        let text = setup.find(name).unwrap_or_default();
        let origins: BTreeSet<String> = text.split(',').map(str::trim).filter(|origin| !origin.is_empty()).map(str::to_owned).collect();
        if !origins.iter().all(|origin| is_origin(origin)) {
            return Err(SetupError::Unreadable { name: name.to_owned(), wanted: "a list of origins such as https://app.example" });
        }
        Ok(Self(Arc::new(origins)))
    }

    /// Tells whether a request with this `Origin` comes from one of ours.
    #[must_use]
    pub fn allow(&self, origin: Option<&str>) -> bool {
        origin.is_some_and(|origin| self.0.contains(origin))
    }
}

/// Tells whether a text is a serialised origin (RFC 6454, section 6.2), secure or of this machine.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let name = host.split(':').next().unwrap_or_default();
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || [b'.', b'-', b':'].contains(&byte);
    let secure = scheme == "https" || (scheme == "http" && ["localhost", "127.0.0.1"].contains(&name));
    secure && !name.is_empty() && host.bytes().all(known)
}

/// Makes and checks the tokens of sessions, and knows the origins.
#[derive(Debug, Clone)]
pub struct CsrfDefence {
    signer: Signer,
    origins: Origins,
}

impl CsrfDefence {
    /// Reads the settings `CREDENTIAL_KEY` and `ALLOWED_ORIGINS`.
    ///
    /// # Errors
    /// [`SetupError`] when the key is missing or an origin is none.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { signer: Signer::new(&setup.secret("CREDENTIAL_KEY")?), origins: Origins::from_setup(setup)? })
    }

    /// The origins.
    #[must_use]
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    /// Gives the token of a session, which its requests that change something send as `X-CSRF-Token`.
    #[must_use]
    pub fn token(&self, session: SessionId) -> String {
        self.signer.sign(PURPOSE, &session.to_string())
    }

    /// Tells whether a request with the session's cookie may change something, by its `Origin` and its `X-CSRF-Token`.
    #[must_use]
    pub fn allows(&self, session: SessionId, (origin, token): (Option<&str>, Option<&str>)) -> bool {
        self.origins.allow(origin) && token.is_some_and(|token| self.signer.verify(PURPOSE, &session.to_string(), token))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_kernel::{Clock, IdSource};
    use proptest::prelude::*;

    use super::*;

    fn setup(origins: &str) -> Setup {
        let settings = [("CREDENTIAL_KEY", "key"), ("ALLOWED_ORIGINS", origins)];
        Setup::new(Clock::system(), IdSource::seeded(1))
            .with_settings(settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }

    #[test]
    fn an_origin_is_a_whole_one_and_never_a_star() {
        for refused in
            ["*", "https://*.example", "http://app.example", "https://app.example/", "app.example", "null", "https://", "https://APP"]
        {
            assert!(Origins::from_setup(&setup(refused)).is_err(), "{refused}");
        }
        let origins = Origins::from_setup(&setup("https://app.example, http://localhost:3000,http://127.0.0.1:8080")).unwrap();
        assert!(origins.allow(Some("http://localhost:3000")));
        for refused in [None, Some("null"), Some("https://app.example.evil"), Some("https://other.example"), Some("")] {
            assert!(!origins.allow(refused), "{refused:?}");
        }
        assert!(!Origins::from_setup(&setup("")).unwrap().allow(Some("")), "none is allowed where none is named");
    }

    proptest! {
        #[test]
        fn a_token_with_one_changed_character_is_refused(bytes: [u8; 16], place in 0_usize..22, letter in "[0-9A-Za-z_-]") {
            let defence = CsrfDefence::from_setup(&setup("https://app.example")).unwrap();
            let session = SessionId::from_bytes(bytes);
            let token = defence.token(session);
            let mut changed = token.clone();
            changed.replace_range(place..=place, &letter);

            prop_assert_eq!(defence.allows(session, (Some("https://app.example"), Some(&changed))), changed == token);
        }

        #[test]
        fn no_other_text_is_an_origin_of_ours(text in "(https?://)?(app[.]example)?[ -~]{0,30}") {
            let origins = Origins::from_setup(&setup("https://app.example")).unwrap();

            prop_assert_eq!(origins.allow(Some(&text)), text == "https://app.example");
        }
    }

    #[test]
    fn a_request_needs_a_known_origin_and_the_token_of_its_session() {
        let defence = CsrfDefence::from_setup(&setup("https://app.example")).unwrap();
        let (session, other) = (SessionId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
        let token = defence.token(session);
        let (ours, theirs) = (Some("https://app.example"), Some("https://evil.example"));

        assert!(defence.allows(session, (ours, Some(&token))));
        assert!(!defence.allows(session, (theirs, Some(&token))));
        assert!(!defence.allows(session, (None, Some(&token))));
        assert!(!defence.allows(session, (ours, None)));
        assert!(!defence.allows(session, (ours, Some(""))));
        assert!(!defence.allows(other, (ours, Some(&token))));
    }
}
