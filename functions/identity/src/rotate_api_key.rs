//! POST /v1/api-keys/{api_key_id}/rotate: gives an API key a new secret, shown in this answer only; the old one holds for an overlap.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_identity::ApiKeys;
use carillon_identity::api_key::LONGEST_OVERLAP;
use carillon_kernel::IdSource;
use jiff::SignedDuration;
use serde::Deserialize;

use crate::create_api_key::ShownOnce;

/// How long the old secret holds when the request does not say: a day, for programs to be given the new one.
const USUAL_OVERLAP: SignedDuration = SignedDuration::from_hours(24);

/// Rotates API keys; an idempotency key keeps no answer of it, because the answer holds a secret.
#[derive(Debug)]
pub struct ApiKeysRotate {
    keys: ApiKeys,
    ids: IdSource,
}

/// How to rotate.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    overlap_seconds: Option<u32>,
}

impl Body {
    fn overlap(&self) -> SignedDuration {
        self.overlap_seconds.map_or(USUAL_OVERLAP, |seconds| SignedDuration::from_secs(seconds.into()))
    }
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        let detail = "the old secret can hold for a week at most: 0 to 604800 seconds";
        let problem = (self.overlap() > LONGEST_OVERLAP).then(|| Problem::new("/overlap_seconds", "api_keys.overlap", detail));
        problem.into_iter().collect()
    }
}

impl HttpFunction for ApiKeysRotate {
    const NAME: &'static str = "api-keys-rotate";
    const PERMISSION: Permission = Permission::ApiKeysWrite;
    const KEEPS_ANSWER: bool = false;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { keys: ApiKeys::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let keys = self.keys.by(&call.trail());
        let which = (call.path("api_key_id")?, call.body.overlap());

        let issued = keys.rotate(&call.caller, which, (call.moment, &self.ids)).await?;

        Ok(Reply::ok(&ShownOnce::from(issued)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlap_is_a_day_unless_said_otherwise_and_a_week_at_most() {
        let body = |overlap_seconds| Body { overlap_seconds };

        assert_eq!(body(None).overlap(), SignedDuration::from_hours(24));
        assert!(body(Some(0)).problems().is_empty());
        assert!(body(Some(604_800)).problems().is_empty());
        assert_eq!(body(Some(604_801)).problems().len(), 1);
    }
}
