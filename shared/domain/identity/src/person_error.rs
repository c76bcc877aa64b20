//! What can go wrong with the export and the erasure of a person.

use carillon_blob::BlobError;
use carillon_dynamo::StoreError;
use carillon_kernel::{Fault, Kind};

use crate::account_error::AccountError;
use crate::error::IdentityError;

/// A failure of an export or an erasure.
#[derive(Debug, thiserror::Error)]
pub enum PersonError {
    /// There is no such export of the user, or not any more.
    #[error("there is no such export, or not any more")]
    ExportAbsent,
    /// The export cannot be written as JSON.
    #[error("the export cannot be written")]
    Unwritable(#[source] serde_json::Error),
    /// Something of the person was changed at the same moment.
    #[error("something was changed at the same moment")]
    Raced,
    /// The account.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The memberships and invitations.
    #[error(transparent)]
    Organization(#[from] IdentityError),
    /// The files.
    #[error("the files of exports cannot be read or written")]
    Blob(#[from] BlobError),
    /// The table.
    #[error("what is kept about a person cannot be read or written")]
    Store(#[source] StoreError),
}

impl From<StoreError> for PersonError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(_) | StoreError::Contended => Self::Raced,
            failed => Self::Store(failed),
        }
    }
}

impl Fault for PersonError {
    fn kind(&self) -> Kind {
        match self {
            Self::ExportAbsent => Kind::Absent,
            Self::Unwritable(_) => Kind::Internal,
            Self::Raced => Kind::Conflict,
            Self::Account(error) => error.kind(),
            Self::Organization(error) => error.kind(),
            Self::Blob(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::ExportAbsent => "people.export_absent",
            Self::Unwritable(_) => "people.export_unwritable",
            Self::Raced => "people.changed_meanwhile",
            Self::Account(error) => error.code(),
            Self::Organization(error) => error.code(),
            Self::Blob(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }
}
