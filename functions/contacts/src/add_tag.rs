//! PUT /v1/contacts/{contact_id}/tags/{tag}: gives a contact a tag.

use carillon_contacts::{Tag, Tags};
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Problem, Reply, Setup, SetupError};

use crate::contact_view::ContactView;

/// Gives contacts tags.
#[derive(Debug)]
pub struct TagsAdd {
    tags: Tags,
}

impl HttpFunction for TagsAdd {
    const NAME: &'static str = "tags-add";
    const PERMISSION: Permission = Permission::ContactsWrite;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { tags: Tags::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let place = (call.organization(), call.path("contact_id")?);
        let text: String = call.path("tag")?;
        let tag: Tag =
            text.parse().map_err(|error| Failure::invalid(vec![Problem::new("", "tags.invalid", format!("the tag {error}"))]))?;

        let contact = self.tags.by(&call.trail()).add(place, tag, call.moment).await?;

        Ok(Reply::ok(&ContactView::from(&contact)).version(contact.version))
    }
}
