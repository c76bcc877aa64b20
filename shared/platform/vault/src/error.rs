//! What can go wrong with sealed secrets.

use carillon_dynamo::StoreError;
use carillon_kernel::{Fault, Kind};

/// A failure of the vault.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The text is no sealed secret, it was changed, or it belongs to another owner or purpose.
    #[error("the sealed secret does not open for this owner and purpose")]
    NotOpened,
    /// The secret is sealed under a key that the settings do not name.
    #[error("the secret is sealed under a key that the settings do not name")]
    KeyUnknown,
    /// The keeper of the keys does not answer.
    #[error("the keeper of the keys does not answer: {0}")]
    Unavailable(String),
    /// The table of sealed secrets does not answer.
    #[error("the sealed secrets cannot be read or written")]
    Store(#[from] StoreError),
}

impl Fault for VaultError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotOpened | Self::KeyUnknown => Kind::Internal,
            Self::Unavailable(_) => Kind::Unavailable,
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotOpened => "vault.not_opened",
            Self::KeyUnknown => "vault.key_unknown",
            Self::Unavailable(_) => "vault.unavailable",
            Self::Store(error) => error.code(),
        }
    }
}
