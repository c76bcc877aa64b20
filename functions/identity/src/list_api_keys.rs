//! GET /v1/api-keys: lists the organization's API keys, the expired and revoked ones included, without their secrets.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Listing, Nothing, Reply, Setup, SetupError};
use carillon_identity::ApiKeys;

/// Lists API keys.
#[derive(Debug)]
pub struct ApiKeysList {
    keys: ApiKeys,
}

impl HttpFunction for ApiKeysList {
    const NAME: &'static str = "api-keys-list";
    const PERMISSION: Permission = Permission::ApiKeysRead;
    type Query = Listing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { keys: ApiKeys::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Listing, Nothing>) -> Result<Reply, Failure> {
        let page = self.keys.page(call.organization(), call.query.cursor()?, call.query.limit()).await?;

        Ok(Reply::page(&page))
    }
}
