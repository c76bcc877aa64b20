//! Schedule: wraps the data keys of sealed secrets that are under an old key anew, under the newest one.

use carillon_harness::{Failure, ScheduledFunction, Setup, SetupError};
use carillon_vault::Rotation;
use jiff::Timestamp;

/// How many secrets one turn wraps anew: as many calls of KMS.
const PER_TURN: u32 = 1_000;

/// Rotates keys; safe to run twice and at the same time, because a secret that somebody else wrapped anew is left alone.
#[derive(Debug)]
pub struct IdentityRewrapSecrets {
    rotation: Rotation,
}

impl ScheduledFunction for IdentityRewrapSecrets {
    const NAME: &'static str = "identity-rewrap-secrets";

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { rotation: Rotation::from_setup(setup)? })
    }

    async fn handle(&self, _moment: Timestamp) -> Result<(), Failure> {
        self.rotation.run(PER_TURN).await?;
        Ok(())
    }
}
