//! POST /v1/campaigns/{campaign_id}/pause: lets a campaign rest.

use carillon_campaigns::Seen;
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};

use crate::steering::{Order, Steering};

/// Lets a campaign rest. Campaigns that are paused already stay so.
#[derive(Debug)]
pub struct CampaignsPause {
    steering: Steering,
}

impl HttpFunction for CampaignsPause {
    const NAME: &'static str = "campaigns-pause";
    const PERMISSION: Permission = Permission::CampaignsSend;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { steering: Steering::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let seen = Seen { organization: call.organization(), id: call.path("campaign_id")?, version: call.if_match()? };

        let campaign = self.steering.by(&call.trail()).steer(Order::Pause, seen, call.moment).await?;

        Ok(Reply::ok(&campaign).version(campaign.version))
    }
}
