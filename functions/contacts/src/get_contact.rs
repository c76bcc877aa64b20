//! GET /v1/contacts/{contact_id}: gives a contact.

use carillon_contacts::Contacts;
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};

use crate::contact_view::ContactView;

/// Gives contacts.
#[derive(Debug)]
pub struct ContactsGet {
    contacts: Contacts,
}

impl HttpFunction for ContactsGet {
    const NAME: &'static str = "contacts-get";
    const PERMISSION: Permission = Permission::ContactsRead;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { contacts: Contacts::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let id = call.path("contact_id")?;

        let contact = self.contacts.get(call.organization(), id).await?;

        Ok(Reply::ok(&ContactView::from(&contact)).version(contact.version))
    }
}
