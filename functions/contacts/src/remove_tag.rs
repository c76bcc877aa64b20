//! DELETE /v1/contacts/{contact_id}/tags/{tag}: takes a tag from a contact.

use carillon_contacts::Tags;
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};

use crate::contact_view::ContactView;

/// Takes tags from contacts.
#[derive(Debug)]
pub struct TagsRemove {
    tags: Tags,
}

impl HttpFunction for TagsRemove {
    const NAME: &'static str = "tags-remove";
    const PERMISSION: Permission = Permission::ContactsWrite;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { tags: Tags::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let place = (call.organization(), call.path("contact_id")?);

        let contact = self.tags.by(&call.trail()).remove(place, &call.path("tag")?, call.moment).await?;

        Ok(Reply::ok(&ContactView::from(&contact)).version(contact.version))
    }
}
