//! GET /v1/operator/organizations: lists all organizations with their figures, for the platform's operator.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Listing, Nothing, Reply, Setup, SetupError};
use carillon_identity::Oversight;

/// Lists organizations.
#[derive(Debug)]
pub struct OrganizationsList {
    oversight: Oversight,
}

impl HttpFunction for OrganizationsList {
    const NAME: &'static str = "organizations-list";
    const PERMISSION: Permission = Permission::PlatformOperate;
    type Query = Listing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { oversight: Oversight::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Listing, Nothing>) -> Result<Reply, Failure> {
        let place = (call.query.cursor()?, call.query.limit());

        let page = self.oversight.page(place, call.moment).await?;

        Ok(Reply::page(&page))
    }
}
