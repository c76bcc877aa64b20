//! GET /v1/roles: lists the built-in roles and the organization's own.

use carillon_contracts::Permission;
use carillon_dynamo::Page;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::Roles;

/// Lists roles, all on one page: an organization has few.
#[derive(Debug)]
pub struct RolesList {
    roles: Roles,
}

impl HttpFunction for RolesList {
    const NAME: &'static str = "roles-list";
    const PERMISSION: Permission = Permission::RolesRead;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { roles: Roles::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let items = self.roles.list(call.organization()).await?;

        Ok(Reply::page(&Page { items, next: None }))
    }
}
