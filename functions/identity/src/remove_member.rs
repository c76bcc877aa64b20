//! DELETE /v1/members/{user_id}: removes a member, whose sessions of this organization end at once.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::Members;

/// Removes members; who removes themselves leaves.
#[derive(Debug)]
pub struct MembersRemove {
    members: Members,
}

impl HttpFunction for MembersRemove {
    const NAME: &'static str = "members-remove";
    const PERMISSION: Permission = Permission::MembersWrite;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { members: Members::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        self.members.by(&call.trail()).remove(&call.caller, call.path("user_id")?, call.moment).await?;

        Ok(Reply::no_content())
    }
}
