//! What can go wrong with logins of providers.

use carillon_contracts::LoginProvider;
use carillon_dynamo::StoreError;
use carillon_kernel::{Fault, Kind};

use crate::account_error::AccountError;
use crate::error::IdentityError;
use crate::security::SecurityError;

/// A failure of logins of providers.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The state is not ours, was used, has ended, or another browser began it.
    #[error("this attempt to log in is not valid any more, or another browser began it: start again")]
    AttemptInvalid,
    /// Nobody has linked this login, and it proves no address of an account.
    #[error("no account belongs to this login: sign up, or log in as usual and link it")]
    NoAccount,
    /// The login has no proven address to sign up with.
    #[error("the provider does not vouch for an address: sign up with an address and a password, then link this login")]
    AddressUnproven,
    /// The login stands for another user.
    #[error("this login belongs to another account")]
    OfAnother,
    /// The user has linked another login of the provider.
    #[error("another login of {0} is linked with this account: unlink it first")]
    AlreadyLinked(LoginProvider),
    /// The user has not linked a login of the provider.
    #[error("no login of {0} is linked with this account")]
    Absent(LoginProvider),
    /// There is no other way into the account.
    #[error("this is the only way into the account: set a password or link another login first")]
    LastWayIn,
    /// Somebody else changed the same things at the same moment.
    #[error("somebody else changed it at the same moment: read it again")]
    Raced,
    /// The account cannot be read or made.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The organization cannot be made.
    #[error(transparent)]
    Organization(#[from] IdentityError),
    /// A security event cannot be written.
    #[error("the security event cannot be written")]
    Security(#[from] SecurityError),
    /// The table failed.
    #[error("the logins cannot be read or written")]
    Store(#[source] StoreError),
}

impl From<StoreError> for LinkError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(_) | StoreError::Contended => Self::Raced,
            failed => Self::Store(failed),
        }
    }
}

impl Fault for LinkError {
    fn kind(&self) -> Kind {
        match self {
            Self::AttemptInvalid | Self::NoAccount => Kind::Unauthenticated,
            Self::Absent(_) => Kind::Absent,
            Self::AddressUnproven | Self::OfAnother | Self::AlreadyLinked(_) | Self::LastWayIn | Self::Raced => Kind::Conflict,
            Self::Account(error) => error.kind(),
            Self::Organization(error) => error.kind(),
            Self::Security(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::AttemptInvalid => "logins.attempt_invalid",
            Self::NoAccount => "logins.no_account",
            Self::AddressUnproven => "logins.address_unproven",
            Self::OfAnother => "logins.of_another",
            Self::AlreadyLinked(_) => "logins.already_linked",
            Self::Absent(_) => "logins.absent",
            Self::LastWayIn => "logins.last_way_in",
            Self::Raced => "logins.changed_meanwhile",
            Self::Account(error) => error.code(),
            Self::Organization(error) => error.code(),
            Self::Security(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }
}
