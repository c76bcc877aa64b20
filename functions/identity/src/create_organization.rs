//! POST /v1/organizations: makes an organization with its first API key, whose secret is shown in this answer only.

use carillon_contracts::{Credential, Permission};
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_identity::{Locale, NewOrganization, Organization, OrganizationName, Organizations, TimeZoneName};
use carillon_kernel::IdSource;
use serde::{Deserialize, Serialize};

/// Makes organizations, for the platform's operator.
#[derive(Debug)]
pub struct OrganizationsCreate {
    organizations: Organizations,
    ids: IdSource,
}

/// What an organization is made of.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    name: Option<OrganizationName>,
    locale: Locale,
    time_zone: TimeZoneName,
}

#[derive(Serialize)]
struct Created {
    #[serde(flatten)]
    organization: Organization,
    api_key: CreatedKey,
}

/// A key with its secret text.
#[derive(Serialize)]
struct CreatedKey {
    #[serde(flatten)]
    credential: Credential,
    secret: String,
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        if self.name.is_some() { Vec::new() } else { vec![no_name()] }
    }
}

impl HttpFunction for OrganizationsCreate {
    const NAME: &'static str = "organizations-create";
    const PERMISSION: Permission = Permission::PlatformOperate;
    const KEEPS_ANSWER: bool = false;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { organizations: Organizations::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let Body { name, locale, time_zone } = call.body;
        let name = name.ok_or_else(|| Failure::invalid(vec![no_name()]))?;

        let founded = self.organizations.create(NewOrganization { name, locale, time_zone }, call.moment, &self.ids).await?;

        let version = founded.organization.version;
        let secret = founded.api_key.secret.expose().to_owned();
        let api_key = CreatedKey { credential: founded.api_key.credential, secret };
        Ok(Reply::created(&Created { organization: founded.organization, api_key }).version(version))
    }
}

fn no_name() -> Problem {
    Problem::new("/name", "organizations.name", "an organization needs a name")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_is_needed() {
        let problems = Body::default().problems();

        assert_eq!(problems.first().unwrap().pointer, "/name");
        assert_eq!(problems.len(), 1);
    }
}
