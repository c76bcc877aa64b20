//! What can go wrong with security events.

use carillon_dynamo::StoreError;
use carillon_kernel::{Fault, Kind, Problem};
use carillon_outbox::OutboxError;

/// A failure of the security events.
#[derive(Debug, thiserror::Error)]
pub enum SecurityError {
    /// There is no such event in the organization.
    #[error("there is no such security event")]
    EventAbsent,
    /// Somebody else changed the same event at the same moment.
    #[error("somebody else changed the security event at the same moment: read it again")]
    Raced,
    /// The cursor is not one that a page gave.
    #[error("the cursor is not one that a page gave")]
    Cursor,
    /// The table failed.
    #[error("the security events cannot be read or written")]
    Store(#[source] StoreError),
    /// A notice could not be written.
    #[error("a notice cannot be written")]
    Notice(#[source] OutboxError),
}

impl From<StoreError> for SecurityError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(_) | StoreError::Contended => Self::Raced,
            StoreError::Cursor => Self::Cursor,
            failed => Self::Store(failed),
        }
    }
}

impl Fault for SecurityError {
    fn kind(&self) -> Kind {
        match self {
            Self::EventAbsent => Kind::Absent,
            Self::Raced => Kind::Conflict,
            Self::Cursor => Kind::Invalid,
            Self::Store(error) => error.kind(),
            Self::Notice(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::EventAbsent => "security.event_absent",
            Self::Raced => "security.changed_meanwhile",
            Self::Cursor => "request.cursor",
            Self::Store(error) => error.code(),
            Self::Notice(error) => error.code(),
        }
    }

    fn problems(&self) -> Vec<Problem> {
        match self {
            Self::Cursor => vec![Problem::new("?cursor", self.code(), self.to_string())],
            _ => Vec::new(),
        }
    }
}
