//! GET /v1/organization: gives the caller's organization.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::Organizations;

/// Gives the caller's organization.
#[derive(Debug)]
pub struct OrganizationsGet {
    organizations: Organizations,
}

impl HttpFunction for OrganizationsGet {
    const NAME: &'static str = "organizations-get";
    const PERMISSION: Permission = Permission::OrganizationRead;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { organizations: Organizations::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let organization = self.organizations.get(call.organization()).await?;

        Ok(Reply::ok(&organization).version(organization.version))
    }
}
