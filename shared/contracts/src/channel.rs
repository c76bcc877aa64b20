//! The channels that a message can take.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A way to reach a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Mail, through SES.
    Email,
    /// Text messages, through Twilio.
    Sms,
}

impl Channel {
    /// All channels.
    pub const ALL: [Self; 2] = [Self::Email, Self::Sms];

    /// The name used in keys, settings and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Channel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|channel| channel.name() == text).ok_or_else(|| "is not a channel: use email or sms".to_owned())
    }
}
