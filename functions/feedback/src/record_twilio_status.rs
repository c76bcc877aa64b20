//! Queue: records what Twilio reports of texts, all facts of an invocation together.
//!
//! Safe to run twice: facts are sets.

use carillon_contracts::message::TwilioStatusReceived;
use carillon_feedback::twilio;
use carillon_harness::{BatchFunction, Delivery, Failure, Setup, SetupError};

use crate::recorder::{Fact, Recorder};

/// The function.
pub struct FeedbackRecordTwilioStatus {
    recorder: Recorder,
}

impl BatchFunction for FeedbackRecordTwilioStatus {
    const NAME: &'static str = "feedback-record-twilio-status";
    type Message = TwilioStatusReceived;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { recorder: Recorder::from_setup(setup)? })
    }

    async fn handle_all(&self, messages: Vec<TwilioStatusReceived>, delivery: Delivery) -> Vec<Result<(), Failure>> {
        let facts: Vec<Fact> = messages.iter().filter_map(fact).collect();
        let recorded = self.recorder.record(&facts, delivery.moment).await;
        messages.iter().map(|_| recorded.as_ref().map_err(Failure::share).copied()).collect()
    }
}

fn fact(message: &TwilioStatusReceived) -> Option<Fact> {
    twilio::fact(&message.status).map(|kind| (message.organization, message.entry, kind))
}
