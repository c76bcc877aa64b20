//! POST /v1/campaigns/{campaign_id}/resume: goes on with a paused campaign.

use carillon_campaigns::Seen;
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};

use crate::steering::{Order, Steering};

/// Goes on with a paused campaign. Campaigns that are being sent stay so.
#[derive(Debug)]
pub struct CampaignsResume {
    steering: Steering,
}

impl HttpFunction for CampaignsResume {
    const NAME: &'static str = "campaigns-resume";
    const PERMISSION: Permission = Permission::CampaignsSend;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { steering: Steering::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let seen = Seen { organization: call.organization(), id: call.path("campaign_id")?, version: call.if_match()? };

        let campaign = self.steering.by(&call.trail()).steer(Order::Resume, seen, call.moment).await?;

        Ok(Reply::ok(&campaign).version(campaign.version))
    }
}
