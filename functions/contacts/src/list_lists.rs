//! GET /v1/lists: gives the lists, oldest first.

use carillon_contacts::Lists;
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Listing, Nothing, Reply, Setup, SetupError};

/// Lists lists.
#[derive(Debug)]
pub struct ListsList {
    lists: Lists,
}

impl HttpFunction for ListsList {
    const NAME: &'static str = "lists-list";
    const PERMISSION: Permission = Permission::ContactsRead;
    type Query = Listing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { lists: Lists::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Listing, Nothing>) -> Result<Reply, Failure> {
        let page = self.lists.page(call.organization(), call.query.cursor()?, call.query.limit()).await?;

        Ok(Reply::page(&page))
    }
}
