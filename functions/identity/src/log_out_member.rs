//! DELETE /v1/members/{user_id}/sessions: ends all sessions that a member has in the organization, at once; they may log in again.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::Members;

/// Logs members out.
#[derive(Debug)]
pub struct MembersLogOut {
    members: Members,
}

impl HttpFunction for MembersLogOut {
    const NAME: &'static str = "members-log-out";
    const PERMISSION: Permission = Permission::MembersWrite;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { members: Members::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        self.members.by(&call.trail()).log_out(&call.caller, call.path("user_id")?, call.moment).await?;

        Ok(Reply::no_content())
    }
}
