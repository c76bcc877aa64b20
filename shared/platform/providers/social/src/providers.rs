//! The providers as one: an attempt to log in goes out as an address, and comes back as a code.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carillon_contracts::{ExternalIdentity, LoginProvider};
use carillon_kernel::{Clock, Secret, Setup, SetupError};

use crate::facebook::Facebook;
use crate::failure::SocialError;
use crate::google::Google;

/// One attempt to log in at a provider: what binds the code that comes back to the browser that was sent.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Comes back beside the code.
    pub state: String,
    /// Comes back in the ID token.
    pub nonce: String,
    /// The verifier of PKCE (RFC 7636): 43 to 128 letters, digits, `-`, `_`.
    pub verifier: Secret,
}

/// The clients of all providers that the settings name.
#[derive(Debug, Clone)]
pub struct Providers {
    google: Option<Google>,
    facebook: Option<Facebook>,
    clock: Clock,
}

impl Providers {
    /// Makes the clients. Settings: `LOGIN_REDIRECT_URL` (the page of the app that the provider sends the browser to, `{provider}` in it
    /// is replaced), and, each optional, `GOOGLE_CLIENT_ID` with `GOOGLE_CLIENT_SECRET`, `FACEBOOK_APP_ID` with `FACEBOOK_APP_SECRET`.
    ///
    /// # Errors
    /// [`SetupError`] when half of a provider's settings is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        let redirect = setup.text("LOGIN_REDIRECT_URL")?;
        let of = |provider: LoginProvider| redirect.replace("{provider}", &provider.to_string());
        Ok(Self {
            google: Google::from_setup(setup, of(LoginProvider::Google))?,
            facebook: Facebook::from_setup(setup, of(LoginProvider::Facebook))?,
            clock: setup.clock(),
        })
    }

    /// Gives the address to send the browser to.
    ///
    /// # Errors
    /// [`SocialError::NotConfigured`], or [`SocialError::Unavailable`] when the provider does not say where that is.
    pub async fn authorization_url(&self, provider: LoginProvider, attempt: &Attempt) -> Result<String, SocialError> {
        match provider {
            LoginProvider::Google => self.google()?.authorization_url(attempt, self.clock.now()).await,
            LoginProvider::Facebook => self.facebook()?.authorization_url(attempt),
        }
    }

    /// Redeems the code that came back, and tells whom it stands for.
    ///
    /// # Errors
    /// [`SocialError`] when the provider does not confirm it.
    pub async fn identify(&self, provider: LoginProvider, code: &Secret, attempt: &Attempt) -> Result<ExternalIdentity, SocialError> {
        match provider {
            LoginProvider::Google => self.google()?.identify(code, attempt, self.clock.now()).await,
            LoginProvider::Facebook => self.facebook()?.identify(code, self.clock.now()).await,
        }
    }

    fn google(&self) -> Result<&Google, SocialError> {
        self.google.as_ref().ok_or(SocialError::NotConfigured)
    }

    fn facebook(&self) -> Result<&Facebook, SocialError> {
        self.facebook.as_ref().ok_or(SocialError::NotConfigured)
    }
}

impl Attempt {
    /// The challenge of PKCE by the method S256 (RFC 7636 section 4.2).
    pub(crate) fn code_challenge(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.verifier.expose().as_bytes());
        URL_SAFE_NO_PAD.encode(digest.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7636, appendix B.
    #[test]
    fn the_code_challenge_is_that_of_the_standard() {
        let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");

        let attempt = Attempt { state: String::new(), nonce: String::new(), verifier };

        assert_eq!(attempt.code_challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
