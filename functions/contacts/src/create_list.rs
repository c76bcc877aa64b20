//! POST /v1/lists: makes a list.

use carillon_contacts::{ContactList, ListName, Lists};
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use serde::Deserialize;

/// Makes lists.
#[derive(Debug)]
pub struct ListsCreate {
    lists: Lists,
}

/// A new list.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    name: Option<ListName>,
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        self.name.is_none().then(|| Problem::new("/name", "lists.name_missing", "a list needs a name")).into_iter().collect()
    }
}

impl HttpFunction for ListsCreate {
    const NAME: &'static str = "lists-create";
    const PERMISSION: Permission = Permission::ContactsWrite;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { lists: Lists::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let (organization, id) = (call.organization(), call.new_id());
        let lists = self.lists.by(&call.trail());
        let Some(name) = call.body.name else { return Err(Failure::invalid(call.body.problems())) };

        let list = lists.create(organization, ContactList { id, name, created_at: call.moment }).await?;

        Ok(Reply::created(&list))
    }
}
