//! Schedule: turns what the harness noticed about API keys into security events, and tells the owners.

use carillon_harness::{Failure, ScheduledFunction, Setup, SetupError};
use carillon_identity::security::SecurityEvents;
use carillon_identity::{IdentityError, Organizations};
use carillon_kernel::IdSource;
use jiff::Timestamp;

/// Takes signals; safe to run twice and at the same time, because a signal goes in the transaction that writes its event.
#[derive(Debug)]
pub struct IdentityTakeSecuritySignals {
    events: SecurityEvents,
    organizations: Organizations,
    ids: IdSource,
}

impl ScheduledFunction for IdentityTakeSecuritySignals {
    const NAME: &'static str = "identity-take-security-signals";

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { events: SecurityEvents::from_setup(setup)?, organizations: Organizations::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, _moment: Timestamp) -> Result<(), Failure> {
        for signal in self.events.signals().await? {
            let owner = match self.organizations.owner(signal.organization).await {
                // An organization that is gone has nobody to tell.
                Err(IdentityError::OrganizationAbsent) => None,
                found => found?,
            };
            self.events.take_signal(&signal, owner, &self.ids).await?;
        }
        Ok(())
    }
}
