//! PATCH /v1/operator/organizations/{organization_id}: suspends an organization for a reason, lets it go on, or gives it another plan.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_identity::{Oversight, Plan, Standing, Steering, SuspensionReason};
use serde::Deserialize;

/// Suspends organizations, whose callers are refused from the next request on, and gives them plans.
#[derive(Debug)]
pub struct OrganizationsSteer {
    oversight: Oversight,
}

/// What to change; what is absent stays.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    suspended: Option<bool>,
    /// Why; not for one that goes on.
    reason: Option<SuspensionReason>,
    plan: Option<Plan>,
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        let told = match (self.suspended, &self.reason, &self.plan) {
            (None, None, None) => Some(("/suspended", "operator.suspended", "say whether the organization is suspended, or its plan")),
            (None, Some(_), _) => Some(("/suspended", "operator.suspended", "say whether the organization is suspended")),
            (Some(true), None, _) => Some(("/reason", "operator.reason", "a suspension needs a reason")),
            (Some(false), Some(_), _) => Some(("/reason", "operator.reason", "an organization that goes on needs no reason")),
            _ => None,
        };
        told.into_iter().map(|(pointer, code, detail)| Problem::new(pointer, code, detail)).collect()
    }
}

impl From<Body> for Steering {
    fn from(Body { suspended, reason, plan }: Body) -> Self {
        let standing = match (suspended, reason) {
            (Some(true), reason) => reason.map(Standing::Suspended),
            (Some(false), _) => Some(Standing::Open),
            (None, _) => None,
        };
        Self { standing, plan }
    }
}

impl HttpFunction for OrganizationsSteer {
    const NAME: &'static str = "organizations-steer";
    const PERMISSION: Permission = Permission::PlatformOperate;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { oversight: Oversight::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let (own, id, seen) = (call.organization(), call.path("organization_id")?, call.if_match()?);
        let oversight = self.oversight.by(&call.trail(), id);

        let organization = oversight.steer((own, id), (call.body.into(), seen), call.moment).await?;

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
        assert_eq!(pointers(r#"{"plan":"free","reason":"spam"}"#), ["/suspended"]);
        assert_eq!(pointers(r#"{"plan":"free","suspended":true}"#), ["/reason"]);
        assert!(pointers(r#"{"plan":"free"}"#).is_empty());
        assert_eq!(pointers("{}"), ["/suspended"]);
        assert_eq!(pointers(r#"{"suspended":true}"#), ["/reason"]);
        assert_eq!(pointers(r#"{"suspended":false,"reason":"spam"}"#), ["/reason"]);
        assert!(pointers(r#"{"suspended":true,"reason":"spam"}"#).is_empty());
        assert!(pointers(r#"{"suspended":false}"#).is_empty());
    }
}
