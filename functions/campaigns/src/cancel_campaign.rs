//! POST /v1/campaigns/{campaign_id}/cancel: stops a campaign for good.

use carillon_campaigns::Seen;
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};

use crate::steering::{Order, Steering};

/// Stops a campaign for good. Recipients without an outcome are not written to any more.
#[derive(Debug)]
pub struct CampaignsCancel {
    steering: Steering,
}

impl HttpFunction for CampaignsCancel {
    const NAME: &'static str = "campaigns-cancel";
    const PERMISSION: Permission = Permission::CampaignsSend;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { steering: Steering::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let seen = Seen { organization: call.organization(), id: call.path("campaign_id")?, version: call.if_match()? };

        let campaign = self.steering.by(&call.trail()).steer(Order::Cancel, seen, call.moment).await?;

        Ok(Reply::ok(&campaign).version(campaign.version))
    }
}
