//! POST /v1/contacts: makes a contact.

use carillon_contacts::Contacts;
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};

use crate::contact_body::NewContactBody;
use crate::contact_view::ContactView;

/// Makes contacts.
#[derive(Debug)]
pub struct ContactsCreate {
    contacts: Contacts,
}

impl HttpFunction for ContactsCreate {
    const NAME: &'static str = "contacts-create";
    const PERMISSION: Permission = Permission::ContactsWrite;
    type Query = Nothing;
    type Body = NewContactBody;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { contacts: Contacts::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, NewContactBody>) -> Result<Reply, Failure> {
        let (organization, id, moment) = (call.organization(), call.new_id(), call.moment);
        let contacts = self.contacts.by(&call.trail());
        let contact = call.body.into_new().into_contact(organization, id, moment);

        let contact = contacts.create(contact).await?;

        Ok(Reply::created(&ContactView::from(&contact)).version(contact.version))
    }
}
