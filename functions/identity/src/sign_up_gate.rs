//! Whether new accounts are made: the operator's flag. Who is invited to an organization that is there joins it in any case.

use carillon_flags::{Flag, Flags};
use carillon_harness::{Failure, Kind, Setup, SetupError};
use jiff::Timestamp;

/// The gate before new accounts.
#[derive(Debug)]
pub(crate) struct SignUpGate {
    flags: Flags,
}

impl SignUpGate {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { flags: Flags::from_setup(setup)? })
    }

    /// Refuses while the gate is closed.
    pub(crate) async fn pass(&self, now: Timestamp) -> Result<(), Failure> {
        if self.flags.is_on(Flag::SignUp, now).await {
            return Ok(());
        }
        Err(Failure::new(Kind::Forbidden, "accounts.sign_up_closed", "no new accounts are made at present"))
    }
}
