//! Queue: releases the next minute of campaign work; many requests at once are one pass.
//!
//! Safe to run twice: see [`crate::pacer`].

use carillon_contracts::message::ReleaseRequested;
use carillon_harness::{BatchFunction, Delivery, Failure, Setup, SetupError};

use crate::pacer::Pacer;

/// How long after a pass that was under way the next one is tried, in seconds.
const TRY_AGAIN_SECONDS: u32 = 2;

/// The function.
pub struct SendingReleaseWork {
    pacer: Pacer,
}

impl SendingReleaseWork {
    async fn release(&self) -> Result<(), Failure> {
        if self.pacer.pass_all().await? { Ok(()) } else { self.pacer.ask_again(TRY_AGAIN_SECONDS).await }
    }
}

impl BatchFunction for SendingReleaseWork {
    const NAME: &'static str = "sending-release-work";
    type Message = ReleaseRequested;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { pacer: Pacer::from_setup(setup)? })
    }

    async fn handle_all(&self, messages: Vec<ReleaseRequested>, _: Delivery) -> Vec<Result<(), Failure>> {
        let mut results: Vec<Result<(), Failure>> = messages.iter().map(|_| Ok(())).collect();
        if let (Err(failure), Some(first)) = (self.release().await, results.first_mut()) {
            *first = Err(failure);
        }
        results
    }
}
