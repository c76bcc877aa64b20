//! The one model of what providers report.

use carillon_contracts::{EntryRef, FactKind, OrganizationId};
use jiff::Timestamp;

/// Something that happened to one of our messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderEvent {
    /// The organization that sent the message.
    pub organization: OrganizationId,
    /// The attempt at the recipient.
    pub entry: EntryRef,
    /// What happened.
    pub kind: FactKind,
    /// When it happened, by the provider's clock.
    pub at: Timestamp,
    /// Which addresses must not be written to any more.
    pub suppress: Option<Suppress>,
}

/// The addresses that an event ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppress {
    /// The addresses, as the provider writes them.
    pub addresses: Vec<String>,
    /// Why.
    pub cause: SuppressionCause,
    /// The provider's own words for it, without addresses: `Permanent/General`, `abuse`.
    pub detail: String,
}

/// Why an event suppresses an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SuppressionCause {
    /// The address does not take mail, for good.
    HardBounce,
    /// The recipient called the mail unwanted.
    Complaint,
}
