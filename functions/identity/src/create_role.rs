//! POST /v1/roles: makes a role of the organization's own, of permissions that its maker has.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_identity::{NewRole, RoleDescription, RoleName, RolePermissions, Roles};
use serde::Deserialize;

/// Makes roles.
#[derive(Debug)]
pub struct RolesCreate {
    roles: Roles,
}

/// What a role is made of.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    name: Option<RoleName>,
    description: Option<RoleDescription>,
    permissions: Option<RolePermissions>,
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        let name = self.name.is_none().then(no_name);
        let permissions = self.permissions.is_none().then(no_permissions);
        name.into_iter().chain(permissions).collect()
    }
}

impl HttpFunction for RolesCreate {
    const NAME: &'static str = "roles-create";
    const PERMISSION: Permission = Permission::RolesWrite;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { roles: Roles::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let (roles, made) = (self.roles.by(&call.trail()), (call.moment, call.new_id()));
        let Body { name, description, permissions } = call.body;
        let name = name.ok_or_else(|| Failure::invalid(vec![no_name()]))?;
        let permissions = permissions.ok_or_else(|| Failure::invalid(vec![no_permissions()]))?;

        let role = roles.create(&call.caller, NewRole { name, description, permissions }, made).await?;

        Ok(Reply::created(&role).version(1))
    }
}

fn no_name() -> Problem {
    Problem::new("/name", "roles.name", "a role needs a name")
}

fn no_permissions() -> Problem {
    Problem::new("/permissions", "roles.permissions", "a role needs at least one permission")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_needs_a_name_and_permissions() {
        let pointers: Vec<String> = Body::default().problems().into_iter().map(|problem| problem.pointer).collect();

        assert_eq!(pointers, ["/name", "/permissions"]);
        assert!(serde_json::from_str::<Body>(r#"{"name":"x","permissions":["platform.operate"]}"#).is_err());
    }
}
