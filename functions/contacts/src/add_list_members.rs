//! POST /v1/lists/{list_id}/members: puts contacts on a list.

use carillon_contacts::Lists;
use carillon_contacts::limits;
use carillon_contracts::{ContactId, Permission};
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use serde::Deserialize;

/// The contacts that join or leave a list: 1 to 100.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MembersBody {
    pub(crate) contacts: Vec<ContactId>,
}

impl Input for MembersBody {
    fn problems(&self) -> Vec<Problem> {
        let fits = (1..=limits::MEMBERS_PER_REQUEST).contains(&self.contacts.len());
        (!fits).then(|| Problem::new("/contacts", "lists.members", "name 1 to 100 contacts by their ids")).into_iter().collect()
    }
}

/// Puts contacts on lists.
#[derive(Debug)]
pub struct ListsAddMembers {
    lists: Lists,
}

impl HttpFunction for ListsAddMembers {
    const NAME: &'static str = "lists-add-members";
    const PERMISSION: Permission = Permission::ContactsWrite;
    type Query = Nothing;
    type Body = MembersBody;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { lists: Lists::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, MembersBody>) -> Result<Reply, Failure> {
        let place = (call.organization(), call.path("list_id")?);

        let changed = self.lists.by(&call.trail()).add_members(place, &call.body.contacts, call.moment).await?;

        Ok(Reply::ok(&changed))
    }
}
