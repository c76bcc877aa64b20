//! Hands a claimed plan to Twilio: a call for each text, all at the same time, each made once.

use std::sync::Arc;

use carillon_contacts::{Address, Suppression, SuppressionReason, Suppressions};
use carillon_contracts::{Channel, EntryRef};
use carillon_dynamo::Trails;
use carillon_feedback::twilio::callback_url;
use carillon_harness::{Failure, Setup, SetupError};
use carillon_kernel::{Clock, Fault as _, Signer};
use carillon_sending::outcome::Outcome;
use carillon_sending::{Recipient, Settled};
use carillon_templates::{Context, SmsRenderer};
use carillon_twilio::{CallFailure, From, Sms, Twilio};
use futures::future::join_all;

use crate::delivery::{Job, Results, settled};
use crate::frozen::LoadedContent;

/// Sends texts.
#[derive(Debug)]
pub(crate) struct SmsCourier {
    twilio: Twilio,
    suppressions: Suppressions,
    trails: Trails,
    public_url: String,
    signer: Signer,
    clock: Clock,
}

impl SmsCourier {
    /// Opens what the courier needs; `function` is the name in which it suppresses numbers.
    pub(crate) fn from_setup(setup: &Setup, function: &'static str) -> Result<Self, SetupError> {
        Ok(Self {
            twilio: Twilio::from_setup(setup)?,
            suppressions: Suppressions::from_setup(setup)?,
            trails: Trails::from_setup(setup, function)?,
            public_url: setup.text("PUBLIC_URL")?,
            signer: Signer::new(&setup.secret("LINK_KEY")?),
            clock: setup.clock(),
        })
    }

    /// Sends the entries of a plan.
    pub(crate) async fn send(&self, job: &Job) -> Result<Results, Failure> {
        let frozen = Arc::clone(&job.frozen);
        let LoadedContent::Sms(renderer) = &frozen.content else { return Ok(Results::default()) };
        let recipients = job.entries.iter().filter_map(|index| Some((*index, job.plan.recipients.get(*index)?)));
        let answers = join_all(recipients.map(|(index, recipient)| self.text(job, renderer, (index, recipient)))).await;
        let throttled = answers.iter().any(|(_, throttled)| *throttled);
        Ok(Results { settled: answers.into_iter().map(|(settled, _)| settled).collect(), throttled })
    }

    /// Sends one text; tells its result, and whether Twilio throttles.
    async fn text(&self, job: &Job, renderer: &SmsRenderer, (index, recipient): (usize, &Recipient)) -> (Settled, bool) {
        let sms = match self.sms(job, renderer, (index, recipient)) {
            Ok(sms) => sms,
            Err(failed) => return (failed, false),
        };
        let answer = self.twilio.send(&sms).await;
        let throttled = matches!(answer, Err(CallFailure::Throttled));
        let settled = match answer {
            Ok(accepted) => Settled { index, outcome: Outcome::Accepted, reason: None, provider_id: Some(accepted.sid) },
            Err(CallFailure::OptedOut) => {
                self.suppress(job, recipient).await;
                settled(index, Outcome::Excluded, Some("opted_out"))
            }
            Err(CallFailure::InDoubt { .. }) => settled(index, Outcome::InDoubt, None),
            Err(CallFailure::Refused { code, retryable: false }) => settled(index, Outcome::Failed, Some(&code)),
            Err(CallFailure::Refused { .. } | CallFailure::Throttled) => settled(index, Outcome::Waiting, None),
        };
        (settled, throttled)
    }

    fn sms(&self, job: &Job, renderer: &SmsRenderer, (index, recipient): (usize, &Recipient)) -> Result<Sms, Settled> {
        let definition = &job.frozen.definition;
        let context = Context::of_values(&definition.variables, &recipient.values).with_organization(definition.organization_name.clone());
        let body = renderer.render(&context).map_err(|error| settled(index, Outcome::Failed, Some(error.code())))?;
        let entry = EntryRef {
            run: job.of.run,
            plan: job.plan.number,
            index: u8::try_from(index).unwrap_or(u8::MAX),
            attempt: job.claim.state.attempt,
        };
        let status_callback = callback_url(&self.public_url, &self.signer, (job.of.organization, &entry));
        let from = if definition.from.starts_with("MG") {
            From::MessagingService(definition.from.clone())
        } else {
            From::Number(definition.from.clone())
        };
        Ok(Sms { to: recipient.address.clone(), from, body, status_callback })
    }

    /// Notes that the recipient opted out at Twilio. The text was not sent anyway: that a note is lost is mended by the next refusal.
    async fn suppress(&self, job: &Job, recipient: &Recipient) {
        let Ok(address) = Address::parse(Channel::Sms, &recipient.address) else { return };
        let moment = self.clock.now();
        let trail = self.trails.of(job.of.organization, format!("{}:{}", job.of.run, job.plan.number), moment);
        let suppression = Suppression::new(SuppressionReason::Stop, moment).with_detail("the provider says that the recipient opted out");
        let _noted = self.suppressions.by(&Arc::new(trail)).suppress(job.of.organization, &address, suppression).await;
    }
}
