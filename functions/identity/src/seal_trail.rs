//! Schedule: seals the records of the audit trails that have settled.

use carillon_harness::{Failure, ScheduledFunction, Setup, SetupError};
use carillon_identity::audit::Sealer;
use jiff::Timestamp;

/// Seals; safe to run twice and at the same time, because a seal that does not follow the last one is refused.
#[derive(Debug)]
pub struct IdentitySealTrail {
    sealer: Sealer,
}

impl ScheduledFunction for IdentitySealTrail {
    const NAME: &'static str = "identity-seal-trail";

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { sealer: Sealer::from_setup(setup)? })
    }

    async fn handle(&self, moment: Timestamp) -> Result<(), Failure> {
        self.sealer.run(moment).await?;
        Ok(())
    }
}
