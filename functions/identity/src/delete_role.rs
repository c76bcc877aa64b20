//! DELETE /v1/roles/{role_id}: deletes a role of the organization's own that nobody has.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::Roles;

/// Deletes roles.
#[derive(Debug)]
pub struct RolesDelete {
    roles: Roles,
}

impl HttpFunction for RolesDelete {
    const NAME: &'static str = "roles-delete";
    const PERMISSION: Permission = Permission::RolesWrite;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { roles: Roles::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        self.roles.by(&call.trail()).delete(&call.caller, call.path("role_id")?).await?;

        Ok(Reply::no_content())
    }
}
