//! POST /v1/api-keys: makes an API key with permissions of its maker; its secret is shown in this answer only.

use std::collections::BTreeSet;

use carillon_contracts::{Credential, Permission};
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_identity::{ApiKeyName, ApiKeys, NewApiKey};
use carillon_kernel::IdSource;
use serde::{Deserialize, Serialize};

/// Makes API keys; an idempotency key keeps no answer of it, because the answer holds a secret.
#[derive(Debug)]
pub struct ApiKeysCreate {
    keys: ApiKeys,
    ids: IdSource,
}

/// What a key is made of.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    name: Option<ApiKeyName>,
    permissions: BTreeSet<Permission>,
}

#[derive(Serialize)]
struct Created {
    #[serde(flatten)]
    credential: Credential,
    secret: String,
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.name.is_none() {
            problems.push(no_name());
        }
        if self.permissions.is_empty() {
            problems.push(Problem::new("/permissions", "api_keys.permissions", "name at least one permission: a key has no others"));
        }
        problems
    }
}

impl HttpFunction for ApiKeysCreate {
    const NAME: &'static str = "api-keys-create";
    const PERMISSION: Permission = Permission::ApiKeysWrite;
    const KEEPS_ANSWER: bool = false;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { keys: ApiKeys::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let Body { name, permissions } = call.body;
        let name = name.ok_or_else(|| Failure::invalid(vec![no_name()]))?;

        let issued = self.keys.create(&call.caller, NewApiKey { name, permissions }, (call.moment, &self.ids)).await?;

        let secret = issued.secret.expose().to_owned();
        Ok(Reply::created(&Created { credential: issued.credential, secret }))
    }
}

fn no_name() -> Problem {
    Problem::new("/name", "api_keys.name", "an API key needs a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_needs_a_name_and_permissions() {
        let pointers: Vec<String> = Body::default().problems().into_iter().map(|problem| problem.pointer).collect();

        assert_eq!(pointers, ["/name", "/permissions"]);
    }
}
