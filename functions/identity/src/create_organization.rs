//! POST /v1/organizations: makes an organization with its first API key, whose secret is shown in this answer only, and invites its owner.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_identity::{
    EmailAddress, Invitations, Locale, NewOrganization, Organization, OrganizationName, Organizations, Plan, TimeZoneName,
};
use carillon_kernel::IdSource;
use serde::{Deserialize, Serialize};

use crate::create_api_key::ShownOnce;

/// Makes organizations, for the platform's operator.
#[derive(Debug)]
pub struct OrganizationsCreate {
    organizations: Organizations,
    invitations: Invitations,
    ids: IdSource,
}

/// What an organization is made of.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    name: Option<OrganizationName>,
    locale: Locale,
    time_zone: TimeZoneName,
    plan: Plan,
    /// Who is invited to own it; without one it has API keys only.
    owner_email: Option<EmailAddress>,
}

#[derive(Serialize)]
struct Created {
    #[serde(flatten)]
    organization: Organization,
    api_key: ShownOnce,
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
        let (organizations, invitations) = (Organizations::from_setup(setup)?, Invitations::from_setup(setup)?);
        // Read here, so that a missing setting shows at the start and not in the outbox.
        setup.text(<carillon_contracts::message::NoticeRequested as carillon_contracts::message::QueueMessage>::QUEUE)?;
        Ok(Self { organizations, invitations, ids: setup.ids() })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let (trail, moment) = (call.trail(), (call.moment, &self.ids));
        let Body { name, locale, time_zone, plan, owner_email } = call.body;
        let name = name.ok_or_else(|| Failure::invalid(vec![no_name()]))?;
        let id = self.ids.id(call.moment);
        let invited = owner_email.map(|email| self.invitations.owner_writes(id, email, moment)).transpose()?;
        let (with, ticket) = invited.map_or((Vec::new(), None), |(writes, ticket)| (writes, Some(ticket)));

        let new = NewOrganization { name, locale, time_zone, plan };
        let founded = self.organizations.by_operator(&trail, id).create((id, new), with, moment).await?;
        if let Some(ticket) = ticket {
            self.invitations.tell(ticket).await;
        }

        let version = founded.organization.version;
        let api_key = ShownOnce::from(founded.api_key);
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
