//! Queue: does what a text asks for: STOP suppresses the number, START lifts that again, HELP is answered.
//!
//! Safe to run twice: suppressing and lifting are, and an answer to HELP is sent at the first receive only.

use std::sync::Arc;

use carillon_contacts::suppressions::LIFTED_BY_START;
use carillon_contacts::{Address, Suppression, SuppressionReason, Suppressions};
use carillon_contracts::Channel;
use carillon_contracts::message::InboundSmsReceived;
use carillon_dynamo::Trails;
use carillon_feedback::Keyword;
use carillon_harness::{Delivery, Failure, Kind, QueueFunction, Setup, SetupError};
use carillon_sending::{Sender, Senders};
use carillon_twilio::{CallFailure, From, Sms, Twilio};

/// The function.
pub struct FeedbackHandleInboundSms {
    senders: Senders,
    suppressions: Suppressions,
    trails: Trails,
    twilio: Twilio,
}

impl QueueFunction for FeedbackHandleInboundSms {
    const NAME: &'static str = "feedback-handle-inbound-sms";
    type Message = InboundSmsReceived;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            senders: Senders::from_setup(setup)?,
            suppressions: Suppressions::from_setup(setup)?,
            trails: Trails::from_setup(setup, Self::NAME)?,
            twilio: Twilio::from_setup(setup)?,
        })
    }

    async fn handle(&self, message: InboundSmsReceived, delivery: Delivery) -> Result<(), Failure> {
        let Some(keyword) = Keyword::read(&message.body, message.opt_out_type.as_deref()) else { return Ok(()) };
        let sender = self.senders.find_by_number(&message.to).await?.ok_or_else(unknown_number)?;
        let address = Address::parse(Channel::Sms, &message.from).map_err(|_| unknown_number())?;
        let trail = self.trails.of(sender.organization, &message.sid, delivery.moment).actor("recipient");
        let suppressions = self.suppressions.by(&Arc::new(trail));
        match keyword {
            Keyword::Stop => {
                let suppression = Suppression::new(SuppressionReason::Stop, delivery.moment).with_detail("answered STOP");
                suppressions.suppress(sender.organization, &address, suppression).await?;
            }
            Keyword::Start => {
                suppressions.lift(sender.organization, &address, LIFTED_BY_START, delivery.moment).await?;
            }
            Keyword::Help => self.help(&message, &sender, delivery.receives).await?,
        }
        Ok(())
    }
}

impl FeedbackHandleInboundSms {
    /// Answers HELP, unless Twilio did (it then says what it read) or it may have been answered before.
    async fn help(&self, message: &InboundSmsReceived, sender: &Sender, receives: u32) -> Result<(), Failure> {
        let Some(text) = sender.help_text.clone().filter(|_| message.opt_out_type.is_none() && receives == 1) else { return Ok(()) };
        let from = From::Number(sender.address.clone());
        let answer = Sms { to: message.from.clone(), from, body: text, status_callback: String::new() };
        match self.twilio.send(&answer).await {
            // Whoever needs help asks again; nobody gets the same answer twice.
            Ok(_) | Err(CallFailure::InDoubt { .. } | CallFailure::OptedOut | CallFailure::Throttled) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }
}

/// Nobody's number, or nobody's sender: a person must look at it, because it may be a STOP.
fn unknown_number() -> Failure {
    Failure::new(Kind::Absent, "feedback.unknown_number", "no sender has the number that was written to")
}
