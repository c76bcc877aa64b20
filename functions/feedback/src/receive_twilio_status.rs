//! POST /webhooks/twilio/status/{token}: takes Twilio's report on one text, and queues it when it tells something.

use carillon_contracts::message::TwilioStatusReceived;
use carillon_feedback::twilio;
use carillon_harness::{Failure, PublicFunction, RawRequest, Reply, Setup, SetupError};
use carillon_kernel::Signer;
use carillon_queue::Queue;
use serde::Deserialize;

use crate::webhook::TwilioWebhook;

/// The function.
pub struct FeedbackReceiveTwilioStatus {
    webhook: TwilioWebhook,
    signer: Signer,
    statuses: Queue<TwilioStatusReceived>,
}

/// What is read of the form
/// (<https://www.twilio.com/docs/messaging/guides/track-outbound-message-status>).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StatusForm {
    message_sid: String,
    message_status: String,
    #[serde(default)]
    error_code: Option<String>,
}

impl PublicFunction for FeedbackReceiveTwilioStatus {
    const NAME: &'static str = "feedback-receive-twilio-status";
    const REASON: &'static str = "Twilio calls it: the request is signed by Twilio, and its address by us";

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            webhook: TwilioWebhook::from_setup(setup)?,
            signer: Signer::new(&setup.secret("LINK_KEY")?),
            statuses: Queue::from_setup(setup)?,
        })
    }

    async fn handle(&self, request: RawRequest) -> Result<Reply, Failure> {
        let form: StatusForm = self.webhook.form(&request)?;
        let token = request.path.get("token").map(String::as_str).unwrap_or_default();
        let (organization, entry) = twilio::read_token(&self.signer, token)?;
        if twilio::fact(&form.message_status).is_some() {
            let StatusForm { message_sid: sid, message_status: status, error_code } = form;
            let error_code = error_code.and_then(|code| code.parse().ok());
            self.statuses.send(&TwilioStatusReceived { entry, organization, sid, status, error_code }).await?;
        }
        Ok(Reply::no_content())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use carillon_contracts::{CampaignId, EntryRef, OrganizationId, Run};
    use carillon_harness::Kind;
    use carillon_kernel::Secret;

    use super::*;
    use crate::webhook::tests::{queue, signed};

    fn target() -> String {
        let entry = EntryRef { run: Run::Campaign(CampaignId::from_bytes([2; 16])), plan: 3, index: 4, attempt: 1 };
        twilio::callback_url("", &Signer::new(&Secret::new("link key")), (OrganizationId::from_bytes([1; 16]), &entry))
    }

    fn form(status: &'static str) -> [(&'static str, &'static str); 4] {
        [("MessageSid", "SM1"), ("MessageStatus", status), ("ErrorCode", "30003"), ("To", "+15558675310")]
    }

    #[tokio::test]
    async fn a_status_at_an_end_is_queued_with_the_attempt_of_its_address() {
        let (setup, taken) = queue().await;
        let function = FeedbackReceiveTwilioStatus::build(&setup).unwrap();

        let reply = function.handle(signed(&target(), &form("undelivered"))).await.unwrap();

        assert_eq!(reply.status, 204);
        let taken = taken.lock().unwrap();
        let message: TwilioStatusReceived = serde_json::from_value(taken[0].clone()).unwrap();
        assert_eq!((message.entry.plan, message.entry.index, message.entry.attempt), (3, 4, 1));
        assert_eq!((message.sid.as_str(), message.status.as_str(), message.error_code), ("SM1", "undelivered", Some(30_003)));
    }

    #[tokio::test]
    async fn a_status_on_the_way_is_taken_and_not_queued() {
        let (setup, taken) = queue().await;
        let function = FeedbackReceiveTwilioStatus::build(&setup).unwrap();

        let reply = function.handle(signed(&target(), &form("queued"))).await.unwrap();

        assert_eq!(reply.status, 204);
        assert!(taken.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_request_that_twilio_did_not_sign_is_refused() {
        let (setup, taken) = queue().await;
        let function = FeedbackReceiveTwilioStatus::build(&setup).unwrap();
        let mut forged = signed(&target(), &form("delivered"));
        forged.body = b"MessageSid=SM1&MessageStatus=failed".to_vec();

        let failure = function.handle(forged).await.unwrap_err();

        assert_eq!((failure.kind, failure.code), (Kind::Forbidden, "webhooks.signature"));
        assert!(taken.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn an_address_that_we_did_not_make_is_absent() {
        let (setup, taken) = queue().await;
        let function = FeedbackReceiveTwilioStatus::build(&setup).unwrap();

        let failure = function.handle(signed("/webhooks/twilio/status/guessed", &form("delivered"))).await.unwrap_err();

        assert_eq!(failure.kind, Kind::Absent);
        assert!(taken.lock().unwrap().is_empty());
    }
}
