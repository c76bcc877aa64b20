//! SES's events as JSON (developer guide, "Examples of event data that Amazon SES publishes to Amazon SNS" and "… to Firehose").

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{
    check::address,
    event_body::{
        Body, Bounce, BouncedRecipient, ComplainedRecipient, Complaint, DelayedRecipient, Delivery, DeliveryDelay, Empty, Failure,
        LOCAL_IP, Mail, Reading, Reject,
    },
};
use crate::{config::SesConfig, dice::hash, faults::Reader, record::Email};

const PERSON_AGENT: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 10_3_3 like Mac OS X) AppleWebKit/603.3.8 (KHTML, like Gecko) Mobile/14G60";
const SCANNER_AGENT: &str = "Mozilla/5.0 (compatible; MailLinkScannerBot/1.0)";

/// An event of a mail.
pub(crate) struct SesEvent {
    pub(crate) email: Arc<Email>,
    pub(crate) kind: EventKind,
    /// The recipient's place among all of the mail's recipients.
    pub(crate) recipient: usize,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// SES accepted it.
    Send,
    /// The recipient's server took it.
    Delivery,
    /// It was opened.
    Open(Reader),
    /// A link was clicked.
    Click(Reader, String),
    /// It bounced permanently.
    Bounce,
    /// It bounced after attempts.
    SoftBounce,
    /// SES knew that it would bounce.
    SuppressedBounce,
    /// The recipient complained.
    Complaint,
    /// SES refused it after acceptance.
    Reject,
    /// A value was missing.
    RenderingFailure(String),
    /// It takes longer.
    DeliveryDelay,
}

impl EventKind {
    /// Exceptions go to SNS, all others to the Firehose.
    pub(crate) fn is_exception(&self) -> bool {
        !matches!(self, Self::Send | Self::Delivery | Self::Open(_) | Self::Click(..))
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Send => "Send",
            Self::Delivery => "Delivery",
            Self::Open(_) => "Open",
            Self::Click(..) => "Click",
            Self::Bounce | Self::SoftBounce | Self::SuppressedBounce => "Bounce",
            Self::Complaint => "Complaint",
            Self::Reject => "Reject",
            Self::RenderingFailure(_) => "Rendering Failure",
            Self::DeliveryDelay => "DeliveryDelay",
        }
    }
}

/// Appends an event's JSON.
pub(crate) fn write_event(event: &SesEvent, account: &SesConfig, now: Timestamp, out: &mut Vec<u8>) {
    let recipient = event.email.recipients().nth(event.recipient).map_or("", |mailbox| address(mailbox));
    let context = Context { event, recipient, at: format!("{now:.3}"), now };
    let mut body = Body { event_type: event.kind.name(), mail: Mail::new(&event.email, account), ..Body::default() };
    context.fill(&mut body);
    if let Err(error) = serde_json::to_writer(out, &body) {
        tracing::error!(error = %error, "an event could not be written as JSON");
    }
}

/// Wraps an event as SNS delivers it to a queue. The signature is none: queues trust the topic by their policy.
pub(crate) fn sns_envelope(message: &[u8], account: &SesConfig, now: Timestamp) -> String {
    let id = |salt: &[u8]| hash(&[salt, message]);
    let (high, low) = (id(b"high"), id(b"low"));
    let region = &account.region;
    let envelope = Envelope {
        kind: "Notification",
        message_id: format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        ),
        topic_arn: &account.topic_arn,
        subject: "Amazon SES Email Event Notification",
        message: String::from_utf8_lossy(message).into_owned(),
        timestamp: format!("{now:.3}"),
        signature_version: "1",
        signature: "EXAMPLE",
        signing_cert_url: format!("https://sns.{region}.amazonaws.com/SimpleNotificationService-EXAMPLE.pem"),
        unsubscribe_url: format!("https://sns.{region}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={}:EXAMPLE", account.topic_arn),
    };
    serde_json::to_string(&envelope).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a> {
    #[serde(rename = "Type")]
    kind: &'static str,
    message_id: String,
    topic_arn: &'a str,
    subject: &'static str,
    message: String,
    timestamp: String,
    signature_version: &'static str,
    signature: &'static str,
    #[serde(rename = "SigningCertURL")]
    signing_cert_url: String,
    #[serde(rename = "UnsubscribeURL")]
    unsubscribe_url: String,
}

struct Context<'a> {
    event: &'a SesEvent,
    recipient: &'a str,
    at: String,
    now: Timestamp,
}

impl<'a> Context<'a> {
    fn fill(&self, body: &mut Body<'a>) {
        match &self.event.kind {
            EventKind::Send => body.send = Some(Empty {}),
            EventKind::Delivery => body.delivery = Some(self.delivery()),
            EventKind::Open(reader) => body.open = Some(self.reading(*reader, None)),
            EventKind::Click(reader, link) => body.click = Some(self.reading(*reader, Some(link))),
            EventKind::Bounce => {
                body.bounce = Some(self.bounce(["Permanent", "General", "5.1.1", "smtp; 550 5.1.1 user unknown"]));
            }
            EventKind::SoftBounce => {
                let reason = "smtp; 452 4.2.2 The recipient's mailbox is over quota";
                body.bounce = Some(self.bounce(["Transient", "MailboxFull", "4.2.2", reason]));
            }
            EventKind::SuppressedBounce => {
                let reason = "Amazon SES has suppressed sending to this address because it has a recent history of \
                              bouncing as an invalid address.";
                body.bounce = Some(self.bounce(["Permanent", "Suppressed", "5.1.1", reason]));
            }
            EventKind::Complaint => body.complaint = Some(self.complaint()),
            EventKind::Reject => body.reject = Some(Reject { reason: "Bad content" }),
            EventKind::RenderingFailure(reason) => {
                body.failure = Some(Failure { error_message: reason, template_name: "inline" });
            }
            EventKind::DeliveryDelay => body.delivery_delay = Some(self.delivery_delay()),
        }
    }

    fn delivery(&self) -> Delivery<'a> {
        Delivery {
            timestamp: self.at.clone(),
            processing_time_millis: self.now.duration_since(self.event.email.accepted_at).as_millis().max(0),
            recipients: [self.recipient],
            smtp_response: "250 2.6.0 Message received",
            reporting_mta: "mta.example.com",
        }
    }

    fn reading(&self, reader: Reader, link: Option<&'a String>) -> Reading<'a> {
        let user_agent = match reader {
            Reader::Person => PERSON_AGENT,
            Reader::Scanner => SCANNER_AGENT,
        };
        Reading { ip_address: LOCAL_IP, timestamp: self.at.clone(), user_agent, link: link.map(String::as_str) }
    }

    fn bounce(&self, [kind, sub_kind, status, diagnostic]: [&'static str; 4]) -> Bounce<'a> {
        Bounce {
            bounce_type: kind,
            bounce_sub_type: sub_kind,
            bounced_recipients: [BouncedRecipient { email_address: self.recipient, action: "failed", status, diagnostic_code: diagnostic }],
            timestamp: self.at.clone(),
            feedback_id: self.feedback_id(),
            reporting_mta: "dsn; mta.example.com",
        }
    }

    fn complaint(&self) -> Complaint<'a> {
        Complaint {
            complained_recipients: [ComplainedRecipient { email_address: self.recipient }],
            timestamp: self.at.clone(),
            feedback_id: self.feedback_id(),
            user_agent: "ExampleCorp Feedback Loop (V0.01)",
            complaint_feedback_type: "abuse",
            arrival_date: self.at.clone(),
        }
    }

    fn delivery_delay(&self) -> DeliveryDelay<'a> {
        let expiration = self.now.checked_add(SignedDuration::from_hours(14)).unwrap_or(self.now);
        DeliveryDelay {
            timestamp: self.at.clone(),
            delay_type: "TransientCommunicationFailure",
            expiration_time: format!("{expiration:.3}"),
            delayed_recipients: [DelayedRecipient {
                email_address: self.recipient,
                status: "4.4.1",
                diagnostic_code: "smtp; 421 4.4.1 Unable to connect to remote host",
            }],
        }
    }

    /// The same for a duplicate of the event.
    fn feedback_id(&self) -> String {
        let name = self.event.kind.name().as_bytes();
        let bits = hash(&[self.event.email.message_id.as_bytes(), name, self.recipient.as_bytes()]);
        format!("0100{:012x}-{bits:016x}-000000", self.event.email.accepted_at.as_millisecond())
    }
}
