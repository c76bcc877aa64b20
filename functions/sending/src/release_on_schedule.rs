//! Schedule: releases campaign work every minute, should a request to do so have been lost.
//!
//! Safe to run twice: see [`crate::pacer`].

use carillon_harness::{Failure, ScheduledFunction, Setup, SetupError};
use jiff::Timestamp;

use crate::pacer::Pacer;

/// The function.
pub struct SendingReleaseOnSchedule {
    pacer: Pacer,
}

impl ScheduledFunction for SendingReleaseOnSchedule {
    const NAME: &'static str = "sending-release-on-schedule";

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { pacer: Pacer::from_setup(setup)? })
    }

    async fn handle(&self, _: Timestamp) -> Result<(), Failure> {
        self.pacer.pass_all().await.map(|_| ())
    }
}
