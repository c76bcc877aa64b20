//! GET /v1/tags: gives the tags that were ever used.

use carillon_contacts::Tags;
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Listing, Nothing, Reply, Setup, SetupError};
use serde::Serialize;

/// Lists tags, in alphabetical order.
#[derive(Debug)]
pub struct TagsList {
    tags: Tags,
}

#[derive(Debug, Serialize)]
struct TagView {
    tag: carillon_contacts::Tag,
}

impl HttpFunction for TagsList {
    const NAME: &'static str = "tags-list";
    const PERMISSION: Permission = Permission::ContactsRead;
    type Query = Listing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { tags: Tags::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Listing, Nothing>) -> Result<Reply, Failure> {
        let page = self.tags.page(call.organization(), call.query.cursor()?, call.query.limit()).await?;

        Ok(Reply::page(&page.map(|tag| TagView { tag })))
    }
}
