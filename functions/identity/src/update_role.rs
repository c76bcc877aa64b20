//! PATCH /v1/roles/{role_id}: changes a role of the organization's own; what its members may do follows.

use carillon_contracts::Permission;
use carillon_contracts::message::{QueueMessage, RoleChanged};
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Reply, Setup, SetupError};
use carillon_identity::{RoleDescription, RoleName, RolePatch, RolePermissions, Roles};
use carillon_kernel::IdSource;
use serde::{Deserialize, Deserializer};

/// Changes roles.
#[derive(Debug)]
pub struct RolesUpdate {
    roles: Roles,
    ids: IdSource,
}

/// What to change; null removes the description and leaves the others as they are.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    name: Option<RoleName>,
    #[serde(deserialize_with = "named")]
    description: Option<Option<RoleDescription>>,
    permissions: Option<RolePermissions>,
}

impl Input for Body {}

/// Tells null, which removes, from absence, which keeps.
fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<RoleDescription>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl HttpFunction for RolesUpdate {
    const NAME: &'static str = "roles-update";
    const PERMISSION: Permission = Permission::RolesWrite;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        // Read here, so that a missing setting shows at the start and not in the outbox.
        setup.text(RoleChanged::QUEUE)?;
        Ok(Self { roles: Roles::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let (roles, role) = (self.roles.by(&call.trail()), (call.path("role_id")?, call.if_match()?));
        let Body { name, description, permissions } = call.body;
        let patch = RolePatch { name, description, permissions };

        let role = roles.update(&call.caller, role, (patch, call.moment, &self.ids)).await?;

        let version = role.version.unwrap_or_default();
        Ok(Reply::ok(&role).version(version))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn null_removes_the_description_and_absence_keeps_it() {
        let body = |json: &str| serde_json::from_str::<Body>(json).unwrap().description;

        assert_eq!((body("{}"), body(r#"{"description":null}"#)), (None, Some(None)));
        assert!(matches!(body(r#"{"description":"Who edits"}"#), Some(Some(_))));
    }
}
