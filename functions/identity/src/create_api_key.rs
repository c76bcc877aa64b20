//! POST /v1/api-keys: makes an API key with permissions of its maker; its secret is shown in this answer only.

use std::collections::BTreeSet;

use carillon_contracts::{IpRange, Permission};
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_identity::api_key::MOST_IP_RANGES;
use carillon_identity::{ApiKey, ApiKeyName, ApiKeys, IssuedApiKey, NewApiKey};
use carillon_kernel::IdSource;
use jiff::Timestamp;
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
    expires_at: Option<Timestamp>,
    ip_ranges: BTreeSet<IpRange>,
}

/// A key with its secret text.
#[derive(Serialize)]
pub(crate) struct ShownOnce {
    #[serde(flatten)]
    key: ApiKey,
    secret: String,
}

impl From<IssuedApiKey> for ShownOnce {
    fn from(issued: IssuedApiKey) -> Self {
        Self { key: issued.credential.into(), secret: issued.secret.expose().to_owned() }
    }
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
        if self.ip_ranges.len() > MOST_IP_RANGES {
            problems.push(Problem::new("/ip_ranges", "api_keys.ip_ranges", format!("a key names at most {MOST_IP_RANGES} address ranges")));
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
        let keys = self.keys.by(&call.trail());
        let Body { name, permissions, expires_at, ip_ranges } = call.body;
        let name = name.ok_or_else(|| Failure::invalid(vec![no_name()]))?;
        let new = NewApiKey { name, permissions, expires_at, ip_ranges: ip_ranges.into_iter().collect() };

        let issued = keys.create(&call.caller, new, (call.moment, &self.ids)).await?;

        Ok(Reply::created(&ShownOnce::from(issued)))
    }
}

fn no_name() -> Problem {
    Problem::new("/name", "api_keys.name", "an API key needs a name")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn pointers(body: &Body) -> Vec<String> {
        body.problems().into_iter().map(|problem| problem.pointer).collect()
    }

    #[test]
    fn a_key_needs_a_name_and_permissions() {
        assert_eq!(pointers(&Body::default()), ["/name", "/permissions"]);
    }

    #[test]
    fn a_key_names_at_most_fifty_ranges() {
        let ranges = |count: u8| (0..count).map(|last| format!("192.0.2.{last}").parse().unwrap()).collect();
        let body = |count| Body { ip_ranges: ranges(count), ..Body::default() };

        assert!(!pointers(&body(50)).contains(&"/ip_ranges".to_owned()));
        assert!(pointers(&body(51)).contains(&"/ip_ranges".to_owned()));
    }
}
