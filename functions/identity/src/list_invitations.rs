//! GET /v1/invitations: lists the organization's open invitations.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Listing, Nothing, Reply, Setup, SetupError};
use carillon_identity::Invitations;

/// Lists invitations, without their links.
#[derive(Debug)]
pub struct InvitationsList {
    invitations: Invitations,
}

impl HttpFunction for InvitationsList {
    const NAME: &'static str = "invitations-list";
    const PERMISSION: Permission = Permission::MembersRead;
    type Query = Listing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { invitations: Invitations::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Listing, Nothing>) -> Result<Reply, Failure> {
        let place = (call.query.cursor()?, call.query.limit());

        let page = self.invitations.page(call.organization(), place, call.moment).await?;

        Ok(Reply::page(&page))
    }
}
