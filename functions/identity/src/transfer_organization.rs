//! POST /v1/organization/owner: transfers the ownership to another member; who owned it is an admin afterwards.

use carillon_contracts::{Permission, UserId};
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_identity::Members;
use serde::Deserialize;

/// Transfers the ownership, for an owner who logged in lately.
#[derive(Debug)]
pub struct OrganizationsTransfer {
    members: Members,
}

/// Who owns the organization from now on.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    user_id: Option<UserId>,
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        if self.user_id.is_some() { Vec::new() } else { vec![no_heir()] }
    }
}

impl HttpFunction for OrganizationsTransfer {
    const NAME: &'static str = "organizations-transfer";
    const PERMISSION: Permission = Permission::OrganizationOwn;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { members: Members::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let heir = call.body.user_id.ok_or_else(|| Failure::invalid(vec![no_heir()]))?;

        let organization = self.members.by(&call.trail()).transfer(&call.caller, heir, call.moment).await?;

        Ok(Reply::ok(&organization).version(organization.version))
    }
}

fn no_heir() -> Problem {
    Problem::new("/user_id", "organizations.heir", "name the member who is to own the organization")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_names_somebody() {
        assert_eq!(Body::default().problems().first().unwrap().pointer, "/user_id");
    }
}
