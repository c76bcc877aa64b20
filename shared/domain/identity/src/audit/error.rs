//! What can go wrong with the audit trail.

use carillon_blob::BlobError;
use carillon_dynamo::StoreError;
use carillon_kernel::{Fault, Kind, Problem};
use carillon_outbox::OutboxError;

/// A failure of the audit trail.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// There is no such export of the trail, or not any more.
    #[error("there is no such export of the audit trail, or not any more")]
    ExportAbsent,
    /// There is no such verification, or not any more.
    #[error("there is no such verification of the audit trail, or not any more")]
    VerificationAbsent,
    /// The head of an organization's seals is gone or was edited: nothing can be chained to it.
    #[error("the seals of {0} have no head that holds: a verification tells what was done to them")]
    ChainBroken(String),
    /// The cursor is not one that a page of the same filter gave.
    #[error("the cursor is not one that a page gave")]
    Cursor,
    /// Something could not be written as JSON.
    #[error("the audit trail cannot be written as JSON")]
    Unwritable(#[source] serde_json::Error),
    /// A job could not be asked for.
    #[error("a message cannot be left in the outbox")]
    Outbox(#[from] OutboxError),
    /// The files.
    #[error("the files of exports cannot be read or written")]
    Blob(#[from] BlobError),
    /// The table.
    #[error("the audit trail cannot be read or written")]
    Store(#[source] StoreError),
}

impl From<StoreError> for AuditError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Cursor => Self::Cursor,
            failed => Self::Store(failed),
        }
    }
}

impl Fault for AuditError {
    fn kind(&self) -> Kind {
        match self {
            Self::ExportAbsent | Self::VerificationAbsent => Kind::Absent,
            Self::ChainBroken(_) | Self::Unwritable(_) => Kind::Internal,
            Self::Cursor => Kind::Invalid,
            Self::Outbox(error) => error.kind(),
            Self::Blob(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::ExportAbsent => "audit.export_absent",
            Self::VerificationAbsent => "audit.verification_absent",
            Self::ChainBroken(_) => "audit.chain_broken",
            Self::Cursor => "request.cursor",
            Self::Unwritable(_) => "audit.unwritable",
            Self::Outbox(error) => error.code(),
            Self::Blob(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn problems(&self) -> Vec<Problem> {
        match self {
            Self::Cursor => vec![Problem::new("?cursor", self.code(), self.to_string())],
            _ => Vec::new(),
        }
    }
}
