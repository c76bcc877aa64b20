//! GET /v1/lists/{list_id}: gives a list with the number of its members.

use carillon_contacts::{AudienceReader, AudienceSize, ContactList, Lists};
use carillon_contracts::{Audience, Permission};
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use serde::Serialize;

/// Up to how many members are counted.
const COUNTED: u64 = 10_000;

/// Gives lists.
#[derive(Debug)]
pub struct ListsGet {
    lists: Lists,
    audiences: AudienceReader,
}

#[derive(Debug, Serialize)]
struct ListView {
    #[serde(flatten)]
    list: ContactList,
    members: AudienceSize,
}

impl HttpFunction for ListsGet {
    const NAME: &'static str = "lists-get";
    const PERMISSION: Permission = Permission::ContactsRead;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { lists: Lists::from_setup(setup)?, audiences: AudienceReader::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let list = self.lists.get(call.organization(), call.path("list_id")?).await?;
        let audience = Audience { lists: vec![list.id], ..Audience::default() };

        let members = self.audiences.size(call.organization(), &audience, COUNTED).await?;

        Ok(Reply::ok(&ListView { list, members }))
    }
}
