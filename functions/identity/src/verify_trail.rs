//! Queue of verifications of audit trails: recomputes what the seals say.

use carillon_contracts::message::TrailVerificationRequested;
use carillon_harness::{Delivery, Failure, QueueFunction, Setup, SetupError};
use carillon_identity::audit::{Progress, Verifier};
use carillon_queue::Queue;

use crate::part_of_time::half_of;

/// Carries verifications out; safe to run twice and to die anywhere, because it goes on from where its item says that it stands. What does
/// not fit into one invocation goes on in the next.
#[derive(Debug)]
pub struct IdentityVerifyTrail {
    verifier: Verifier,
    next: Queue<TrailVerificationRequested>,
}

impl QueueFunction for IdentityVerifyTrail {
    const NAME: &'static str = "identity-verify-trail";
    type Message = TrailVerificationRequested;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { verifier: Verifier::from_setup(setup)?, next: Queue::from_setup(setup)? })
    }

    async fn handle(&self, message: TrailVerificationRequested, delivery: Delivery) -> Result<(), Failure> {
        match self.verifier.verify((message.organization, message.verification), half_of(delivery)).await? {
            Progress::Done => Ok(()),
            Progress::More => Ok(self.next.send(&message).await?),
        }
    }
}
