//! Queue of list deletions: removes the memberships of a deleted list.

use std::sync::Arc;

use carillon_contacts::Lists;
use carillon_contracts::message::ListDeletionRequested;
use carillon_dynamo::Trails;
use carillon_harness::{Delivery, Failure, QueueFunction, Setup, SetupError};

/// Removes memberships; safe to run twice, because it removes what is left.
#[derive(Debug)]
pub struct ListsDeleteMemberships {
    lists: Lists,
    trails: Trails,
}

impl QueueFunction for ListsDeleteMemberships {
    const NAME: &'static str = "lists-delete-memberships";
    type Message = ListDeletionRequested;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { lists: Lists::from_setup(setup)?, trails: Trails::from_setup(setup, Self::NAME)? })
    }

    async fn handle(&self, message: ListDeletionRequested, delivery: Delivery) -> Result<(), Failure> {
        let trail = Arc::new(self.trails.of(message.organization, message.list.to_string(), delivery.moment));
        Ok(self.lists.by(&trail).delete_memberships(message.organization, message.list, delivery.moment).await?)
    }
}
