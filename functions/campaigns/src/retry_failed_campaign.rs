//! POST /v1/campaigns/{campaign_id}/retry-failed: sends an ended campaign again to those for whom it failed, and to nobody else.

use carillon_campaigns::Seen;
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};

use crate::steering::{Order, Steering};

/// Sends again to those for whom it failed.
#[derive(Debug)]
pub struct CampaignsRetryFailed {
    steering: Steering,
}

impl HttpFunction for CampaignsRetryFailed {
    const NAME: &'static str = "campaigns-retry-failed";
    const PERMISSION: Permission = Permission::CampaignsSend;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { steering: Steering::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let seen = Seen { organization: call.organization(), id: call.path("campaign_id")?, version: call.if_match()? };

        let campaign = self.steering.by(&call.trail()).steer(Order::RetryFailed, seen, call.moment).await?;

        Ok(Reply::accepted(&campaign).version(campaign.version))
    }
}
