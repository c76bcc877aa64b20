//! PATCH /v1/organization: changes the caller's organization by a merge patch.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Reply, Setup, SetupError};
use carillon_identity::{Locale, OrganizationName, OrganizationPatch, Organizations, TimeZoneName};
use serde::Deserialize;

/// Changes the caller's organization.
#[derive(Debug)]
pub struct OrganizationsUpdate {
    organizations: Organizations,
}

/// What to change; nothing of an organization can be removed, so null leaves a member as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    name: Option<OrganizationName>,
    locale: Option<Locale>,
    time_zone: Option<TimeZoneName>,
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
        let seen = (call.organization(), call.if_match()?);
        let Body { name, locale, time_zone } = call.body;

        let organization = self.organizations.update(seen, OrganizationPatch { name, locale, time_zone }, call.moment).await?;

        Ok(Reply::ok(&organization).version(organization.version))
    }
}
