//! PATCH /v1/operator/organizations/{organization_id}: suspends an organization for a reason, or lets it go on.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_identity::{Oversight, SuspensionReason};
use serde::Deserialize;

/// Suspends organizations; their callers are refused from the next request on.
#[derive(Debug)]
pub struct OrganizationsSuspend {
    oversight: Oversight,
}

/// What to change.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    suspended: Option<bool>,
    /// Why; not for one that goes on.
    reason: Option<SuspensionReason>,
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        let told = match (self.suspended, &self.reason) {
            (None, _) => Some(("/suspended", "operator.suspended", "say whether the organization is suspended")),
            (Some(true), None) => Some(("/reason", "operator.reason", "a suspension needs a reason")),
            (Some(false), Some(_)) => Some(("/reason", "operator.reason", "an organization that goes on needs no reason")),
            _ => None,
        };
        told.into_iter().map(|(pointer, code, detail)| Problem::new(pointer, code, detail)).collect()
    }
}

impl HttpFunction for OrganizationsSuspend {
    const NAME: &'static str = "organizations-suspend";
    const PERMISSION: Permission = Permission::PlatformOperate;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { oversight: Oversight::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let (own, id, seen) = (call.organization(), call.path("organization_id")?, call.if_match()?);
        let oversight = self.oversight.by(&call.trail(), id);

        let organization = oversight.suspend((own, id), (call.body.reason, seen), call.moment).await?;

        Ok(Reply::ok(&organization).version(organization.version))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn pointers(json: &str) -> Vec<String> {
        serde_json::from_str::<Body>(json).unwrap().problems().into_iter().map(|problem| problem.pointer).collect()
    }

    #[test]
    fn a_suspension_and_nothing_else_has_a_reason() {
        assert_eq!(pointers("{}"), ["/suspended"]);
        assert_eq!(pointers(r#"{"suspended":true}"#), ["/reason"]);
        assert_eq!(pointers(r#"{"suspended":false,"reason":"spam"}"#), ["/reason"]);
        assert!(pointers(r#"{"suspended":true,"reason":"spam"}"#).is_empty());
        assert!(pointers(r#"{"suspended":false}"#).is_empty());
    }
}
