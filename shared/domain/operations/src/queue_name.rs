//! The queues by the names that operators know them by.

use std::fmt;
use std::str::FromStr;

use carillon_contracts::message::{NAMED_QUEUES, NamedQueue};
use serde::{Serialize, Serializer};

/// The name of a queue that there is, such as `import-chunks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueName(&'static NamedQueue);

/// Says that no queue has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not the name of a queue")]
pub struct UnknownQueue;

impl QueueName {
    /// Lists all queues.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMED_QUEUES.iter().map(Self)
    }

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// The type of the queue's messages.
    #[must_use]
    pub const fn message(self) -> &'static str {
        self.0.message
    }
}

impl FromStr for QueueName {
    type Err = UnknownQueue;

    fn from_str(text: &str) -> Result<Self, UnknownQueue> {
        Self::all().find(|queue| queue.name() == text).ok_or(UnknownQueue)
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Serialize for QueueName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_known_by_its_name_and_nothing_else() {
        let queue: QueueName = "email-deliveries".parse().unwrap();

        assert_eq!((queue.to_string().as_str(), queue.message()), ("email-deliveries", "EmailDeliveryRequested"));
        assert!("email-deliveries-dead-letters".parse::<QueueName>().is_err());
        assert!("".parse::<QueueName>().is_err());
    }
}
