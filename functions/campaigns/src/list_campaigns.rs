//! GET /v1/campaigns: lists the organization's campaigns, the latest first, without their content.

use carillon_campaigns::Campaigns;
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Listing, Nothing, Reply, Setup, SetupError};

/// Lists campaigns.
#[derive(Debug)]
pub struct CampaignsList {
    campaigns: Campaigns,
}

impl HttpFunction for CampaignsList {
    const NAME: &'static str = "campaigns-list";
    const PERMISSION: Permission = Permission::CampaignsRead;
    type Query = Listing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { campaigns: Campaigns::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Listing, Nothing>) -> Result<Reply, Failure> {
        let page = self.campaigns.page(call.organization(), call.query.cursor()?, call.query.limit()).await?;

        Ok(Reply::page(&page))
    }
}
