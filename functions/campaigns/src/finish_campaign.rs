//! Queue: ends a campaign of which every recipient has an outcome, and keeps its totals.
//!
//! Safe to run twice, early or late: it counts for itself from the ledger's states, and what is not at its end is left as it is, because
//! the fold that brings the last outcome asks again.

use std::sync::Arc;

use carillon_campaigns::{CampaignError, CampaignStatus, Campaigns, Totals};
use carillon_contracts::Run;
use carillon_contracts::message::FinishRequested;
use carillon_dynamo::Trails;
use carillon_harness::{Delivery, Failure, Kind, QueueFunction, Setup, SetupError};
use carillon_sending::figures::Counts;
use carillon_sending::keys::{RunKey, touched_pages};
use carillon_sending::{Figures, Ledger, RunRecord, RunStatus};
use jiff::Timestamp;

/// Requests of one campaign often come together: how often one looks again that was overtaken, before it waits in the queue.
const LOOKS: u32 = 3;

/// Ends campaigns.
#[derive(Debug)]
pub struct CampaignsFinish {
    campaigns: Campaigns,
    trails: Trails,
    ledger: Ledger,
}

impl QueueFunction for CampaignsFinish {
    const NAME: &'static str = "campaigns-finish";
    type Message = FinishRequested;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            campaigns: Campaigns::from_setup(setup)?,
            trails: Trails::from_setup(setup, Self::NAME)?,
            ledger: Ledger::from_setup(setup)?,
        })
    }

    async fn handle(&self, message: FinishRequested, delivery: Delivery) -> Result<(), Failure> {
        for _ in 0..LOOKS {
            if self.look(&message, delivery.moment).await? {
                return Ok(());
            }
        }
        Err(Failure::new(Kind::Unavailable, "campaigns.overtaken", "the campaign was changed meanwhile"))
    }
}

impl CampaignsFinish {
    /// Ends the campaign if it is at its end; false when somebody was faster, so that the next look finds what they did.
    async fn look(&self, message: &FinishRequested, moment: Timestamp) -> Result<bool, Failure> {
        let trail = Arc::new(self.trails.of(message.organization, message.campaign.to_string(), moment));
        let campaigns = self.campaigns.by(&trail);
        let campaign = match campaigns.get(message.organization, message.campaign).await {
            Err(CampaignError::Absent) => return Ok(true),
            campaign => campaign?,
        };
        let run = self.ledger.run(RunKey::new(message.organization, Run::Campaign(message.campaign))).await?;
        if campaign.status != CampaignStatus::Sending || run.status != RunStatus::Sending || !run.expanded {
            return Ok(true);
        }
        let Some(counts) = self.final_counts(&run).await? else { return Ok(true) };

        let finished = campaign.clone().finish(totals(&Figures::new(&run, &counts)), moment)?;
        let mut writes = vec![campaigns.replace(&campaign, &finished)?];
        writes.extend(self.ledger.finish(&run));
        match campaigns.commit(writes).await {
            Err(CampaignError::Raced) => Ok(false),
            outcome => Ok(outcome.map(|()| true)?),
        }
    }

    /// Counts the run anew; nothing while anybody is without an outcome.
    async fn final_counts(&self, run: &RunRecord) -> Result<Option<Counts>, Failure> {
        // The sums are a cheap first look; where they are behind, the fold that brings them up asks again.
        if self.ledger.counts(run.key()).await?.settled() < run.recipients {
            return Ok(None);
        }
        if run.generation > 0 && self.has_work(run).await? {
            return Ok(None);
        }
        let counts = self.ledger.recount(run).await?;
        Ok((counts.settled() >= run.recipients).then_some(counts))
    }

    /// Tells whether a plan has failed entries that the last retry has not tried yet: their outcome is the one from before.
    async fn has_work(&self, run: &RunRecord) -> Result<bool, Failure> {
        for page in touched_pages(run.planned) {
            if self.ledger.states(run.key(), page).await?.values().any(|state| state.has_work(run.generation)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn totals(figures: &Figures) -> Totals {
    Totals {
        recipients: figures.recipients,
        sent: figures.sent,
        failed: figures.failed,
        suppressed: figures.suppressed,
        in_doubt: figures.in_doubt,
        skipped: figures.skipped.values().sum(),
    }
}
