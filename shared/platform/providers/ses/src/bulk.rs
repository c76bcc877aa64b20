//! A bulk mail: one content with slots, and up to 50 entries with the data that fills them.

use aws_sdk_sesv2::types::{
    BulkEmailContent, BulkEmailEntry, Destination, EmailTemplateContent, MessageHeader, MessageTag, ReplacementEmailContent,
    ReplacementTemplate, Template,
};
use aws_smithy_types::error::operation::BuildError;

/// The most entries of one call
/// (<https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendBulkEmail.html>).
pub const MAXIMUM_ENTRIES: usize = 50;

/// One content for many recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkEmail {
    /// The sender: an address, or a name and an address in angle brackets.
    pub from: String,
    /// Where answers go, when not to the sender.
    pub reply_to: Option<String>,
    /// The configuration set, which decides where events go; without one SES publishes none.
    pub configuration_set: Option<String>,
    /// The subject, with slots `{{{name}}}`.
    pub subject: String,
    /// The HTML part, with slots.
    pub html: Option<String>,
    /// The plain-text part, with slots.
    pub text: Option<String>,
    /// The data of slots that an entry's own data does not fill: a JSON object.
    pub default_data: String,
    /// Headers of every mail.
    pub headers: Vec<(String, String)>,
    /// Tags of every mail.
    ///
    /// SES does not document whether an entry's tags join these or replace them: what must be there goes into every entry.
    pub tags: Vec<(String, String)>,
    /// The recipients, 1 to [`MAXIMUM_ENTRIES`].
    pub entries: Vec<BulkEntry>,
}

/// One recipient of a bulk mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkEntry {
    /// The recipient's address.
    pub to: String,
    /// The recipient's data: a JSON object.
    pub data: String,
    /// Headers of this mail, in the place of those of the same name that every mail has; at most 15.
    pub headers: Vec<(String, String)>,
    /// Tags of this mail.
    pub tags: Vec<(String, String)>,
}

impl BulkEmail {
    /// Estimates the bytes of the request's JSON, never too few, without making it: for splitting a batch beforehand.
    #[must_use]
    pub fn estimate_size(&self) -> usize {
        let optional = [&self.reply_to, &self.configuration_set, &self.html, &self.text];
        let texts = [&self.from, &self.subject, &self.default_data].into_iter().chain(optional.into_iter().flatten());
        let content: usize = texts.map(|text| escaped(text)).sum();
        let entries: usize = self.entries.iter().map(BulkEntry::estimate_size).sum();
        400 + content + pairs(&self.headers) + pairs(&self.tags) + entries
    }
}

impl BulkEntry {
    /// Estimates the bytes that the entry adds to the request's JSON, never too few.
    #[must_use]
    pub fn estimate_size(&self) -> usize {
        200 + escaped(&self.to) + escaped(&self.data) + pairs(&self.headers) + pairs(&self.tags)
    }

    pub(crate) fn into_wire(self) -> Result<BulkEmailEntry, BuildError> {
        let template = ReplacementTemplate::builder().replacement_template_data(self.data).build();
        Ok(BulkEmailEntry::builder()
            .destination(Destination::builder().to_addresses(self.to).build())
            .replacement_email_content(ReplacementEmailContent::builder().replacement_template(template).build())
            .set_replacement_headers(headers(self.headers)?)
            .set_replacement_tags(tags(self.tags)?)
            .build())
    }
}

/// The content that all entries share.
pub(crate) struct Content {
    pub(crate) subject: String,
    pub(crate) html: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) default_data: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Content {
    pub(crate) fn into_wire(self) -> Result<BulkEmailContent, BuildError> {
        let content = EmailTemplateContent::builder().subject(self.subject).set_html(self.html).set_text(self.text).build();
        let template = Template::builder().template_content(content).template_data(self.default_data);
        Ok(BulkEmailContent::builder().template(template.set_headers(headers(self.headers)?).build()).build())
    }
}

pub(crate) fn tags(pairs: Vec<(String, String)>) -> Result<Option<Vec<MessageTag>>, BuildError> {
    let tags = pairs.into_iter().map(|(name, value)| MessageTag::builder().name(name).value(value).build());
    tags.collect::<Result<Vec<_>, _>>().map(some_unless_empty)
}

fn headers(pairs: Vec<(String, String)>) -> Result<Option<Vec<MessageHeader>>, BuildError> {
    let headers = pairs.into_iter().map(|(name, value)| MessageHeader::builder().name(name).value(value).build());
    headers.collect::<Result<Vec<_>, _>>().map(some_unless_empty)
}

fn some_unless_empty<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn pairs(pairs: &[(String, String)]) -> usize {
    pairs.iter().map(|(name, value)| 24 + escaped(name) + escaped(value)).sum()
}

/// The bytes of a text inside JSON: quotes and backslashes take two, control characters at most six.
fn escaped(text: &str) -> usize {
    let extra = |byte: u8| match byte {
        b'"' | b'\\' => 1,
        0..0x20 => 5,
        _ => 0,
    };
    text.len() + text.bytes().map(extra).sum::<usize>()
}
