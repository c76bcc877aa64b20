//! POST /v1/security/events/{security_event_id}/acknowledge: takes note of a security event; when it happens again it is unread again.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::security::SecurityEvents;

/// Acknowledges security events.
#[derive(Debug)]
pub struct SecurityEventsAcknowledge {
    events: SecurityEvents,
}

impl HttpFunction for SecurityEventsAcknowledge {
    const NAME: &'static str = "security-events-acknowledge";
    const PERMISSION: Permission = Permission::SecurityWrite;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { events: SecurityEvents::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let of = (call.organization(), call.path("security_event_id")?);

        let event = self.events.by(&call.trail()).acknowledge(of, call.caller.principal, call.moment).await?;

        Ok(Reply::ok(&event))
    }
}
