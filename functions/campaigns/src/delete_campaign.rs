//! DELETE /v1/campaigns/{campaign_id}: deletes a draft, or a campaign that has ended.

use carillon_campaigns::{Campaigns, Seen};
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};

/// Deletes campaigns; what the ledger knows of one expires by itself.
#[derive(Debug)]
pub struct CampaignsDelete {
    campaigns: Campaigns,
}

impl HttpFunction for CampaignsDelete {
    const NAME: &'static str = "campaigns-delete";
    const PERMISSION: Permission = Permission::CampaignsWrite;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { campaigns: Campaigns::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let seen = Seen { organization: call.organization(), id: call.path("campaign_id")?, version: call.if_match()? };

        self.campaigns.by(&call.trail()).delete(seen).await?;

        Ok(Reply::no_content())
    }
}
