//! DELETE /v1/contacts/{contact_id}: deletes a contact; the suppressions of its addresses stay.

use carillon_contacts::Contacts;
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};

/// Deletes contacts.
#[derive(Debug)]
pub struct ContactsDelete {
    contacts: Contacts,
}

impl HttpFunction for ContactsDelete {
    const NAME: &'static str = "contacts-delete";
    const PERMISSION: Permission = Permission::ContactsWrite;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { contacts: Contacts::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let place = (call.organization(), call.path("contact_id")?);

        self.contacts.by(&call.trail()).delete(place, call.if_match()?, call.moment).await?;

        Ok(Reply::no_content())
    }
}
