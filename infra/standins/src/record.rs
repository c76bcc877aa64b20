//! What is kept of each message, in memory, on disk and in `/_outbox.json`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// By SES.
    Email,
    /// By Twilio.
    Sms,
}

/// A message of either channel.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "channel", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "read one page at a time, never held in numbers")]
pub enum Message {
    /// By SES.
    Email(Email),
    /// By Twilio.
    Sms(Sms),
}

/// A header of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A tag of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A mail that SES accepted. With less than [`crate::Keep::Full`] its content is empty.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Email {
    /// Place in the order of acceptance, over both channels.
    pub sequence: u64,
    /// The id that SES answered.
    pub message_id: String,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Sender, as it was given: an address, or a name and an address.
    pub from: String,
    /// Recipients.
    pub to: Vec<String>,
    /// Recipients of a copy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<String>,
    /// Recipients of a hidden copy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bcc: Vec<String>,
    /// Addresses for answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reply_to: Vec<String>,
    /// Rendered subject.
    pub subject: String,
    /// Rendered HTML part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// Rendered plain-text part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Headers beside those that SES makes.
    pub headers: Vec<Header>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Configuration set.
    pub configuration_set: Option<String>,
    /// Why it could not be rendered; SES reports that afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendering_failure: Option<String>,
}

impl Email {
    /// The value of a tag.
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.tags.iter().find(|tag| tag.name == name).map(|tag| tag.value.as_str())
    }

    /// What makes it this mail and no other, the same in every run: its recipients and tags.
    pub(crate) fn identity(&self) -> String {
        let tags = self.tags.iter().map(|tag| tag.value.as_str()).collect::<Vec<_>>();
        format!("{:?} {tags:?}", self.to)
    }

    /// Everybody it goes to.
    pub(crate) fn recipients(&self) -> impl Iterator<Item = &String> {
        self.to.iter().chain(&self.cc).chain(&self.bcc)
    }
}

/// A message that Twilio accepted, or one that somebody sent to a number of the account.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Sms {
    /// Place in the order of acceptance, over both channels.
    pub sequence: u64,
    /// `SM` and 32 hexadecimal digits.
    pub sid: String,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// `outbound-api` or `inbound`.
    pub direction: String,
    /// Sender's number; the service's number for a messaging service.
    pub from: String,
    /// Recipient's number.
    pub to: String,
    /// Text.
    pub body: String,
    /// Segments that the text needs.
    pub segments: u32,
    /// Messaging service, if one was named.
    pub messaging_service_sid: Option<String>,
    /// Where statuses are posted.
    pub status_callback: Option<String>,
    /// Campaign, from the query of the status callback.
    pub campaign: Option<String>,
    /// Twilio's status.
    pub status: String,
    /// Twilio's error code.
    pub error_code: Option<u32>,
}

impl Sms {
    /// What makes it this message and no other, the same in every run.
    pub(crate) fn identity(&self) -> String {
        format!("{} {} {}", self.to, self.body, self.status_callback.as_deref().unwrap_or_default())
    }
}

/// One line of the file of what was sent.
#[derive(Debug, Serialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub(crate) enum Line<'a> {
    /// An accepted mail.
    Email(&'a Email),
    /// An accepted SMS, or an inbound one.
    Sms(&'a Sms),
    /// A change of an SMS's status.
    SmsStatus(&'a SmsStatus),
    /// A message of which only a fingerprint is kept.
    Counted(&'a Counted),
}

/// The status of an SMS.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SmsStatus {
    pub(crate) sid: String,
    pub(crate) status: String,
    pub(crate) error_code: Option<u32>,
}

/// A message of which only a fingerprint is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Counted {
    pub(crate) sequence: u64,
    #[serde(rename = "counted_channel")]
    pub(crate) channel: Channel,
    pub(crate) campaign: Option<String>,
    pub(crate) fingerprint: u64,
}

/// The parts of a line that the index needs; everything else is skipped unread.
#[derive(Debug, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub(crate) enum Head {
    /// See [`Line::Email`].
    Email(EmailHead),
    /// See [`Line::Sms`].
    Sms(SmsHead),
    /// See [`Line::SmsStatus`].
    SmsStatus(SmsStatus),
    /// See [`Line::Counted`].
    Counted(Counted),
}

#[derive(Debug, Deserialize)]
pub(crate) struct EmailHead {
    pub(crate) sequence: u64,
    pub(crate) message_id: String,
    pub(crate) to: Vec<String>,
    pub(crate) tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SmsHead {
    pub(crate) sequence: u64,
    pub(crate) sid: String,
    pub(crate) direction: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) body: String,
    pub(crate) campaign: Option<String>,
}
