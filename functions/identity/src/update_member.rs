//! PATCH /v1/members/{user_id}: gives a member another role, from the next request on.

use carillon_contracts::{Permission, Role};
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_identity::Members;
use serde::Deserialize;

/// Changes the roles of members.
#[derive(Debug)]
pub struct MembersUpdate {
    members: Members,
}

/// What to change.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    role: Option<Role>,
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        if self.role.is_some() { Vec::new() } else { vec![no_role()] }
    }
}

impl HttpFunction for MembersUpdate {
    const NAME: &'static str = "members-update";
    const PERMISSION: Permission = Permission::MembersWrite;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { members: Members::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let role = call.body.role.ok_or_else(|| Failure::invalid(vec![no_role()]))?;
        let (user, seen) = (call.path("user_id")?, call.if_match()?);

        let member = self.members.by(&call.trail()).change_role(&call.caller, (user, seen), (role, call.moment)).await?;

        Ok(Reply::ok(&member).version(member.version))
    }
}

fn no_role() -> Problem {
    Problem::new("/role", "members.role", "name the member's new role")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_change_names_a_role() {
        assert_eq!(Body::default().problems().first().unwrap().pointer, "/role");
        assert!(serde_json::from_str::<Body>(r#"{"role":"boss"}"#).is_err());
        assert!(serde_json::from_str::<Body>(r#"{"role":"agent"}"#).unwrap().problems().is_empty());
    }
}
