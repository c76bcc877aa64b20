//! Schedule: ends the doubt about plans where events prove what became of them, and restarts runs that make no progress because messages were lost.
//!
//! Safe to run twice: states are replaced under their version, and messages are hints.

use carillon_contracts::message::{
    AudienceExpansionRequested, EmailDeliveryRequested, FoldRequested, MessageDeliveryRequested, ReleaseRequested, SmsDeliveryRequested,
};
use carillon_contracts::{Channel, PLATFORM_ORGANIZATION, Run};
use carillon_harness::{Failure, ScheduledFunction, Setup, SetupError};
use carillon_queue::{Backlog, Queue};
use carillon_sending::doubt::{Doubted, Evidence, resolve};
use carillon_sending::keys::{page_of, touched_pages};
use carillon_sending::outcome::Outcome;
use carillon_sending::{Definition, Ledger, RunRecord, SendingError};
use jiff::{SignedDuration, Timestamp};

use crate::probe::Probe;

/// How many plans in doubt one turn looks at, the oldest first.
const MOST_OF_TURN: u32 = 200;

/// The function.
pub struct SendingResolveDoubt {
    ledger: Ledger,
    emails: Queue<EmailDeliveryRequested>,
    texts: Queue<SmsDeliveryRequested>,
    messages: Queue<MessageDeliveryRequested>,
    expansions: Queue<AudienceExpansionRequested>,
    folds: Queue<FoldRequested>,
    releases: Queue<ReleaseRequested>,
    events: Backlog,
    email_backlog: Backlog,
    sms_backlog: Backlog,
    probe: Probe,
    configuration_set: Option<String>,
    settling: SignedDuration,
    giving_up: SignedDuration,
    standstill: SignedDuration,
}

/// What a look at a plan in doubt brought.
enum Looked {
    /// Its doubt has ended, or only time will tell.
    Settled,
    /// Its doubt is old enough to end, and no later events have been folded yet.
    WaitsForEvents {
        /// The address that its mails come from.
        sender: String,
    },
}

impl ScheduledFunction for SendingResolveDoubt {
    const NAME: &'static str = "sending-resolve-doubt";

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        let seconds = |name: &str| setup.number(name).map(|number| SignedDuration::from_secs(i64::from(number)));
        Ok(Self {
            ledger: Ledger::from_setup(setup)?,
            emails: Queue::from_setup(setup)?,
            texts: Queue::from_setup(setup)?,
            messages: Queue::from_setup(setup)?,
            expansions: Queue::from_setup(setup)?,
            folds: Queue::from_setup(setup)?,
            releases: Queue::from_setup(setup)?,
            events: Backlog::from_setup(setup, "SES_EVENTS_QUEUE_URL")?,
            email_backlog: Backlog::from_setup(setup, "EMAIL_DELIVERIES_QUEUE_URL")?,
            sms_backlog: Backlog::from_setup(setup, "SMS_DELIVERIES_QUEUE_URL")?,
            probe: Probe::from_setup(setup)?,
            configuration_set: setup.find("SES_CONFIGURATION_SET"),
            settling: seconds("DOUBT_SETTLING_SECONDS")?,
            giving_up: seconds("DOUBT_GIVING_UP_SECONDS")?,
            standstill: seconds("STANDSTILL_SECONDS")?,
        })
    }

    async fn handle(&self, moment: Timestamp) -> Result<(), Failure> {
        let doubted = self.ledger.doubted(moment, MOST_OF_TURN).await?;
        let folded_to = if doubted.is_empty() { None } else { self.folded_to().await? };
        let mut waits_for_events = None;
        for plan in doubted {
            match self.look_at(&plan, folded_to, moment).await {
                Ok(Looked::Settled) => {}
                Ok(Looked::WaitsForEvents { sender }) => waits_for_events = Some(sender),
                // Another worker changed the plan: the next turn looks again.
                Err(failure) if failure.code == "sending.overtaken" => {}
                Err(failure) => return Err(failure),
            }
        }
        for channel in Channel::ALL {
            for run in self.ledger.active(channel).await? {
                self.restart_if_still(&run, moment).await?;
            }
        }
        match (waits_for_events, &self.configuration_set) {
            (Some(sender), Some(set)) => self.probe.send(sender, set, (moment, self.settling / 2)).await,
            _ => Ok(()),
        }
    }
}

impl SendingResolveDoubt {
    /// Tells up to when all events have been folded: nothing while some are waiting to be.
    async fn folded_to(&self) -> Result<Option<Timestamp>, Failure> {
        match &self.configuration_set {
            Some(set) if self.events.messages().await? == 0 => Ok(self.ledger.watermark(set).await?),
            _ => Ok(None),
        }
    }

    fn evidence(&self, definition: &Definition, since: Timestamp, (folded_to, now): (Option<Timestamp>, Timestamp)) -> Evidence {
        let waited = now.duration_since(since);
        // The platform's own mails have no events.
        let is_published = self.configuration_set.is_some() && definition.organization != PLATFORM_ORGANIZATION;
        let has_events = definition.channel == Channel::Email && is_published;
        if waited < self.settling {
            Evidence::TooEarly
        } else if has_events && folded_to.is_some_and(|folded| folded > since + self.settling) {
            Evidence::AbsenceProves
        } else if has_events && waited < self.giving_up {
            Evidence::Wait
        } else {
            Evidence::Unknowable
        }
    }

    async fn look_at(&self, doubted: &Doubted, folded_to: Option<Timestamp>, now: Timestamp) -> Result<Looked, Failure> {
        let (state, facts) = self.ledger.state(doubted.of, doubted.plan).await?;
        let Some(state) = state.filter(|state| state.outcomes.any(Outcome::InDoubt)) else {
            self.ledger.forget_doubt(doubted).await?;
            return Ok(Looked::Settled);
        };
        let definition = self.definition(doubted).await?;
        let since = state.doubt_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(doubted.since);
        let evidence = self.evidence(&definition, since, (folded_to, now));
        let resolved = resolve(&state, &facts, (evidence, definition.doubt_policy));
        let looked = match evidence {
            Evidence::Wait => Looked::WaitsForEvents { sender: definition.from },
            _ => Looked::Settled,
        };
        if resolved.is_empty() {
            return Ok(looked);
        }
        let state = self.ledger.end_doubt(doubted, state, &resolved).await?;
        if state.outcomes.any(Outcome::Waiting) {
            self.deliver_again(doubted, definition.channel).await?;
        }
        if matches!(doubted.of.run, Run::Campaign(_)) {
            self.fold(doubted.of, vec![page_of(doubted.plan)]).await?;
        }
        Ok(looked)
    }

    async fn definition(&self, doubted: &Doubted) -> Result<Definition, Failure> {
        match doubted.of.run {
            Run::Campaign(_) => Ok(self.ledger.definition(doubted.of).await?),
            Run::Message(_) => {
                let plan = self.ledger.plan(doubted.of, doubted.plan).await?.ok_or(SendingError::Absent("plan"))?;
                let text = plan.definition.unwrap_or_default();
                Ok(serde_json::from_str(&text).map_err(|error| SendingError::Corrupt("definition", error))?)
            }
        }
    }

    async fn deliver_again(&self, doubted: &Doubted, channel: Channel) -> Result<(), Failure> {
        let (organization, run, plan) = (doubted.of.organization, doubted.of.run, doubted.plan);
        match (run, channel) {
            (Run::Message(_), _) => Ok(self.messages.send(&MessageDeliveryRequested { organization, run, plan }).await?),
            (_, Channel::Email) => Ok(self.emails.send(&EmailDeliveryRequested { organization, run, plan }).await?),
            (_, Channel::Sms) => Ok(self.texts.send(&SmsDeliveryRequested { organization, run, plan }).await?),
        }
    }

    async fn fold(&self, of: carillon_sending::keys::RunKey, pages: Vec<u32>) -> Result<(), Failure> {
        Ok(self.folds.send(&FoldRequested { organization: of.organization, run: of.run, pages }).await?)
    }

    /// Lets release look at a run's plans again, and the figures be summed up anew, when nothing has happened for long and nothing waits.
    async fn restart_if_still(&self, run: &RunRecord, now: Timestamp) -> Result<(), Failure> {
        let still_since = Timestamp::from_millisecond(run.released_ms).unwrap_or(run.created_at);
        if now.duration_since(still_since) < self.standstill {
            return Ok(());
        }
        if let (false, Run::Campaign(campaign)) = (run.expanded, run.run) {
            // Whoever writes plans already is not disturbed: a plan is written once.
            let request = AudienceExpansionRequested { organization: run.organization, campaign, plan: run.planned };
            self.expansions.send(&request).await?;
            return Ok(self.ledger.released(run, run.released, now).await?);
        }
        if run.released < run.planned {
            return Ok(());
        }
        let backlog = match run.channel {
            Channel::Email => &self.email_backlog,
            Channel::Sms => &self.sms_backlog,
        };
        if backlog.messages().await? > 0 {
            return Ok(());
        }
        self.ledger.rewind(run, now).await?;
        let pages: Vec<u32> = touched_pages(run.planned).collect();
        for some in pages.chunks(100) {
            self.fold(run.key(), some.to_vec()).await?;
        }
        Ok(self.releases.send(&ReleaseRequested { reason: "no progress".to_owned() }).await?)
    }
}
