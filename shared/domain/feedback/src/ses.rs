//! Events of SES, as event publishing writes them
//! (<https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>).
//!
//! | event | fact | suppresses |
//! | --- | --- | --- |
//! | Send | sent | |
//! | Delivery | delivered | |
//! | DeliveryDelay | delayed | |
//! | Bounce, Permanent (`Suppressed` and `OnAccountSuppressionList` too: SES knows the address from earlier) | bounced hard | yes |
//! | Bounce, Transient or Undetermined | bounced soft | no: the address may take the next one |
//! | Complaint | complained | yes |
//! | Complaint of the type `not-spam`: the report takes a mail's bad mark back | none | no |
//! | Reject | rejected | no: it is the content |
//! | Rendering Failure | rendering failed | no: it is the content |
//! | Open, Click | opened, clicked, by whom [`crate::reading`] says | |
//! | Subscription | none | |

use std::borrow::Cow;

use carillon_contracts::FactKind;
use jiff::Timestamp;
use serde::Deserialize;

use crate::reading::{self, Reader, Reading};
use crate::tags::EventTags;
use crate::{FeedbackError, ProviderEvent, Suppress, SuppressionCause};

/// Reads one event; nothing when it speaks of a mail that is not ours, or has no meaning for us.
///
/// # Errors
/// [`FeedbackError::Unreadable`] when it has not the documented form.
pub fn parse(text: &str) -> Result<Option<ProviderEvent>, FeedbackError> {
    let event: Event<'_> = serde_json::from_str(text).map_err(|error| FeedbackError::unreadable(&error))?;
    let Some((organization, entry)) = event.mail.tags.read() else { return Ok(None) };
    let Some((kind, at)) = event.fact() else { return Ok(None) };
    Ok(Some(ProviderEvent { organization, entry, kind, at, suppress: event.suppress() }))
}

/// Reads when the mail that an event speaks of was sent, whoever sent it.
#[must_use]
pub fn sent_at(text: &str) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct OfMail {
        mail: Moment,
    }
    serde_json::from_str::<OfMail>(text).ok().map(|event| event.mail.timestamp)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(borrow, default)]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    mail: Mail<'a>,
    #[serde(borrow)]
    bounce: Option<Bounce<'a>>,
    #[serde(borrow)]
    complaint: Option<Complaint<'a>>,
    delivery: Option<Moment>,
    delivery_delay: Option<Moment>,
    #[serde(borrow)]
    open: Option<ReadingEvent<'a>>,
    #[serde(borrow)]
    click: Option<ReadingEvent<'a>>,
}

#[derive(Deserialize)]
struct Mail<'a> {
    timestamp: Timestamp,
    #[serde(borrow, default)]
    tags: EventTags<'a>,
}

#[derive(Deserialize)]
struct Moment {
    timestamp: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce<'a> {
    #[serde(borrow)]
    bounce_type: Cow<'a, str>,
    #[serde(borrow, default)]
    bounce_sub_type: Cow<'a, str>,
    #[serde(borrow, default)]
    bounced_recipients: Vec<Recipient<'a>>,
    timestamp: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint<'a> {
    #[serde(borrow, default)]
    complained_recipients: Vec<Recipient<'a>>,
    timestamp: Timestamp,
    #[serde(borrow)]
    complaint_feedback_type: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient<'a> {
    #[serde(borrow)]
    email_address: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadingEvent<'a> {
    timestamp: Timestamp,
    #[serde(borrow, default)]
    user_agent: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    ip_address: Option<Cow<'a, str>>,
}

impl Event<'_> {
    fn fact(&self) -> Option<(FactKind, Timestamp)> {
        match &*self.event_type {
            "Send" => Some((FactKind::Sent, self.mail.timestamp)),
            "Reject" => Some((FactKind::Rejected, self.mail.timestamp)),
            "Rendering Failure" => Some((FactKind::RenderingFailed, self.mail.timestamp)),
            "Delivery" => self.delivery.as_ref().map(|delivery| (FactKind::Delivered, delivery.timestamp)),
            "DeliveryDelay" => self.delivery_delay.as_ref().map(|delay| (FactKind::Delayed, delay.timestamp)),
            "Bounce" => self.bounce.as_ref().map(|bounce| (bounce.kind(), bounce.timestamp)),
            "Complaint" => self.complaint.as_ref().filter(|it| !it.is_taken_back()).map(|it| (FactKind::Complained, it.timestamp)),
            "Open" => self.open.as_ref().map(|open| match reading::opened_by(&self.reading(open)) {
                Reader::Person => (FactKind::Opened, open.timestamp),
                Reader::Machine => (FactKind::OpenedByMachine, open.timestamp),
            }),
            "Click" => self.click.as_ref().map(|click| match reading::clicked_by(&self.reading(click)) {
                Reader::Person => (FactKind::Clicked, click.timestamp),
                Reader::Machine => (FactKind::ClickedByMachine, click.timestamp),
            }),
            _ => None,
        }
    }

    fn reading<'b>(&self, event: &'b ReadingEvent<'_>) -> Reading<'b> {
        Reading {
            sent_at: self.mail.timestamp,
            at: event.timestamp,
            user_agent: event.user_agent.as_deref().unwrap_or_default(),
            ip: event.ip_address.as_deref().unwrap_or_default(),
        }
    }

    fn suppress(&self) -> Option<Suppress> {
        match (&self.bounce, &self.complaint) {
            (Some(bounce), _) if bounce.kind() == FactKind::BouncedHard => Some(Suppress {
                addresses: addresses(&bounce.bounced_recipients),
                cause: SuppressionCause::HardBounce,
                detail: format!("{}/{}", bounce.bounce_type, bounce.bounce_sub_type),
            }),
            (_, Some(complaint)) if !complaint.is_taken_back() => Some(Suppress {
                addresses: addresses(&complaint.complained_recipients),
                cause: SuppressionCause::Complaint,
                detail: complaint.complaint_feedback_type.as_deref().unwrap_or("unknown").to_owned(),
            }),
            _ => None,
        }
    }
}

impl Bounce<'_> {
    fn kind(&self) -> FactKind {
        if self.bounce_type == "Permanent" { FactKind::BouncedHard } else { FactKind::BouncedSoft }
    }
}

impl Complaint<'_> {
    fn is_taken_back(&self) -> bool {
        self.complaint_feedback_type.as_deref() == Some("not-spam")
    }
}

fn addresses(recipients: &[Recipient<'_>]) -> Vec<String> {
    recipients.iter().map(|recipient| recipient.email_address.clone().into_owned()).collect()
}

#[cfg(test)]
pub(crate) mod tests;
