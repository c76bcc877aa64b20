//! What providers report of a message after they took it: the vocabulary of the ledger's facts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Something that happened to one attempt at one recipient.
///
/// Facts only accumulate, in any order and any number of times: a bounce after a delivery is legal, and what a recipient's state is
/// shown as is computed from all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactKind {
    /// The provider took the message and has begun to send it: it proves acceptance.
    Sent,
    /// The recipient's mail server or handset took the message.
    Delivered,
    /// The message is late, and the provider goes on trying.
    Delayed,
    /// The recipient's mail server refused the message for good.
    BouncedHard,
    /// The message was given up for a reason that may pass, such as a full mailbox.
    BouncedSoft,
    /// The recipient marked the message as unwanted.
    Complained,
    /// The provider took the message and then refused to send it, such as for a virus.
    Rejected,
    /// The provider took the message and could not fill its template.
    RenderingFailed,
    /// A person opened the message, as far as can be told.
    Opened,
    /// A program loaded the message's pictures: a proxy that fetches ahead, or a scanner.
    OpenedByMachine,
    /// A person followed a link, as far as can be told.
    Clicked,
    /// A program followed a link: a scanner.
    ClickedByMachine,
    /// A text message did not reach its recipient.
    Undelivered,
    /// The recipient unsubscribed by this message.
    Unsubscribed,
}

impl FactKind {
    /// All kinds, in the order of a message's life.
    pub const ALL: [Self; 14] = [
        Self::Sent,
        Self::Delivered,
        Self::Delayed,
        Self::BouncedHard,
        Self::BouncedSoft,
        Self::Complained,
        Self::Rejected,
        Self::RenderingFailed,
        Self::Opened,
        Self::OpenedByMachine,
        Self::Clicked,
        Self::ClickedByMachine,
        Self::Undelivered,
        Self::Unsubscribed,
    ];

    /// The name used in keys and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Delayed => "delayed",
            Self::BouncedHard => "bounced_hard",
            Self::BouncedSoft => "bounced_soft",
            Self::Complained => "complained",
            Self::Rejected => "rejected",
            Self::RenderingFailed => "rendering_failed",
            Self::Opened => "opened",
            Self::OpenedByMachine => "opened_by_machine",
            Self::Clicked => "clicked",
            Self::ClickedByMachine => "clicked_by_machine",
            Self::Undelivered => "undelivered",
            Self::Unsubscribed => "unsubscribed",
        }
    }
}

impl fmt::Display for FactKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for FactKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| format!("{text:?} is not a kind of fact"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_are_those_of_json() {
        for kind in FactKind::ALL {
            assert_eq!(kind.name().parse::<FactKind>().unwrap(), kind);
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
    }
}
