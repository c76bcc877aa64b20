//! Suppression: why an address must not be written to, and whether somebody may be, for a purpose.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Why an address is suppressed; the weightiest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// The recipient called a mail spam.
    Complaint,
    /// The address does not exist, as its mail system said for good.
    HardBounce,
    /// The provider refuses the address as none.
    Invalid,
    /// Somebody of the organization suppressed it.
    Manual,
    /// The recipient answered a text with STOP; the carrier blocks, too, until START.
    Stop,
    /// The recipient unsubscribed: marketing must not, transactional messages may be sent.
    Unsubscribe,
}

impl SuppressionReason {
    /// Tells whether the reason keeps messages of the purpose away.
    #[must_use]
    pub const fn blocks(self, purpose: Purpose) -> bool {
        !matches!((self, purpose), (Self::Unsubscribe, Purpose::Transactional))
    }
}

/// One reason of a suppressed address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// Why.
    pub reason: SuppressionReason,
    /// Since when.
    pub at: Timestamp,
    /// What the provider or the person said, without addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Suppression {
    /// Makes a suppression without further detail.
    #[must_use]
    pub const fn new(reason: SuppressionReason, at: Timestamp) -> Self {
        Self { reason, at, detail: None }
    }

    /// Adds what the provider or the person said.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Advertising and news: only with consent.
    Marketing,
    /// What the recipient's own doing caused, such as a receipt: without consent, and even to the unsubscribed.
    Transactional,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 2] = [Self::Marketing, Self::Transactional];
}

/// Whether somebody may be written to, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// May be written to.
    Eligible,
    /// Has no address of the channel.
    NoAddress,
    /// The address is suppressed.
    Suppressed(SuppressionReason),
    /// Withdrew the consent.
    Unsubscribed,
    /// Never gave consent.
    Unconsented,
}
