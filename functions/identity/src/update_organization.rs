//! PATCH /v1/organization: changes the caller's organization by a merge patch.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Reply, Setup, SetupError};
use carillon_identity::{
    BrandingPatch, IpRanges, Locale, OrganizationName, OrganizationPatch, Organizations, RetentionPatch, SecurityPolicyPatch, TimeZoneName,
};
use serde::Deserialize;

/// Changes the caller's organization.
#[derive(Debug)]
pub struct OrganizationsUpdate {
    organizations: Organizations,
}

/// What to change; outside of the branding nothing can be removed, so that null leaves a member as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    name: Option<OrganizationName>,
    locale: Option<Locale>,
    time_zone: Option<TimeZoneName>,
    branding: Option<BrandingPatch>,
    retention: Option<RetentionPatch>,
    security: Option<SecurityPolicyPatch>,
    allowed_ip_ranges: Option<IpRanges>,
}

impl Input for Body {}

impl HttpFunction for OrganizationsUpdate {
    const NAME: &'static str = "organizations-update";
    const PERMISSION: Permission = Permission::OrganizationWrite;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { organizations: Organizations::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let (seen, organizations) = ((call.organization(), call.if_match()?), self.organizations.by(&call.trail()));
        let Body { name, locale, time_zone, branding, retention, security, allowed_ip_ranges } = call.body;
        let patch = OrganizationPatch { name, locale, time_zone, branding, retention, security, allowed_ip_ranges };

        let organization = organizations.update(seen, patch, (call.moment, call.origin.ip)).await?;

        Ok(Reply::ok(&organization).version(organization.version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_rules_in_the_policy_is_refused() {
        for refused in [
            r#"{"allowed_ip_ranges":["192.0.2.1/24"]}"#,
            r#"{"security":{"session_hours":0}}"#,
            r#"{"security":{"colour":"red"}}"#,
            r#"{"retention":{"messages_days":1}}"#,
            r#"{"branding":{"logo_url":"http://bells.example/logo.png"}}"#,
        ] {
            assert!(serde_json::from_str::<Body>(refused).is_err(), "{refused}");
        }
    }
}
