//! RUN: the send as a whole, and the definition that was frozen when it started.

use carillon_contracts::{Audience, Channel, OrganizationId, Run};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::keys::RunKey;
use crate::plan::Skipped;

/// Whether a run's work may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Work is released and done.
    Sending,
    /// Nothing is released, and what was released is put down.
    Paused,
    /// Nothing more will be done.
    Cancelled,
    /// Every entry has its outcome.
    Finished,
}

/// What to do with an entry of which it cannot be known whether the provider took it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubtPolicy {
    /// Leave it, and say so: nobody gets the message twice.
    #[default]
    AtMostOnce,
    /// Send it again: somebody may get the message twice.
    AtLeastOnce,
}

/// The progress of a run, small, because every delivery reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The organization.
    pub organization: OrganizationId,
    /// The run.
    pub run: Run,
    /// The channel, whose lane paces the run.
    pub channel: Channel,
    /// Whether work may be done.
    pub status: RunStatus,
    /// Counts every change of the status.
    pub epoch: u64,
    /// Counts "retry failed".
    #[serde(default)]
    pub generation: u8,
    /// The size of a plan.
    pub batch: u32,
    /// How many plans are written and may be released.
    #[serde(default)]
    pub planned: u32,
    /// How many recipients they have.
    #[serde(default)]
    pub recipients: u64,
    /// How many contacts were left out while planning, by reason.
    #[serde(default)]
    pub skipped: Skipped,
    /// Whether the audience was read to its end.
    #[serde(default)]
    pub expanded: bool,
    /// How many plans were released.
    #[serde(default)]
    pub released: u32,
    /// Plans below this one were released before: release looks at their states first.
    #[serde(default)]
    pub seen: u32,
    /// When something was released last, in milliseconds since 1970.
    #[serde(default)]
    pub released_ms: i64,
    /// When the run was opened.
    pub created_at: Timestamp,
}

impl RunRecord {
    /// The names of the run.
    #[must_use]
    pub const fn key(&self) -> RunKey {
        RunKey::new(self.organization, self.run)
    }
}

/// What is sent to whom from whom: frozen when the run starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The organization.
    pub organization: OrganizationId,
    /// The organization's name, for templates.
    pub organization_name: String,
    /// The run.
    pub run: Run,
    /// The channel.
    pub channel: Channel,
    /// Whether the message is marketing: consent is needed, and every mail offers to unsubscribe.
    pub marketing: bool,
    /// The address or number that it comes from.
    pub from: String,
    /// The name shown with the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_name: Option<String>,
    /// Where answers go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// The compiled content, as the templates domain writes it.
    pub content: String,
    /// The names of the fields that the content needs: plans carry their values in this order.
    pub variables: Vec<String>,
    /// Whom it is for; absent for a single message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Audience>,
    /// What to do when it cannot be known whether the provider took a message.
    #[serde(default)]
    pub doubt_policy: DoubtPolicy,
    /// The size of a plan: 1 to 50.
    pub batch: u32,
    /// When the definition was frozen.
    pub created_at: Timestamp,
    /// How many days all of the run is kept.
    #[serde(default = "crate::store::longest_days")]
    pub kept_days: u16,
}
