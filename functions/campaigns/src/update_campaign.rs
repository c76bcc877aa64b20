//! PATCH /v1/campaigns/{campaign_id}: changes a draft by a merge patch.

use carillon_campaigns::{Campaigns, CompositionPatch, Seen};
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Reply, Setup, SetupError};
use serde::Deserialize;

/// Changes drafts.
#[derive(Debug)]
pub struct CampaignsUpdate {
    campaigns: Campaigns,
}

/// What to change; what must hold afterwards is checked on the changed draft.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Body(CompositionPatch);

impl Input for Body {}

impl HttpFunction for CampaignsUpdate {
    const NAME: &'static str = "campaigns-update";
    const PERMISSION: Permission = Permission::CampaignsWrite;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { campaigns: Campaigns::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let seen = Seen { organization: call.organization(), id: call.path("campaign_id")?, version: call.if_match()? };

        let campaign = self.campaigns.by(&call.trail()).update(seen, call.body.0, call.moment).await?;

        Ok(Reply::ok(&campaign).version(campaign.version))
    }
}
