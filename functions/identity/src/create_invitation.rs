//! POST /v1/invitations: invites an address to become a member; an invitation that was open for it ends.

use carillon_contracts::message::{NoticeRequested, QueueMessage};
use carillon_contracts::{Permission, Role};
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_identity::{EmailAddress, Invitations};
use carillon_kernel::IdSource;
use serde::Deserialize;

/// Invites members with roles that their inviter has.
#[derive(Debug)]
pub struct InvitationsCreate {
    invitations: Invitations,
    ids: IdSource,
}

/// Whom to invite, and as what.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    email: Option<EmailAddress>,
    role: Option<Role>,
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        let email = self.email.is_none().then(no_email);
        let role = self.role.is_none().then(no_role);
        email.into_iter().chain(role).collect()
    }
}

impl HttpFunction for InvitationsCreate {
    const NAME: &'static str = "invitations-create";
    const PERMISSION: Permission = Permission::MembersWrite;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        // Read here, so that a missing setting shows at the start and not in the outbox.
        setup.text(NoticeRequested::QUEUE)?;
        Ok(Self { invitations: Invitations::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let invitations = self.invitations.by(&call.trail());
        let email = call.body.email.ok_or_else(|| Failure::invalid(vec![no_email()]))?;
        let role = call.body.role.ok_or_else(|| Failure::invalid(vec![no_role()]))?;

        let invitation = invitations.create(&call.caller, (email, role), (call.moment, &self.ids)).await?;

        Ok(Reply::created(&invitation))
    }
}

fn no_email() -> Problem {
    Problem::new("/email", "invitations.email", "name the address to invite")
}

fn no_role() -> Problem {
    Problem::new("/role", "invitations.role", "name the role that the invitation offers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_names_an_address_and_a_role() {
        let pointers: Vec<String> = Body::default().problems().into_iter().map(|problem| problem.pointer).collect();

        assert_eq!(pointers, ["/email", "/role"]);
    }
}
