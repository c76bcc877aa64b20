//! DELETE /v1/lists/{list_id}: deletes a list and asks for the removal of its memberships; the contacts stay.

use carillon_contacts::Lists;
use carillon_contracts::Permission;
use carillon_contracts::message::ListDeletionRequested;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_kernel::IdSource;
use carillon_outbox::Outbox;

/// Deletes lists.
#[derive(Debug)]
pub struct ListsDelete {
    lists: Lists,
    outbox: Outbox,
    ids: IdSource,
}

impl HttpFunction for ListsDelete {
    const NAME: &'static str = "lists-delete";
    const PERMISSION: Permission = Permission::ContactsWrite;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        // Read here, so that a missing setting shows at the start and not in the outbox.
        setup.text(<ListDeletionRequested as carillon_contracts::message::QueueMessage>::QUEUE)?;
        Ok(Self { lists: Lists::from_setup(setup)?, outbox: Outbox::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let request = ListDeletionRequested { organization: call.organization(), list: call.path("list_id")? };
        let (write, ticket) = self.outbox.write(&request, call.moment, &self.ids)?;

        self.lists.by(&call.trail()).delete(request.organization, request.list, write).await?;
        self.outbox.dispatch(ticket).await;

        Ok(Reply::no_content())
    }
}
