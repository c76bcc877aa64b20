//! GET /v1/operator/organizations/{organization_id}: gives any organization with its figures, for the platform's operator.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::Oversight;

/// Gives organizations.
#[derive(Debug)]
pub struct OrganizationsInspect {
    oversight: Oversight,
}

impl HttpFunction for OrganizationsInspect {
    const NAME: &'static str = "organizations-inspect";
    const PERMISSION: Permission = Permission::PlatformOperate;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { oversight: Oversight::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let overseen = self.oversight.inspect(call.path("organization_id")?, call.moment).await?;

        let version = overseen.organization.version;
        Ok(Reply::ok(&overseen).version(version))
    }
}
