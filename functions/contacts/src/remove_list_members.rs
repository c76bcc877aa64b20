//! POST /v1/lists/{list_id}/members/remove: takes contacts from a list.

use carillon_contacts::Lists;
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};

use crate::add_list_members::MembersBody;

/// Takes contacts from lists.
#[derive(Debug)]
pub struct ListsRemoveMembers {
    lists: Lists,
}

impl HttpFunction for ListsRemoveMembers {
    const NAME: &'static str = "lists-remove-members";
    const PERMISSION: Permission = Permission::ContactsWrite;
    type Query = Nothing;
    type Body = MembersBody;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { lists: Lists::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, MembersBody>) -> Result<Reply, Failure> {
        let place = (call.organization(), call.path("list_id")?);

        let changed = self.lists.by(&call.trail()).remove_members(place, &call.body.contacts, call.moment).await?;

        Ok(Reply::ok(&changed))
    }
}
