//! GET /v1/members: lists the organization's members with their users' names and addresses.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Listing, Nothing, Reply, Setup, SetupError};
use carillon_identity::Members;

/// Lists members.
#[derive(Debug)]
pub struct MembersList {
    members: Members,
}

impl HttpFunction for MembersList {
    const NAME: &'static str = "members-list";
    const PERMISSION: Permission = Permission::MembersRead;
    type Query = Listing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { members: Members::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Listing, Nothing>) -> Result<Reply, Failure> {
        let page = self.members.page(call.organization(), call.query.cursor()?, call.query.limit()).await?;

        Ok(Reply::page(&page))
    }
}
