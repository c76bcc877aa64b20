//! GET /v1/permissions: lists the catalogue of permissions, for programs that show or make roles and keys.

use carillon_contracts::Permission;
use carillon_dynamo::Page;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::RolePermissions;
use serde::Serialize;

/// Lists permissions.
#[derive(Debug)]
pub struct PermissionsList;

/// A permission as the catalogue shows it.
#[derive(Serialize)]
struct Listed {
    name: &'static str,
    description: &'static str,
    /// Whether a role of an organization's own may have it.
    in_custom_roles: bool,
}

impl HttpFunction for PermissionsList {
    const NAME: &'static str = "permissions-list";
    const PERMISSION: Permission = Permission::RolesRead;
    type Query = Nothing;
    type Body = Nothing;

    fn build(_setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self)
    }

    async fn handle(&self, _call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let items = Permission::ALL.iter().map(|permission| Listed {
            name: permission.name(),
            description: permission.description(),
            in_custom_roles: RolePermissions::may_have(*permission),
        });

        Ok(Reply::page(&Page { items: items.collect(), next: None }))
    }
}
