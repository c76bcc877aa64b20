//! What a request brings: a new template, or a change of one as a merge patch (RFC 7396); every field is optional, so that
//! everything that is missing or wrong is told at once.

use carillon_contracts::Channel;
use carillon_kernel::Problem;
use serde::{Deserialize, Deserializer, Serialize};

use crate::content::{Content, EmailContent, SmsContent};
use crate::error::ContentError;
use crate::template::{NewTemplate, Template};

/// A template as a request brings it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TemplateDraft {
    /// The name.
    pub name: Option<String>,
    /// The channel; it cannot be changed later.
    pub channel: Option<Channel>,
    /// The content.
    pub content: ContentDraft,
}

/// Content as a request brings it: the fields of a mail, or those of a text message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContentDraft {
    /// The subject of a mail.
    pub subject: Option<String>,
    /// The HTML part of a mail.
    pub html: Option<String>,
    /// The plain-text part of a mail; null removes it.
    #[serde(deserialize_with = "given")]
    pub text: Option<Option<String>>,
    /// The preheader of a mail; null removes it.
    #[serde(deserialize_with = "given")]
    pub preheader: Option<Option<String>>,
    /// The text of a text message.
    pub body: Option<String>,
}

/// Tells a null that was given from a field that was not.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl TemplateDraft {
    /// Finds everything that is wrong with it as a new template.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        self.clone().into_new().map_or_else(|error| error.0, |_| Vec::new())
    }

    /// Takes it as a new template.
    ///
    /// # Errors
    /// [`ContentError`] with everything that is wrong with it.
    pub fn into_new(self) -> Result<NewTemplate, ContentError> {
        let name = self.name.unwrap_or_default();
        let blank = match self.channel {
            Some(Channel::Email) => {
                Content::Email(EmailContent { subject: String::new(), html: String::new(), text: None, preheader: None })
            }
            Some(Channel::Sms) => Content::Sms(SmsContent { body: String::new() }),
            None => {
                let mut problems = vec![Problem::new("/channel", "templates.channel", "is needed: email or sms")];
                problems.extend(Template::name_problem(&name));
                return Err(ContentError(problems));
            }
        };
        checked(name, self.content.apply(blank))
    }

    /// Takes it as a change of a template.
    ///
    /// # Errors
    /// [`ContentError`] with everything that would be wrong with the changed template.
    pub fn into_change(self, template: &Template) -> Result<NewTemplate, ContentError> {
        let (content, mut problems) = self.content.apply(template.content.clone());
        if self.channel.is_some_and(|channel| channel != template.content.channel()) {
            problems.push(Problem::new("/channel", "templates.channel", "cannot be changed: make another template"));
        }
        checked(self.name.unwrap_or_else(|| template.name.clone()), (content, problems))
    }
}

impl ContentDraft {
    /// Lays the fields that were given over content, and says which of them belong to the other channel.
    #[must_use]
    pub fn apply(self, content: Content) -> (Content, Vec<Problem>) {
        let Self { subject, html, text, preheader, body } = self;
        match content {
            Content::Email(email) => {
                let changed = EmailContent {
                    subject: subject.unwrap_or(email.subject),
                    html: html.unwrap_or(email.html),
                    text: text.unwrap_or(email.text),
                    preheader: preheader.unwrap_or(email.preheader),
                };
                (Content::Email(changed), foreign([("body", body.is_some())]))
            }
            Content::Sms(sms) => {
                let given = [
                    ("subject", subject.is_some()),
                    ("html", html.is_some()),
                    ("text", text.is_some()),
                    ("preheader", preheader.is_some()),
                ];
                (Content::Sms(SmsContent { body: body.unwrap_or(sms.body) }), foreign(given))
            }
        }
    }
}

fn foreign<const N: usize>(fields: [(&str, bool); N]) -> Vec<Problem> {
    let given = fields.into_iter().filter(|(_, is_given)| *is_given);
    given.map(|(field, _)| Problem::new(format!("/content/{field}"), "templates.other_channel", "belongs to another channel")).collect()
}

fn checked(name: String, (content, mut problems): (Content, Vec<Problem>)) -> Result<NewTemplate, ContentError> {
    match NewTemplate::new(name, content) {
        Ok(new) if problems.is_empty() => Ok(new),
        Ok(_) => Err(ContentError(problems)),
        Err(mut error) => {
            problems.append(&mut error.0);
            Err(ContentError(problems))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_contracts::{OrganizationId, TemplateId};
    use jiff::Timestamp;

    use super::*;

    fn draft(json: &str) -> TemplateDraft {
        serde_json::from_str(json).unwrap()
    }

    fn found(problems: &[Problem]) -> Vec<&str> {
        problems.iter().map(|problem| problem.pointer.as_str()).collect()
    }

    #[test]
    fn everything_that_a_new_template_lacks_is_told_at_once() {
        assert_eq!(found(&draft("{}").problems()), ["/channel", "/name"]);
        let mail = draft(r#"{"channel":"email","content":{"body":"x","preheader":"{{"}}"#).problems();
        assert_eq!(found(&mail), ["/content/body", "/name", "/content/subject", "/content/html", "/content/preheader"]);
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name_and_null_removes() {
        let new =
            draft(r#"{"name":"n","channel":"email","content":{"subject":"s","html":"h","text":"t","preheader":"p"}}"#).into_new().unwrap();
        let ids = (OrganizationId::from_bytes([1; 16]), TemplateId::from_bytes([2; 16]));
        let template = Template::new(ids, new, Timestamp::UNIX_EPOCH);

        let change = draft(r#"{"content":{"html":"H","text":null}}"#).into_change(&template).unwrap();
        let changed = template.clone().changed(change, Timestamp::MAX);

        let Content::Email(email) = &changed.content else { panic!("still a mail") };
        let expected = EmailContent { subject: "s".to_owned(), html: "H".to_owned(), text: None, preheader: Some("p".to_owned()) };
        assert_eq!((changed.name.as_str(), changed.version, email), ("n", 2, &expected));
        let refused = draft(r#"{"channel":"sms","name":""}"#).into_change(&template).unwrap_err();
        assert_eq!(found(&refused.0), ["/channel", "/name"]);
    }
}
