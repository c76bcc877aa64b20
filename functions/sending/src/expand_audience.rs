//! Queue: reads the next part of a campaign's audience and writes its plans, each once.
//!
//! Safe to run twice, and at the same time as itself: a plan is written only where there is none, and says where the audience
//! stood after it. Whoever finds a plan already there goes on from it, so a moving audience cannot shift anybody between plans.

use std::collections::VecDeque;
use std::sync::Arc;

use carillon_contacts::{AudienceReader, Position, Standing};
use carillon_contracts::Run;
use carillon_contracts::message::{AudienceExpansionRequested, FinishRequested, ReleaseRequested};
use carillon_dynamo::Trails;
use carillon_harness::{Delivery, Failure, Kind, QueueFunction, Setup, SetupError};
use carillon_kernel::Clock;
use carillon_queue::Queue;
use carillon_sending::keys::RunKey;
use carillon_sending::ledger::Planned;
use carillon_sending::plan::Skipped;
use carillon_sending::{Definition, Ledger, Plan, Recipient, RunStatus};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// How many plans one message writes before it passes the rest on: some ten thousand recipients.
const PLANS_OF_STEP: u32 = 200;
/// Which part of its time a step writes plans: what was written is released soon, and no step runs into its time-out.
const PART_OF_TIME: i32 = 4;

/// The function.
pub struct SendingExpandAudience {
    ledger: Ledger,
    trails: Trails,
    audiences: AudienceReader,
    next: Queue<AudienceExpansionRequested>,
    releases: Queue<ReleaseRequested>,
    finishes: Queue<FinishRequested>,
    clock: Clock,
}

/// Where the writing of plans stands.
#[derive(Debug, Clone, Default)]
struct Standpoint {
    after: Option<Position>,
    recipients: u64,
    skipped: Skipped,
}

impl QueueFunction for SendingExpandAudience {
    const NAME: &'static str = "sending-expand-audience";
    type Message = AudienceExpansionRequested;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            ledger: Ledger::from_setup(setup)?,
            trails: Trails::from_setup(setup, Self::NAME)?,
            audiences: AudienceReader::from_setup(setup)?,
            next: Queue::from_setup(setup)?,
            releases: Queue::from_setup(setup)?,
            finishes: Queue::from_setup(setup)?,
            clock: setup.clock(),
        })
    }

    async fn handle(&self, message: AudienceExpansionRequested, delivery: Delivery) -> Result<(), Failure> {
        let of = RunKey::new(message.organization, Run::Campaign(message.campaign));
        let run = self.ledger.run(of).await?;
        if matches!(run.status, RunStatus::Cancelled | RunStatus::Finished) {
            return Ok(());
        }
        let part = SignedDuration::try_from(delivery.remaining).unwrap_or(SignedDuration::MAX) / PART_OF_TIME;
        let until = delivery.moment.saturating_add(part).unwrap_or(delivery.moment);
        // A repeat of the last step: what follows from it may never have been asked for.
        let (plans, recipients, ended) =
            if run.expanded { (run.planned, run.recipients, true) } else { self.go_on(of, (message.plan, until)).await? };
        if ended && recipients == 0 {
            let request = FinishRequested { organization: message.organization, campaign: message.campaign };
            return Ok(self.finishes.send(&request).await?);
        }
        if !ended {
            self.next.send(&AudienceExpansionRequested { plan: plans, ..message }).await?;
        }
        Ok(self.releases.send(&ReleaseRequested { reason: "plans written".to_owned() }).await?)
    }
}

impl SendingExpandAudience {
    /// Writes the plans of a step and tells the run of them; tells how many plans and recipients there are, and whether the audience ended.
    async fn go_on(&self, of: RunKey, step: (u32, Timestamp)) -> Result<(u32, u64, bool), Failure> {
        let definition = self.ledger.definition(of).await?;
        let (plans, standpoint, ended) = self.write_plans(of, &definition, step).await?;
        let recipients = standpoint.recipients;
        let planned = Planned { plans, recipients, skipped: standpoint.skipped, audience_ended: ended };
        let trail = self.trails.of(of.organization, format!("{}:{plans}", of.run), self.clock.now());
        self.ledger.by(&Arc::new(trail)).planned(of, &planned).await?;
        Ok((plans, recipients, ended))
    }

    /// Writes plans from `first` on, up to the number of a step or to its time; tells how many there are, where it stands, and whether
    /// the audience ended.
    async fn write_plans(
        &self,
        of: RunKey,
        definition: &Definition,
        (first, until): (u32, Timestamp),
    ) -> Result<(u32, Standpoint, bool), Failure> {
        let (mut number, mut at) = self.first_unwritten(of, first).await?;
        let last = number + PLANS_OF_STEP;
        let mut feed = Feed::new(self, definition, at.after);
        while number < last && self.clock.now() < until {
            let (recipients, next) = feed.take(definition, at.clone()).await?;
            if recipients.is_empty() {
                return Ok((number, next, true));
            }
            let plan = Plan {
                number,
                recipients,
                created_at: self.clock.now(),
                cursor: next.after.map(|position| position.to_string()).unwrap_or_default(),
                recipients_so_far: next.recipients,
                skipped_so_far: next.skipped.clone(),
                definition: None,
                kept_days: definition.kept_days,
            };
            if self.ledger.write_plan(of, &plan).await? {
                at = next;
                number += 1;
            } else {
                (number, at) = self.first_unwritten(of, number + 1).await?;
                feed = Feed::new(self, definition, at.after);
            }
        }
        Ok((number, at, false))
    }

    /// Passes by the plans that are there already, and tells where the last of them left the audience.
    async fn first_unwritten(&self, of: RunKey, from: u32) -> Result<(u32, Standpoint), Failure> {
        let mut number = from;
        let mut at = match number.checked_sub(1) {
            Some(before) => self.stored(of, before).await?.ok_or_else(lost)?,
            None => Standpoint::default(),
        };
        while let Some(further) = self.stored(of, number).await? {
            at = further;
            number += 1;
        }
        Ok((number, at))
    }

    /// Reads where a plan left the audience, if it is stored.
    async fn stored(&self, of: RunKey, number: u32) -> Result<Option<Standpoint>, Failure> {
        let Some(plan) = self.ledger.plan(of, number).await? else { return Ok(None) };
        let after = plan.cursor.parse().map_err(|_| Failure::new(Kind::Internal, "sending.cursor", "a plan's cursor cannot be read"))?;
        Ok(Some(Standpoint { after: Some(after), recipients: plan.recipients_so_far, skipped: plan.skipped_so_far }))
    }
}

fn lost() -> Failure {
    Failure::new(Kind::Internal, "sending.plan_lost", "a plan is gone that was there")
}

/// The members of the audience, read ahead a page at a time.
struct Feed<'a> {
    reader: &'a SendingExpandAudience,
    members: VecDeque<carillon_contacts::Member>,
    read_to: Option<Position>,
    ended: bool,
    batch: usize,
}

impl<'a> Feed<'a> {
    fn new(reader: &'a SendingExpandAudience, definition: &Definition, after: Option<Position>) -> Self {
        let batch = usize::try_from(definition.batch).unwrap_or(1).max(1);
        Self { reader, members: VecDeque::new(), read_to: after, ended: false, batch }
    }

    /// Takes the recipients of the next plan, and tells where the audience stands after them.
    async fn take(&mut self, definition: &Definition, mut at: Standpoint) -> Result<(Vec<Recipient>, Standpoint), Failure> {
        let mut recipients = Vec::with_capacity(self.batch);
        while recipients.len() < self.batch {
            let Some(member) = self.members.pop_front() else {
                if self.ended {
                    break;
                }
                self.read(definition).await?;
                continue;
            };
            at.after = Some(member.position);
            match (member.standing, member.address) {
                (Standing::Eligible, Some(address)) => {
                    let value = |name: &String| member.fields.get(name).cloned().unwrap_or(Value::Null);
                    let values = definition.variables.iter().map(value).collect();
                    recipients.push(Recipient { contact: Some(member.id), address, values });
                    at.recipients += 1;
                }
                (standing, _) => *at.skipped.entry(reason(standing).to_owned()).or_default() += 1,
            }
        }
        Ok((recipients, at))
    }

    async fn read(&mut self, definition: &Definition) -> Result<(), Failure> {
        let nobody = carillon_contracts::Audience::default();
        let audience = definition.audience.as_ref().unwrap_or(&nobody);
        let page = self.reader.audiences.page(definition.organization, (audience, definition.channel), self.read_to, 500).await?;
        self.read_to = page.members.last().map(|member| member.position).or(self.read_to);
        self.ended = page.end;
        self.members.extend(page.members);
        Ok(())
    }
}

fn reason(standing: Standing) -> &'static str {
    match standing {
        Standing::NoAddress | Standing::Eligible => "no_address",
        Standing::Suppressed(_) => "suppressed",
        Standing::Unsubscribed => "unsubscribed",
        Standing::Unconsented => "unconsented",
    }
}
