//! POST /v1/campaigns/{campaign_id}/send: checks a draft, freezes what it says, and starts to send it.

use carillon_campaigns::{Campaign, Campaigns, DoubtPolicy};
use carillon_contracts::message::AudienceExpansionRequested;
use carillon_contracts::{Channel, Permission, Run};
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_kernel::IdSource;
use carillon_outbox::Outbox;
use carillon_sending::pacing::RESERVED_SHARE;
use carillon_sending::plan::MOST_RECIPIENTS;
use carillon_sending::{Definition, Ledger};
use carillon_ses::Ses;
use jiff::Timestamp;

use crate::check::{Checker, Ready};

/// The recipients of a plan of texts: each is a call of its own, and all must end within one lease.
const TEXTS_OF_PLAN: u32 = 10;
/// Up to how many contacts the audience is counted: what a send needs to know is that somebody is there.
const SOMEBODY: u64 = 1;

/// Starts campaigns.
#[derive(Debug)]
pub struct CampaignsSend {
    campaigns: Campaigns,
    checker: Checker,
    ledger: Ledger,
    outbox: Outbox,
    ses: Ses,
    ids: IdSource,
}

impl HttpFunction for CampaignsSend {
    const NAME: &'static str = "campaigns-send";
    const PERMISSION: Permission = Permission::CampaignsSend;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            campaigns: Campaigns::from_setup(setup)?,
            checker: Checker::from_setup(setup)?,
            ledger: Ledger::from_setup(setup)?,
            outbox: Outbox::from_setup(setup)?,
            ses: Ses::from_setup(setup)?,
            ids: setup.ids(),
        })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let campaigns = self.campaigns.by(&call.trail());
        let campaign = campaigns.get(call.organization(), call.path("campaign_id")?).await?;
        if campaign.started_at == Some(call.moment) {
            // The same request started it before and died before its answer was kept.
            return Ok(Reply::accepted(&campaign).version(campaign.version));
        }
        let started = campaign.clone().unchanged_since(call.if_match()?)?.start(call.moment)?;
        let ready = self.checker.check(&campaign, SOMEBODY).await?.into_ready()?;

        self.start(&campaigns, (&campaign, &started), (ready, call.moment)).await?;

        Ok(Reply::accepted(&started).version(started.version))
    }
}

impl CampaignsSend {
    /// Starts the campaign, opens its ledger and asks for its audience, all in one transaction.
    async fn start(
        &self,
        campaigns: &Campaigns,
        (draft, started): (&Campaign, &Campaign),
        (ready, moment): (Ready, Timestamp),
    ) -> Result<(), Failure> {
        let batch = self.batch(started.composition.channel).await?;
        let request = AudienceExpansionRequested { organization: started.organization, campaign: started.id, plan: 0 };
        let (message, ticket) = self.outbox.write(&request, moment, &self.ids)?;
        let mut writes = vec![campaigns.replace(draft, started)?, message];
        writes.extend(self.ledger.open(&definition(started, ready, (batch, moment)))?);

        campaigns.commit(writes).await?;

        self.outbox.dispatch(ticket).await;
        Ok(())
    }

    /// Gives the size of a plan: one call's worth, and at most what campaigns may send in one second, so that a burst leaves single
    /// messages their share.
    async fn batch(&self, channel: Channel) -> Result<u32, Failure> {
        match channel {
            Channel::Sms => Ok(TEXTS_OF_PLAN),
            Channel::Email => {
                let a_second = self.ses.account().await?.max_send_rate * (1.0 - RESERVED_SHARE);
                Ok(a_second.floor().clamp(1.0, MOST_RECIPIENTS as f64) as u32)
            }
        }
    }
}

fn definition(campaign: &Campaign, ready: Ready, (batch, moment): (u32, Timestamp)) -> Definition {
    Definition {
        organization: campaign.organization,
        organization_name: ready.organization_name,
        run: Run::Campaign(campaign.id),
        channel: campaign.composition.channel,
        marketing: true,
        from: ready.sender.address,
        from_name: ready.sender.name,
        reply_to: ready.sender.reply_to,
        content: ready.content,
        variables: ready.variables,
        audience: Some(campaign.composition.audience.clone()),
        doubt_policy: match campaign.composition.doubt_policy {
            DoubtPolicy::AtMostOnce => carillon_sending::DoubtPolicy::AtMostOnce,
            DoubtPolicy::AtLeastOnce => carillon_sending::DoubtPolicy::AtLeastOnce,
        },
        batch,
        created_at: moment,
        kept_days: ready.kept_days,
    }
}
