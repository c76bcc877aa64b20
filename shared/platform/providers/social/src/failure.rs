//! What can go wrong with a provider of logins.

use carillon_kernel::{Fault, Kind};

/// A failure of a login by a provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SocialError {
    /// The platform has no app at this provider.
    #[error("logins by this provider are not set up")]
    NotConfigured,
    /// The provider does not accept the code, or its answer does not hold.
    #[error("the provider does not confirm this login: {0}")]
    Refused(&'static str),
    /// The provider does not answer, or not as documented.
    #[error("the provider does not answer: {0}")]
    Unavailable(&'static str),
}

impl Fault for SocialError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotConfigured => Kind::Absent,
            Self::Refused(_) => Kind::Unauthenticated,
            Self::Unavailable(_) => Kind::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotConfigured => "logins.provider_not_configured",
            Self::Refused(_) => "logins.provider_refused",
            Self::Unavailable(_) => "logins.provider_unavailable",
        }
    }
}
