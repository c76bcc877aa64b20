//! What people do with a campaign that was sent: pause, resume, cancel, retry. Campaign and ledger change in one transaction.

use std::sync::Arc;

use carillon_campaigns::{Campaign, CampaignError, CampaignStatus, Campaigns, Seen};
use carillon_contracts::Run;
use carillon_contracts::message::{FinishRequested, ReleaseRequested};
use carillon_dynamo::{Trail, Write};
use carillon_harness::{Failure, Kind, Setup, SetupError};
use carillon_kernel::IdSource;
use carillon_outbox::{Outbox, Ticket};
use carillon_sending::keys::RunKey;
use carillon_sending::{Ledger, RunRecord};
use jiff::Timestamp;

/// How often an order is tried when the workers of the same campaign are faster.
const ATTEMPTS: u32 = 4;

/// Something that people want of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Pause,
    Resume,
    Cancel,
    RetryFailed,
}

/// Carries out orders.
#[derive(Debug, Clone)]
pub(crate) struct Steering {
    campaigns: Campaigns,
    ledger: Ledger,
    outbox: Outbox,
    ids: IdSource,
}

impl Order {
    fn leads_to(self) -> CampaignStatus {
        match self {
            Self::Pause => CampaignStatus::Paused,
            Self::Resume | Self::RetryFailed => CampaignStatus::Sending,
            Self::Cancel => CampaignStatus::Cancelled,
        }
    }

    /// Tells whether nothing is left to do: the campaign is where the order leads. A retry is there only by the same request
    /// (the same moment, see `Idempotency-Key`), because any other campaign that is being sent was not retried.
    fn is_fulfilled(self, campaign: &Campaign, moment: Timestamp) -> bool {
        campaign.status == self.leads_to() && (self != Self::RetryFailed || campaign.updated_at == moment)
    }

    fn apply(self, campaign: Campaign, moment: Timestamp) -> Result<Campaign, CampaignError> {
        match self {
            Self::Pause => campaign.pause(moment),
            Self::Resume => campaign.resume(moment),
            Self::Cancel => campaign.cancel(moment),
            Self::RetryFailed => campaign.retry(moment),
        }
    }
}

impl Steering {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            campaigns: Campaigns::from_setup(setup)?,
            ledger: Ledger::from_setup(setup)?,
            outbox: Outbox::from_setup(setup)?,
            ids: setup.ids(),
        })
    }

    /// Gives the orders of one call: what they change is told in the audit trail.
    pub(crate) fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { campaigns: self.campaigns.by(trail), ..self.clone() }
    }

    /// Carries out an order; a campaign that is there already is given as it is.
    pub(crate) async fn steer(&self, order: Order, seen: Seen, moment: Timestamp) -> Result<Campaign, Failure> {
        for _ in 0..ATTEMPTS {
            if let Some(campaign) = self.try_once(order, seen, moment).await? {
                return Ok(campaign);
            }
        }
        let detail = "the campaign changes too fast at the moment: try again";
        Err(Failure::new(Kind::Conflict, "campaigns.overtaken", detail).retry_in(std::time::Duration::from_secs(1)))
    }

    /// Tries it once; nothing when somebody was faster.
    async fn try_once(&self, order: Order, seen: Seen, moment: Timestamp) -> Result<Option<Campaign>, Failure> {
        let campaign = self.campaigns.get(seen.organization, seen.id).await?;
        if order.is_fulfilled(&campaign, moment) {
            return Ok(Some(campaign));
        }
        let campaign = campaign.unchanged_since(seen.version)?;
        let next = order.apply(campaign.clone(), moment)?;
        let run = self.ledger.run(RunKey::new(next.organization, Run::Campaign(next.id))).await?;

        let mut writes = vec![self.campaigns.replace(&campaign, &next)?];
        writes.extend(self.ledger_writes(order, &run).await?);
        let mut tickets = Vec::new();
        if next.status == CampaignStatus::Sending {
            for (write, ticket) in self.go_on(&next, moment)? {
                writes.push(write);
                tickets.push(ticket);
            }
        }
        match self.campaigns.commit(writes).await {
            Err(CampaignError::Raced) => return Ok(None),
            outcome => outcome?,
        }
        for ticket in tickets {
            self.outbox.dispatch(ticket).await;
        }
        Ok(Some(next))
    }

    async fn ledger_writes(&self, order: Order, run: &RunRecord) -> Result<Vec<Write>, Failure> {
        Ok(match order {
            Order::Pause => self.ledger.pause(run),
            Order::Cancel => self.ledger.cancel(run),
            Order::Resume => self.ledger.resume(run)?,
            Order::RetryFailed if self.ledger.counts(run.key()).await?.failed == 0 => {
                return Err(Failure::new(
                    Kind::Conflict,
                    "campaigns.nothing_failed",
                    "the campaign failed for nobody: there is nothing to retry",
                ));
            }
            Order::RetryFailed => self.ledger.retry_failed(run)?,
        })
    }

    /// Asks for work to be released, and for a look whether any is left: a campaign may have come to its end while it was paused.
    fn go_on(&self, campaign: &Campaign, moment: Timestamp) -> Result<[(Write, Ticket); 2], Failure> {
        let release = ReleaseRequested { reason: "a campaign goes on".to_owned() };
        let finish = FinishRequested { organization: campaign.organization, campaign: campaign.id };
        Ok([self.outbox.write(&release, moment, &self.ids)?, self.outbox.write(&finish, moment, &self.ids)?])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_campaigns::{Composition, Totals};
    use carillon_contracts::{CampaignId, Channel, OrganizationId};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn sending() -> Campaign {
        let ids = (OrganizationId::from_bytes([1; 16]), CampaignId::from_bytes([2; 16]));
        Campaign::draft(ids, Composition::new("Spring", Channel::Email), at(1)).unwrap().start(at(2)).unwrap()
    }

    #[test]
    fn an_order_is_fulfilled_where_it_leads() {
        let paused = sending().pause(at(3)).unwrap();

        assert!(Order::Pause.is_fulfilled(&paused, at(9)));
        assert!(!Order::Pause.is_fulfilled(&sending(), at(9)));
        assert!(Order::Resume.is_fulfilled(&sending(), at(9)));
        assert!(Order::Cancel.is_fulfilled(&paused.cancel(at(4)).unwrap(), at(9)));
    }

    #[test]
    fn a_retry_is_fulfilled_by_the_same_request_only() {
        let retried = sending().finish(Totals::default(), at(3)).unwrap().retry(at(4)).unwrap();

        assert!(Order::RetryFailed.is_fulfilled(&retried, at(4)));
        assert!(!Order::RetryFailed.is_fulfilled(&retried, at(5)));
        assert!(!Order::RetryFailed.is_fulfilled(&sending(), at(9)));
    }

    #[test]
    fn every_order_leads_where_it_says() {
        for (order, from) in [
            (Order::Pause, sending()),
            (Order::Resume, sending().pause(at(3)).unwrap()),
            (Order::Cancel, sending()),
            (Order::RetryFailed, sending().finish(Totals::default(), at(3)).unwrap()),
        ] {
            assert_eq!(order.apply(from, at(5)).unwrap().status, order.leads_to());
        }
    }
}
