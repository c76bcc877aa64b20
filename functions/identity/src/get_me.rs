//! GET /v1/me: gives the caller's own account, with the memberships, the permissions in this organization, and the CSRF token.

use std::collections::BTreeSet;

use carillon_contracts::{OrganizationId, Permission, SessionId};
use carillon_harness::{Call, Failure, HttpFunction, Kind, Nothing, Reply, Setup, SetupError};
use carillon_identity::{Members, OrganizationName, Organizations, Users};
use carillon_tokens::CsrfDefence;
use jiff::Timestamp;
use serde::Serialize;

use crate::me::MeView;
use crate::session_answer::user_of;

/// Gives one's own account.
#[derive(Debug)]
pub struct MeGet {
    users: Users,
    members: Members,
    organizations: Organizations,
    csrf: CsrfDefence,
}

#[derive(Serialize)]
struct Me {
    #[serde(flatten)]
    user: MeView,
    organization_id: OrganizationId,
    session_id: SessionId,
    permissions: BTreeSet<Permission>,
    memberships: Vec<MembershipView>,
    second_factor: SecondFactorView,
    csrf_token: String,
}

#[derive(Serialize)]
struct MembershipView {
    organization_id: OrganizationId,
    organization_name: OrganizationName,
    joined_at: Timestamp,
}

#[derive(Serialize)]
struct SecondFactorView {
    enabled: bool,
    recovery_codes_left: usize,
}

impl HttpFunction for MeGet {
    const NAME: &'static str = "me-get";
    const PERMISSION: Permission = Permission::AccountUse;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            users: Users::from_setup(setup)?,
            members: Members::from_setup(setup)?,
            organizations: Organizations::from_setup(setup)?,
            csrf: CsrfDefence::from_setup(setup)?,
        })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let (id, session) = user_of(&call.caller)?;
        let user = self.users.get(id).await?;
        let mut memberships = Vec::new();
        for membership in self.members.of_user(id).await? {
            match self.organizations.get(membership.organization).await.map_err(Failure::from) {
                Ok(organization) => memberships.push(MembershipView {
                    organization_id: organization.id,
                    organization_name: organization.name,
                    joined_at: membership.joined_at,
                }),
                Err(failure) if failure.kind == Kind::Absent => {}
                Err(failure) => return Err(failure),
            }
        }
        let state = self.users.second_factor(id).await?;

        let version = user.version;
        let me = Me {
            user: MeView::of(user),
            organization_id: call.organization(),
            session_id: session,
            permissions: call.caller.permissions.clone(),
            memberships,
            second_factor: SecondFactorView { enabled: state.enabled, recovery_codes_left: state.recovery_codes_left },
            csrf_token: self.csrf.token(session),
        };
        Ok(Reply::ok(&me).version(version).header("cache-control", "no-store"))
    }
}
