//! GET /v1/campaigns/{campaign_id}: gives a campaign with its content.

use carillon_campaigns::Campaigns;
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};

/// Gives a campaign.
#[derive(Debug)]
pub struct CampaignsGet {
    campaigns: Campaigns,
}

impl HttpFunction for CampaignsGet {
    const NAME: &'static str = "campaigns-get";
    const PERMISSION: Permission = Permission::CampaignsRead;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { campaigns: Campaigns::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let campaign = self.campaigns.get(call.organization(), call.path("campaign_id")?).await?;

        Ok(Reply::ok(&campaign).version(campaign.version))
    }
}
