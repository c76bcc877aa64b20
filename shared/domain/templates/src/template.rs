//! The template: named, versioned content of an organization.

use carillon_contracts::{Channel, OrganizationId, TemplateId};
use carillon_kernel::Problem;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::context::Context;
use crate::email::{EmailRenderer, RenderedEmail};
use crate::error::{ContentError, TemplateError};
use crate::limits::NAME_CHARACTERS;
use crate::segments::{Segmentation, segment};
use crate::sms::SmsRenderer;

/// A template of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// The id.
    pub id: TemplateId,
    /// The organization.
    pub organization: OrganizationId,
    /// The name that people know it by.
    pub name: String,
    /// The channel and what is written.
    #[serde(flatten)]
    pub content: Content,
    /// Grows by one with every change.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A template in a list, without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateSummary {
    /// The id.
    pub id: TemplateId,
    /// The name that people know it by.
    pub name: String,
    /// The channel.
    pub channel: Channel,
    /// Grows by one with every change.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A name and content that follow the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTemplate {
    pub(crate) name: String,
    pub(crate) content: Content,
}

/// Content as one recipient would get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "channel", rename_all = "snake_case")]
pub enum Preview {
    /// A mail.
    Email(RenderedEmail),
    /// A text message, and what it costs.
    Sms {
        /// The text.
        body: String,
        /// Its segments.
        #[serde(flatten)]
        segmentation: Segmentation,
    },
}

impl NewTemplate {
    /// The content.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// Takes a name and content that follow the rules.
    ///
    /// # Errors
    /// [`ContentError`] with everything that is wrong with them.
    pub fn new(name: String, content: Content) -> Result<Self, ContentError> {
        let problems = Template::problems(&name, &content);
        match problems.is_empty() {
            true => Ok(Self { name, content }),
            false => Err(ContentError(problems)),
        }
    }
}

impl Content {
    /// Renders the content for one recipient.
    ///
    /// # Errors
    /// [`TemplateError::Invalid`] when it does not follow the rules, [`TemplateError::Render`] when the recipient's data do not fit.
    pub fn preview(&self, context: &Context) -> Result<Preview, TemplateError> {
        Ok(match self {
            Self::Email(email) => Preview::Email(EmailRenderer::new(email.compile()?)?.render_full(context)?),
            Self::Sms(sms) => {
                let body = SmsRenderer::new(&sms.compile()?)?.render(context)?;
                Preview::Sms { segmentation: segment(&body), body }
            }
        })
    }
}

impl Template {
    /// Makes the first version of a template.
    #[must_use]
    pub fn new((organization, id): (OrganizationId, TemplateId), new: NewTemplate, moment: Timestamp) -> Self {
        let NewTemplate { name, content } = new;
        Self { id, organization, name, content, version: 1, created_at: moment, updated_at: moment }
    }

    /// Makes the next version.
    #[must_use]
    pub fn changed(self, new: NewTemplate, moment: Timestamp) -> Self {
        let NewTemplate { name, content } = new;
        Self { name, content, version: self.version + 1, updated_at: moment, ..self }
    }

    /// Finds everything that is wrong with a name and content.
    #[must_use]
    pub fn problems(name: &str, content: &Content) -> Vec<Problem> {
        let mut problems: Vec<Problem> = Self::name_problem(name).into_iter().collect();
        problems.extend(content.problems());
        problems
    }

    pub(crate) fn name_problem(name: &str) -> Option<Problem> {
        let is_wrong = name.trim().is_empty() || name.chars().count() > NAME_CHARACTERS;
        is_wrong.then(|| Problem::new("/name", "templates.name", format!("must have 1 to {NAME_CHARACTERS} characters")))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::content::{EmailContent, SmsContent};
    use crate::context::Fields;

    #[test]
    fn name_and_content_are_checked_together() {
        let found = Template::problems(" ", &Content::Sms(SmsContent { body: "{{".to_owned() }));

        let pointers: Vec<&str> = found.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(pointers, ["/name", "/content/body"]);
    }

    #[test]
    fn a_template_reads_back_from_its_item_with_the_attributes_of_the_table() {
        let content = EmailContent { subject: "s".to_owned(), html: "h".to_owned(), text: None, preheader: None };
        let new = NewTemplate::new("Welcome".to_owned(), Content::Email(content)).unwrap();
        let ids = (OrganizationId::from_bytes([1; 16]), TemplateId::from_bytes([2; 16]));
        let template = Template::new(ids, new, Timestamp::UNIX_EPOCH);

        let mut item: HashMap<String, serde_dynamo::AttributeValue> = serde_dynamo::to_item(&template).unwrap();
        item.insert("pk".to_owned(), serde_dynamo::AttributeValue::S("x".to_owned()));
        item.insert("schema".to_owned(), serde_dynamo::AttributeValue::N("1".to_owned()));

        assert_eq!(serde_dynamo::from_item::<_, Template>(item.clone()).unwrap(), template);
        assert_eq!(serde_dynamo::from_item::<_, TemplateSummary>(item).unwrap().channel, Channel::Email);
    }

    #[test]
    fn a_preview_of_a_text_message_tells_its_segments() {
        let content = Content::Sms(SmsContent { body: "Hi {{ name }}".to_owned() });
        let context = Context::new(Fields::from([("name".to_owned(), minijinja::Value::from("Яна"))]));

        let preview = serde_json::to_value(content.preview(&context).unwrap()).unwrap();

        let expected = serde_json::json!({
            "channel": "sms", "body": "Hi Яна", "encoding": "ucs_2", "units": 6, "segments": 1, "remaining": 64, "offending": ["Я", "н", "а"]
        });
        assert_eq!(preview, expected);
    }
}
