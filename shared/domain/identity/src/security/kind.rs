//! The kinds of security events.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What looked unlike the usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecurityEventKind {
    /// Many failed tries at an account: passwords, second factors or resets.
    ManyFailures,
    /// An account was locked for a while.
    AccountLocked,
    /// A login from a device that the user never used.
    NewDevice,
    /// A login from a country that the user never came from.
    NewCountry,
    /// Two logins from places that nobody travels between in that time.
    ImpossibleTravel,
    /// A refresh token was used a second time: somebody has a copy of it.
    RefreshTokenReused,
    /// An API key was used from a network that it was not used from before.
    ApiKeyNewNetwork,
    /// The second factor of an account was switched off.
    SecondFactorDisabled,
    /// A recovery code was used in place of the second factor.
    RecoveryCodeUsed,
    /// A password was set by a link in a mail.
    PasswordReset,
    /// A login of another provider was linked with an account.
    LoginLinked,
    /// A login ended the oldest session, because there were as many as the plan allows.
    SessionLimitReached,
}

impl SecurityEventKind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::ManyFailures,
        Self::AccountLocked,
        Self::NewDevice,
        Self::NewCountry,
        Self::ImpossibleTravel,
        Self::RefreshTokenReused,
        Self::ApiKeyNewNetwork,
        Self::SecondFactorDisabled,
        Self::RecoveryCodeUsed,
        Self::PasswordReset,
        Self::LoginLinked,
        Self::SessionLimitReached,
    ];

    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ManyFailures => "many_failures",
            Self::AccountLocked => "account_locked",
            Self::NewDevice => "new_device",
            Self::NewCountry => "new_country",
            Self::ImpossibleTravel => "impossible_travel",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::ApiKeyNewNetwork => "api_key_new_network",
            Self::SecondFactorDisabled => "second_factor_disabled",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::PasswordReset => "password_reset",
            Self::LoginLinked => "login_linked",
            Self::SessionLimitReached => "session_limit_reached",
        }
    }

    /// What happened, in a few words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::ManyFailures => "Many failed tries to sign in",
            Self::AccountLocked => "Account locked for a while",
            Self::NewDevice => "Sign-in from a new device",
            Self::NewCountry => "Sign-in from a new country",
            Self::ImpossibleTravel => "Sign-ins from places far apart",
            Self::RefreshTokenReused => "Copy of a session used",
            Self::ApiKeyNewNetwork => "API key used from a new network",
            Self::SecondFactorDisabled => "Second factor switched off",
            Self::RecoveryCodeUsed => "Recovery code used",
            Self::PasswordReset => "Password reset",
            Self::LoginLinked => "New way to sign in linked",
            Self::SessionLimitReached => "Oldest session ended",
        }
    }

    /// Tells whether it is found at a login, so that a policy may ask for a step-up at it.
    #[must_use]
    pub const fn is_of_sign_in(self) -> bool {
        matches!(self, Self::NewDevice | Self::NewCountry | Self::ImpossibleTravel)
    }

    /// The kinds at which a step-up is asked for unless the organization says otherwise.
    #[must_use]
    pub fn default_step_up() -> BTreeSet<Self> {
        BTreeSet::from([Self::ImpossibleTravel, Self::NewCountry])
    }
}

impl fmt::Display for SecurityEventKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for SecurityEventKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or("there is no such kind of security event")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_that_of_the_json() {
        for kind in SecurityEventKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
            assert_eq!(kind.name().parse(), Ok(kind));
        }
    }

    #[test]
    fn a_step_up_is_asked_for_at_logins_only() {
        assert!(SecurityEventKind::default_step_up().into_iter().all(SecurityEventKind::is_of_sign_in));
    }
}
