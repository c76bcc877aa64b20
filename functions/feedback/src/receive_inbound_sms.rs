//! POST /webhooks/twilio/inbound: takes a text that somebody wrote to one of our numbers, and queues it.

use carillon_contracts::message::InboundSmsReceived;
use carillon_harness::{Failure, PublicFunction, RawRequest, Reply, Setup, SetupError};
use carillon_queue::Queue;
use serde::Deserialize;

use crate::webhook::TwilioWebhook;

/// The answer that lets Twilio say nothing (<https://www.twilio.com/docs/messaging/twiml>).
const SAY_NOTHING: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response></Response>"#;

/// The function.
pub struct FeedbackReceiveInboundSms {
    webhook: TwilioWebhook,
    inbound: Queue<InboundSmsReceived>,
}

/// What is read of the form (<https://www.twilio.com/docs/messaging/guides/webhook-request>).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InboundForm {
    message_sid: String,
    from: String,
    to: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    opt_out_type: Option<String>,
}

impl PublicFunction for FeedbackReceiveInboundSms {
    const NAME: &'static str = "feedback-receive-inbound-sms";
    const REASON: &'static str = "Twilio calls it: the request is signed by Twilio";

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { webhook: TwilioWebhook::from_setup(setup)?, inbound: Queue::from_setup(setup)? })
    }

    async fn handle(&self, request: RawRequest) -> Result<Reply, Failure> {
        let InboundForm { message_sid: sid, from, to, body, opt_out_type } = self.webhook.form(&request)?;
        self.inbound.send(&InboundSmsReceived { sid, from, to, body, opt_out_type }).await?;
        Ok(Reply::text(200, "text/xml", SAY_NOTHING))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use carillon_harness::Kind;

    use super::*;
    use crate::webhook::tests::{queue, signed};

    const FORM: [(&str, &str); 5] =
        [("MessageSid", "SM1"), ("From", "+15558675310"), ("To", "+15557122661"), ("Body", "Stop & go"), ("OptOutType", "STOP")];

    #[tokio::test]
    async fn a_text_is_queued_and_nothing_is_said() {
        let (setup, taken) = queue().await;
        let function = FeedbackReceiveInboundSms::build(&setup).unwrap();

        let reply = function.handle(signed("/webhooks/twilio/inbound", &FORM)).await.unwrap();

        assert_eq!((reply.status, reply.body.as_str()), (200, SAY_NOTHING));
        let message: InboundSmsReceived = serde_json::from_value(taken.lock().unwrap()[0].clone()).unwrap();
        assert_eq!((message.from.as_str(), message.body.as_str()), ("+15558675310", "Stop & go"));
        assert_eq!(message.opt_out_type.as_deref(), Some("STOP"));
    }

    #[tokio::test]
    async fn a_request_to_another_address_than_was_signed_is_refused() {
        let (setup, taken) = queue().await;
        let function = FeedbackReceiveInboundSms::build(&setup).unwrap();
        let mut replayed = signed("/webhooks/twilio/other", &FORM);
        replayed.raw_path = "/webhooks/twilio/inbound".to_owned();

        let failure = function.handle(replayed).await.unwrap_err();

        assert_eq!(failure.kind, Kind::Forbidden);
        assert!(taken.lock().unwrap().is_empty());
    }
}
