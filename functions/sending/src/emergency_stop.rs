//! The operator's emergency stop: while a channel is off, nothing is sent over it, and everything waits until it is on again.
//!
//! The pacer lets nothing go, and deliveries of what it had let go (about a minute of work) and of single messages come again and again
//! without a claim: no attempt is spent, no doubt arises, no message grows old. Mails about accounts leave in any case: whoever has to
//! deal with the cause may need a new password for it, and no customer writes them.

use carillon_contracts::{Channel, PLATFORM_ORGANIZATION};
use carillon_flags::{Flag, Flags};
use carillon_harness::{Setup, SetupError};
use carillon_sending::Definition;
use jiff::Timestamp;

/// Tells whether a channel is off.
#[derive(Debug)]
pub(crate) struct EmergencyStop {
    flags: Flags,
}

impl EmergencyStop {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { flags: Flags::from_setup(setup)? })
    }

    /// Tells whether a channel is off for organizations.
    pub(crate) async fn is_for(&self, channel: Channel, now: Timestamp) -> bool {
        !self.flags.is_on(flag(channel), now).await
    }

    /// Tells whether what a definition says has to wait.
    pub(crate) async fn holds(&self, definition: &Definition, now: Timestamp) -> bool {
        definition.organization != PLATFORM_ORGANIZATION && self.is_for(definition.channel, now).await
    }
}

const fn flag(channel: Channel) -> Flag {
    match channel {
        Channel::Email => Flag::EmailSending,
        Channel::Sms => Flag::SmsSending,
    }
}
