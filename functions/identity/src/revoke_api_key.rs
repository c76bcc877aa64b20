//! DELETE /v1/api-keys/{api_key_id}: revokes an API key from now on.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::ApiKeys;

/// Revokes API keys; the key that makes the call may be the one.
#[derive(Debug)]
pub struct ApiKeysRevoke {
    keys: ApiKeys,
}

impl HttpFunction for ApiKeysRevoke {
    const NAME: &'static str = "api-keys-revoke";
    const PERMISSION: Permission = Permission::ApiKeysWrite;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { keys: ApiKeys::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let keys = self.keys.by(&call.trail());

        keys.revoke(call.organization(), call.path("api_key_id")?, call.moment).await?;

        Ok(Reply::no_content())
    }
}
