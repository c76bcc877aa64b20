//! POST /v1/campaigns/{campaign_id}/validate: tells all that keeps a campaign from being sent, and what it will cost.

use carillon_campaigns::Campaigns;
use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Problem, Reply, Setup, SetupError};
use serde::Serialize;

use crate::check::Checker;
use crate::estimate::Estimate;

/// Up to how many contacts the audience is counted.
const COUNTED: u64 = 100_000;

/// Checks campaigns without changing them.
#[derive(Debug)]
pub struct CampaignsValidate {
    campaigns: Campaigns,
    checker: Checker,
}

#[derive(Serialize)]
struct Validation {
    valid: bool,
    problems: Vec<Problem>,
    notices: Vec<Problem>,
    estimate: Estimate,
}

impl HttpFunction for CampaignsValidate {
    const NAME: &'static str = "campaigns-validate";
    const PERMISSION: Permission = Permission::CampaignsRead;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { campaigns: Campaigns::from_setup(setup)?, checker: Checker::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let campaign = self.campaigns.get(call.organization(), call.path("campaign_id")?).await?;

        let verdict = self.checker.check(&campaign, COUNTED).await?;

        let valid = verdict.problems.is_empty();
        Ok(Reply::ok(&Validation { valid, problems: verdict.problems, notices: verdict.notices, estimate: verdict.estimate }))
    }
}
