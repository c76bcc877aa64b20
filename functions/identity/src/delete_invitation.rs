//! DELETE /v1/invitations/{invitation_id}: withdraws an invitation; its link is worth nothing from now on.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::Invitations;

/// Withdraws invitations.
#[derive(Debug)]
pub struct InvitationsDelete {
    invitations: Invitations,
}

impl HttpFunction for InvitationsDelete {
    const NAME: &'static str = "invitations-delete";
    const PERMISSION: Permission = Permission::MembersWrite;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { invitations: Invitations::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        self.invitations.by(&call.trail()).withdraw(call.organization(), call.path("invitation_id")?).await?;

        Ok(Reply::no_content())
    }
}
