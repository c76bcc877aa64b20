//! What can be wrong with what a provider sends.

use carillon_kernel::{Fault, Kind};

/// The errors of the domain. They never quote what was sent: it holds addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FeedbackError {
    /// The event has not the documented form.
    #[error("the event cannot be read: line {line}, column {column}")]
    Unreadable {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// The notification comes from a topic that is not ours.
    #[error("the notification comes from a topic that is not ours")]
    ForeignTopic,
    /// The message is of SNS, but no notification.
    #[error("the message is no notification")]
    NoNotification,
    /// The token of a callback address was not made by us.
    #[error("the callback address was not made by us")]
    ForeignToken,
}

impl FeedbackError {
    pub(crate) fn unreadable(error: &serde_json::Error) -> Self {
        Self::Unreadable { line: error.line(), column: error.column() }
    }
}

impl Fault for FeedbackError {
    fn kind(&self) -> Kind {
        match self {
            Self::Unreadable { .. } | Self::NoNotification => Kind::Unreadable,
            Self::ForeignTopic => Kind::Forbidden,
            Self::ForeignToken => Kind::Absent,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "feedback.unreadable",
            Self::ForeignTopic => "feedback.foreign_topic",
            Self::NoNotification => "feedback.no_notification",
            Self::ForeignToken => "feedback.foreign_token",
        }
    }
}
