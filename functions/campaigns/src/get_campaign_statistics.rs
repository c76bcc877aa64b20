//! GET /v1/campaigns/{campaign_id}/statistics: tells how a campaign goes, or how it went.

use carillon_campaigns::{CampaignStatus, Campaigns};
use carillon_contracts::{CampaignId, Permission, Run};
use carillon_harness::{Call, Failure, HttpFunction, Kind, Nothing, Reply, Setup, SetupError};
use carillon_sending::keys::RunKey;
use carillon_sending::{Figures, Ledger, SendingError};
use jiff::Timestamp;
use serde::Serialize;

/// Tells the figures of campaigns.
#[derive(Debug)]
pub struct CampaignsGetStatistics {
    campaigns: Campaigns,
    ledger: Ledger,
}

/// `figures` is null for a draft, and for a campaign so old that its ledger has expired.
#[derive(Serialize)]
struct Statistics {
    campaign_id: CampaignId,
    status: CampaignStatus,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    figures: Option<Figures>,
}

impl HttpFunction for CampaignsGetStatistics {
    const NAME: &'static str = "campaigns-get-statistics";
    const PERMISSION: Permission = Permission::CampaignsRead;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { campaigns: Campaigns::from_setup(setup)?, ledger: Ledger::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let campaign = self.campaigns.get(call.organization(), call.path("campaign_id")?).await?;

        let figures = self.figures(RunKey::new(campaign.organization, Run::Campaign(campaign.id))).await?;

        Ok(Reply::ok(&Statistics {
            campaign_id: campaign.id,
            status: campaign.status,
            started_at: campaign.started_at,
            finished_at: campaign.finished_at,
            figures,
        }))
    }
}

impl CampaignsGetStatistics {
    async fn figures(&self, of: RunKey) -> Result<Option<Figures>, Failure> {
        let run = match self.ledger.run(of).await {
            Err(error) if is_absent(&error) => return Ok(None),
            run => run?,
        };
        Ok(Some(Figures::new(&run, &self.ledger.counts(of).await?)))
    }
}

fn is_absent(error: &SendingError) -> bool {
    carillon_kernel::Fault::kind(error) == Kind::Absent
}
