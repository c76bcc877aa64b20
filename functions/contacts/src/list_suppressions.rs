//! GET /v1/suppressions: gives the suppressed addresses, the latest first.

use carillon_contacts::Suppressions;
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Listing, Nothing, Reply, Setup, SetupError};

/// Lists suppressed addresses.
#[derive(Debug)]
pub struct SuppressionsList {
    suppressions: Suppressions,
}

impl HttpFunction for SuppressionsList {
    const NAME: &'static str = "suppressions-list";
    const PERMISSION: Permission = Permission::SuppressionsRead;
    type Query = Listing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { suppressions: Suppressions::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Listing, Nothing>) -> Result<Reply, Failure> {
        let page = self.suppressions.page(call.organization(), call.query.cursor()?, call.query.limit()).await?;

        Ok(Reply::page(&page))
    }
}
