//! Queue of exports of audit trails: writes their files.

use carillon_contracts::message::TrailExportRequested;
use carillon_harness::{Delivery, Failure, QueueFunction, Setup, SetupError};
use carillon_identity::audit::{Progress, TrailExports};
use carillon_queue::Queue;

use crate::part_of_time::half_of;

/// Writes exports, file by file; safe to run twice and to die anywhere, because a file is written anew under the same name until the
/// export's item says that it is there. What does not fit into one invocation goes on in the next.
#[derive(Debug)]
pub struct IdentityExportTrail {
    exports: TrailExports,
    next: Queue<TrailExportRequested>,
}

impl QueueFunction for IdentityExportTrail {
    const NAME: &'static str = "identity-export-trail";
    type Message = TrailExportRequested;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { exports: TrailExports::from_setup(setup)?, next: Queue::from_setup(setup)? })
    }

    async fn handle(&self, message: TrailExportRequested, delivery: Delivery) -> Result<(), Failure> {
        match self.exports.write((message.organization, message.export), half_of(delivery)).await? {
            Progress::Done => Ok(()),
            Progress::More => Ok(self.next.send(&message).await?),
        }
    }
}
