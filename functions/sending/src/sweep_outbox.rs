//! Schedule: sends the messages that were written with a change and never sent, because a process died after its commit.
//!
//! Safe to run twice: a message that comes twice is a hint that comes twice.

use carillon_harness::{Failure, ScheduledFunction, Setup, SetupError};
use carillon_outbox::{Outbox, SWEEP_AGE};
use jiff::Timestamp;

/// The function.
pub struct SendingSweepOutbox {
    outbox: Outbox,
}

impl ScheduledFunction for SendingSweepOutbox {
    const NAME: &'static str = "sending-sweep-outbox";

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { outbox: Outbox::from_setup(setup)? })
    }

    async fn handle(&self, moment: Timestamp) -> Result<(), Failure> {
        self.outbox.sweep(moment, SWEEP_AGE).await?;
        Ok(())
    }
}
