//! Queue of changed roles: gives members whom the change's own transaction had no room for their role's newest permissions.

use std::sync::Arc;

use carillon_contracts::message::RoleChanged;
use carillon_dynamo::Trails;
use carillon_harness::{Delivery, Failure, QueueFunction, Setup, SetupError};
use carillon_identity::Roles;

/// Applies roles; safe to run twice and to die anywhere, because it changes only members who are behind, each page in one transaction.
#[derive(Debug)]
pub struct RolesApply {
    roles: Roles,
    trails: Trails,
}

impl QueueFunction for RolesApply {
    const NAME: &'static str = "roles-apply";
    type Message = RoleChanged;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { roles: Roles::from_setup(setup)?, trails: Trails::from_setup(setup, Self::NAME)? })
    }

    async fn handle(&self, message: RoleChanged, delivery: Delivery) -> Result<(), Failure> {
        let trail = self.trails.of(message.organization, message.role.to_string(), delivery.moment);

        Ok(self.roles.by(&Arc::new(trail)).apply(message.organization, message.role, delivery.moment).await?)
    }
}
