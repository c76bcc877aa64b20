//! A run: one send of one content to one audience, whose ledger is kept under its id.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::{CampaignId, MessageId};

/// What a ledger is kept for: a campaign, or a single message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Run {
    /// A campaign, paced with all others.
    Campaign(CampaignId),
    /// A single message in the transactional lane.
    Message(MessageId),
}

impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Campaign(id) => id.fmt(formatter),
            Self::Message(id) => id.fmt(formatter),
        }
    }
}

impl FromStr for Run {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self::Campaign).or_else(|_| text.parse().map(Self::Message)).map_err(|_| format!("{text:?} is not a run"))
    }
}

impl Serialize for Run {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Run {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Names one attempt at one recipient: what tags of mails and callback addresses of texts carry out, and events bring back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntryRef {
    /// The run.
    pub run: Run,
    /// The plan in the run, counted from 0.
    pub plan: u32,
    /// The entry in the plan, 0 to 49.
    pub index: u8,
    /// The attempt generation, 0 at first; "retry failed" counts it up.
    pub attempt: u8,
}
