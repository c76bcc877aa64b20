//! PATCH /v1/contacts/{contact_id}: changes a contact by a merge patch.

use carillon_contacts::Contacts;
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};

use crate::contact_body::ContactPatchBody;
use crate::contact_view::ContactView;

/// Changes contacts.
#[derive(Debug)]
pub struct ContactsUpdate {
    contacts: Contacts,
}

impl HttpFunction for ContactsUpdate {
    const NAME: &'static str = "contacts-update";
    const PERMISSION: Permission = Permission::ContactsWrite;
    type Query = Nothing;
    type Body = ContactPatchBody;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { contacts: Contacts::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, ContactPatchBody>) -> Result<Reply, Failure> {
        let place = (call.organization(), call.path("contact_id")?);
        let (version, moment) = (call.if_match()?, call.moment);

        let contact = self.contacts.by(&call.trail()).update(place, version, call.body.into_change(), moment).await?;

        Ok(Reply::ok(&ContactView::from(&contact)).version(contact.version))
    }
}
