//! Queue: takes bounces, complaints, rejects, rendering failures and delays of SES, suppresses addresses, and records the facts.
//!
//! Safe to run twice: an address that is suppressed stays so, and facts are sets.

use std::sync::Arc;

use carillon_contacts::{Address, Suppression, SuppressionReason, Suppressions};
use carillon_contracts::{Channel, EntryRef, OrganizationId};
use carillon_dynamo::Trails;
use carillon_feedback::{SnsNotification, Suppress, SuppressionCause, ses};
use carillon_harness::{BatchFunction, Delivery, Failure, Setup, SetupError};
use futures::future::join_all;
use jiff::Timestamp;

use crate::recorder::{Fact, Recorder};

/// The function.
pub struct FeedbackReceiveSesExceptions {
    topic_arn: String,
    suppressions: Suppressions,
    trails: Trails,
    recorder: Recorder,
}

impl BatchFunction for FeedbackReceiveSesExceptions {
    const NAME: &'static str = "feedback-receive-ses-exceptions";
    type Message = SnsNotification;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            topic_arn: setup.text("SES_TOPIC_ARN")?,
            suppressions: Suppressions::from_setup(setup)?,
            trails: Trails::from_setup(setup, Self::NAME)?,
            recorder: Recorder::from_setup(setup)?,
        })
    }

    async fn handle_all(&self, messages: Vec<SnsNotification>, delivery: Delivery) -> Vec<Result<(), Failure>> {
        let read = join_all(messages.iter().map(|message| self.suppress_what(message, delivery.moment))).await;
        let facts: Vec<Fact> = read.iter().flatten().flatten().copied().collect();
        let recorded = self.recorder.record(&facts, delivery.moment).await;
        let result = |event: Option<Fact>| match (&recorded, event) {
            (Err(failure), Some(_)) => Err(failure.share()),
            _ => Ok(()),
        };
        read.into_iter().map(|event| event.and_then(result)).collect()
    }
}

impl FeedbackReceiveSesExceptions {
    /// Reads an event and suppresses the addresses that it ends; gives the fact, unless the mail is not ours.
    async fn suppress_what(&self, message: &SnsNotification, moment: Timestamp) -> Result<Option<Fact>, Failure> {
        let Some(event) = ses::parse(message.open(&self.topic_arn)?)? else { return Ok(None) };
        if let Some(suppress) = &event.suppress {
            self.suppress((event.organization, event.entry), suppress, moment).await?;
        }
        Ok(Some((event.organization, event.entry, event.kind)))
    }

    /// Suppresses from now on, not from the event's moment: plans that were written in between look for exclusions newer than they are.
    async fn suppress(
        &self,
        (organization, entry): (OrganizationId, EntryRef),
        suppress: &Suppress,
        moment: Timestamp,
    ) -> Result<(), Failure> {
        let EntryRef { run, plan, index, attempt } = entry;
        let trail = self.trails.of(organization, format!("{run}:{plan}:{index}:{attempt}"), moment);
        let suppressions = self.suppressions.by(&Arc::new(trail));
        let reason = match suppress.cause {
            SuppressionCause::HardBounce => SuppressionReason::HardBounce,
            SuppressionCause::Complaint => SuppressionReason::Complaint,
        };
        // An address that we could not have written to needs no suppression.
        let addresses = suppress.addresses.iter().filter_map(|address| Address::parse(Channel::Email, address).ok());
        for address in addresses {
            let suppression = Suppression::new(reason, moment).with_detail(suppress.detail.clone());
            suppressions.suppress(organization, &address, suppression).await?;
        }
        Ok(())
    }
}
