use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use carillon_aws::told;
use carillon_kernel::{Fault, Kind};

/// What can go wrong between a store and its table.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A condition did not hold; the number is the place of the write in the commit.
    #[error("the condition of write {0} did not hold")]
    Refused(usize),
    /// Another transaction was at the same items.
    #[error("another change was under way")]
    Contended,
    /// The table does not keep up, or does not answer.
    #[error("the table does not answer: {0}")]
    Unavailable(String),
    /// DynamoDB refuses the request as such: a mistake of ours, or an item that is too large.
    #[error("the table refuses the request: {0}")]
    Rejected(String),
    /// An item does not have the shape that its type says.
    #[error("an item of {0} cannot be read")]
    Shape(&'static str, #[source] serde_dynamo::Error),
    /// A cursor that was not made by this table.
    #[error("the cursor is not one that a page gave")]
    Cursor,
}

impl StoreError {
    /// Tells whether a condition did not hold.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    pub(crate) fn from_sdk<E>(error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
        SdkError<E>: Error,
    {
        match error.code() {
            Some("ConditionalCheckFailedException") => Self::Refused(0),
            Some("TransactionConflictException") => Self::Contended,
            Some(
                "ValidationException" | "ResourceNotFoundException" | "AccessDeniedException" | "ItemCollectionSizeLimitExceededException",
            ) => Self::Rejected(told(&error)),
            _ => Self::Unavailable(told(&error)),
        }
    }
}

impl Fault for StoreError {
    fn kind(&self) -> Kind {
        match self {
            Self::Refused(_) => Kind::Conflict,
            Self::Contended | Self::Unavailable(_) => Kind::Unavailable,
            Self::Rejected(_) | Self::Shape(..) => Kind::Internal,
            Self::Cursor => Kind::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "store.changed_meanwhile",
            Self::Contended => "store.contended",
            Self::Unavailable(_) => "store.unavailable",
            Self::Rejected(_) => "store.rejected",
            Self::Shape(..) => "store.shape",
            Self::Cursor => "request.cursor",
        }
    }
}
