//! Content as it is written: one shape per channel, checked as a whole.

use std::collections::BTreeMap;

use carillon_contracts::Channel;
use carillon_kernel::Problem;
use serde::{Deserialize, Serialize};

use crate::analysis::Variable;
use crate::compile::{Compiler, Piece, Reading, read};
use crate::context::UNSUBSCRIBE_URL;
use crate::email::CompiledEmail;
use crate::error::ContentError;
use crate::escape::{Place, push_html};
use crate::limits::{HTML_BYTES, PREHEADER_CHARACTERS, SMS_CHARACTERS, SUBJECT_CHARACTERS, TEXT_BYTES};
use crate::plain_text;
use crate::sms::CompiledSms;
use crate::syntax::{Part, push_part};

const FOOTER_HTML: &str = "<p style=\"font-size:12px;color:#666666\"><a href=\"{{ unsubscribe_url }}\">Unsubscribe</a></p>";
const FOOTER_TEXT: &str = "\n\n--\nUnsubscribe: {{ unsubscribe_url }}\n";

/// The content of a template, in MiniJinja syntax, by channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "channel", content = "content", rename_all = "snake_case")]
pub enum Content {
    /// A mail.
    Email(EmailContent),
    /// A text message.
    Sms(SmsContent),
}

/// What a mail consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailContent {
    /// The subject line.
    pub subject: String,
    /// The HTML part.
    pub html: String,
    /// The plain-text part; derived from the HTML when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The line that mail programs show after the subject; hidden in the mail itself. Plain text, not HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preheader: Option<String>,
}

/// What a text message consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsContent {
    /// The text.
    pub body: String,
}

impl Content {
    /// Tells the channel.
    #[must_use]
    pub fn channel(&self) -> Channel {
        match self {
            Self::Email(_) => Channel::Email,
            Self::Sms(_) => Channel::Sms,
        }
    }

    /// Lists the variables that the content uses, by name; nothing of a part that cannot be read.
    #[must_use]
    pub fn variables(&self) -> Vec<Variable> {
        match self {
            Self::Email(email) => email.variables(),
            Self::Sms(sms) => merge([&sms.body]),
        }
    }

    /// Finds everything that is wrong with the content; the pointers start with `/content`.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let refused = match self {
            Self::Email(email) => email.compile().err(),
            Self::Sms(sms) => sms.compile().err(),
        };
        refused.map(|error| error.0).unwrap_or_default()
    }

    /// Compiles the content and writes it as JSON, to be frozen with what is sent: a [`CompiledEmail`] or a [`CompiledSms`].
    ///
    /// # Errors
    /// [`ContentError`] with everything that is wrong with the content.
    pub fn compiled_json(&self) -> Result<String, ContentError> {
        let written = match self {
            Self::Email(email) => serde_json::to_string(&email.compile()?),
            Self::Sms(sms) => serde_json::to_string(&sms.compile()?),
        };
        written.map_err(|error| ContentError(vec![Problem::new("/content", "templates.unwritable", error.to_string())]))
    }
}

impl EmailContent {
    /// Lists the variables that the mail uses, by name.
    #[must_use]
    pub fn variables(&self) -> Vec<Variable> {
        merge([&self.subject, &self.html].into_iter().chain(&self.text).chain(&self.preheader))
    }

    /// Tells whether every recipient finds the unsubscribe address in the HTML part.
    #[must_use]
    pub fn uses_unsubscribe_url(&self) -> bool {
        always_unsubscribes(&self.html)
    }

    /// Adds a small footer with the unsubscribe address to each part that lacks it.
    #[must_use]
    pub fn with_unsubscribe_footer(mut self) -> Self {
        if !always_unsubscribes(&self.html) {
            let end = self.html.to_ascii_lowercase().rfind("</body>").unwrap_or(self.html.len());
            self.html.insert_str(end, FOOTER_HTML);
            if !always_unsubscribes(&self.html) {
                // The end of the body stands inside a block: after everything is always outside.
                self.html.push_str(FOOTER_HTML);
            }
        }
        self.text = self.text.map(|text| if always_unsubscribes(&text) { text } else { text + FOOTER_TEXT });
        self
    }

    /// Compiles the mail.
    ///
    /// # Errors
    /// [`ContentError`] with all problems of all parts.
    pub fn compile(&self) -> Result<CompiledEmail, ContentError> {
        let mut parts = Parts::default();
        parts.check_subject(&self.subject);
        parts.check_preheader(self.preheader.as_deref().unwrap_or_default());
        parts.check_bytes("html", &self.html, HTML_BYTES);
        parts.check_bytes("text", self.text.as_deref().unwrap_or_default(), TEXT_BYTES);

        let subject = parts.compile("subject", &self.subject, Place::Header);
        let preheader = self.preheader.as_deref().and_then(|source| parts.read("preheader", source));
        let html = parts.read("html", &self.html);
        let derived = self.text.is_none().then(|| parts.derive(html.as_ref()));
        let text = self.text.as_deref().or(derived.as_deref()).unwrap_or_default();
        let text = parts.compile("text", text, Place::Text);
        let html = match (html, preheader) {
            (Some(_), Some(preheader)) => parts.compile("html", &with_preheader(&self.html, &preheader.parts), Place::Html),
            (Some(html), None) => parts.slots("html", &html, Place::Html),
            (None, _) => Vec::new(),
        };
        parts.finish().map(|slots| CompiledEmail { subject, html, text, slots })
    }
}

impl SmsContent {
    /// Compiles the message.
    ///
    /// # Errors
    /// [`ContentError`] with all problems.
    pub fn compile(&self) -> Result<CompiledSms, ContentError> {
        let mut parts = Parts::default();
        parts.check_presence("body", &self.body);
        parts.check_characters("body", &self.body, SMS_CHARACTERS);
        let body = parts.compile("body", &self.body, Place::Text);
        parts.finish().map(|slots| CompiledSms { body, slots })
    }
}

fn always_unsubscribes(source: &str) -> bool {
    read(source).is_ok_and(|reading| reading.always_writes(UNSUBSCRIBE_URL))
}

fn merge<'source>(sources: impl IntoIterator<Item = &'source String>) -> Vec<Variable> {
    let mut merged: BTreeMap<String, bool> = BTreeMap::new();
    for reading in sources.into_iter().filter_map(|source| read(source).ok()) {
        for (name, has_default) in reading.variables() {
            merged.entry(name.clone()).and_modify(|all| *all &= has_default).or_insert(*has_default);
        }
    }
    merged.into_iter().map(|(name, has_default)| Variable { name, has_default }).collect()
}

/// Puts the preheader, hidden, at the beginning of the body.
fn with_preheader(html: &str, preheader: &[Part<'_>]) -> String {
    let mut hidden = "<div style=\"display:none;max-height:0;overflow:hidden;mso-hide:all\">".to_owned();
    for part in preheader {
        match part {
            Part::Text(text) => {
                let mut escaped = String::new();
                push_html(&mut escaped, text);
                push_part(&mut hidden, Part::Text(&escaped));
            }
            tag => push_part(&mut hidden, *tag),
        }
    }
    hidden.push_str("</div>");
    let body = html.to_ascii_lowercase().find("<body");
    let end = body.and_then(|start| html.get(start..).and_then(|rest| rest.find('>')).map(|end| start + end + 1));
    let (before, after) = html.split_at_checked(end.unwrap_or_default()).unwrap_or(("", html));
    [before, &hidden, after].concat()
}

/// Collects the slots and the problems of all parts of a message.
#[derive(Default)]
struct Parts {
    compiler: Compiler,
    problems: Vec<Problem>,
}

impl Parts {
    fn refuse(&mut self, field: &str, code: &str, detail: impl Into<String>) {
        self.problems.push(Problem::new(format!("/content/{field}"), code, detail));
    }

    fn check_subject(&mut self, subject: &str) {
        self.check_presence("subject", subject);
        self.check_characters("subject", subject, SUBJECT_CHARACTERS);
        self.check_line("subject", subject);
    }

    fn check_preheader(&mut self, preheader: &str) {
        self.check_characters("preheader", preheader, PREHEADER_CHARACTERS);
        self.check_line("preheader", preheader);
    }

    fn check_presence(&mut self, field: &str, source: &str) {
        if source.trim().is_empty() {
            self.refuse(field, "templates.empty", "is empty: write something");
        }
    }

    fn check_line(&mut self, field: &str, source: &str) {
        if source.contains(['\r', '\n']) {
            self.refuse(field, "templates.line_break", "holds a line break: keep it to one line");
        }
    }

    fn check_characters(&mut self, field: &str, source: &str, limit: usize) {
        if source.chars().count() > limit {
            self.refuse(field, "templates.too_long", format!("is longer than {limit} characters"));
        }
    }

    fn check_bytes(&mut self, field: &str, source: &str, limit: usize) {
        if field == "html" {
            self.check_presence(field, source);
        }
        if source.len() > limit {
            self.refuse(field, "templates.too_long", format!("is larger than {} KiB", limit / 1024));
        }
    }

    /// Reads a part, unless it was refused for its length: then reading it could take long.
    fn read<'source>(&mut self, field: &str, source: &'source str) -> Option<Reading<'source>> {
        let pointer = format!("/content/{field}");
        if self.problems.iter().any(|problem| problem.pointer == pointer && problem.code == "templates.too_long") {
            return None;
        }
        match read(source) {
            Ok(reading) => Some(reading),
            Err(faults) => {
                faults.into_iter().for_each(|fault| self.refuse(field, "templates.syntax", fault));
                None
            }
        }
    }

    fn compile(&mut self, field: &str, source: &str, place: Place) -> Vec<Piece> {
        match self.read(field, source) {
            Some(reading) => self.slots(field, &reading, place),
            None => Vec::new(),
        }
    }

    fn slots(&mut self, field: &str, reading: &Reading<'_>, place: Place) -> Vec<Piece> {
        match self.compiler.compile(reading, place) {
            Ok(pieces) => pieces,
            Err(fault) => {
                self.refuse(field, "templates.syntax", fault);
                Vec::new()
            }
        }
    }

    /// Derives the text part; it may not need more than the HTML does, else the tags did not survive together.
    fn derive(&mut self, html: Option<&Reading<'_>>) -> String {
        let Some(html) = html else { return String::new() };
        let derived = plain_text::derive(&html.parts).and_then(|text| {
            let needs_no_more = read(&text).is_ok_and(|reading| {
                reading.variables().iter().all(|(name, has_default)| html.variables().get(name).is_some_and(|known| *has_default || !known))
            });
            match needs_no_more {
                true => Ok(text),
                false => Err("the template tags of the HTML do not make a text: write the text part yourself".to_owned()),
            }
        });
        derived.unwrap_or_else(|fault| {
            self.refuse("text", "templates.text_not_derivable", fault);
            String::new()
        })
    }

    fn finish(self) -> Result<Vec<crate::compile::Slot>, ContentError> {
        match self.problems.is_empty() {
            true => Ok(self.compiler.finish()),
            false => Err(ContentError(self.problems)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn email(subject: &str, html: &str) -> EmailContent {
        EmailContent { subject: subject.to_owned(), html: html.to_owned(), text: None, preheader: None }
    }

    #[test]
    fn all_problems_are_found_at_once() {
        let content = EmailContent {
            text: Some("{{ open".to_owned()),
            preheader: Some("x".repeat(501)),
            ..email("a\nb {{ 'x' * 9 }}", "{% include 'y' %}{{ name|nope }}")
        };

        let found: Vec<(String, String)> =
            Content::Email(content).problems().into_iter().map(|problem| (problem.pointer, problem.code)).collect();

        let expected = [
            ("/content/subject", "templates.line_break"),
            ("/content/preheader", "templates.too_long"),
            ("/content/subject", "templates.syntax"),
            ("/content/html", "templates.syntax"),
            ("/content/html", "templates.syntax"),
            ("/content/text", "templates.syntax"),
        ];
        assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    }

    #[test]
    fn sizes_are_limited_and_emptiness_is_refused() {
        let codes = |content: Content| content.problems().into_iter().map(|problem| problem.code).collect::<Vec<_>>();

        assert_eq!(codes(Content::Email(email("", " "))), ["templates.empty", "templates.empty"]);
        assert_eq!(codes(Content::Email(email("s", &"x".repeat(HTML_BYTES + 1)))), ["templates.too_long"]);
        assert_eq!(codes(Content::Email(email(&"é".repeat(998), "x"))), Vec::<String>::new());
        assert_eq!(codes(Content::Email(email(&"é".repeat(999), "x"))), ["templates.too_long"]);
        assert_eq!(codes(Content::Sms(SmsContent { body: "x".repeat(1601) })), ["templates.too_long"]);
    }

    #[test]
    fn the_variables_of_all_parts_are_merged() {
        let content = EmailContent {
            preheader: Some("{{ b }}".to_owned()),
            ..email("{{ a }}", "{{ a|default('') }}{{ b|default('') }}{{ c|default('') }}")
        };

        let found: Vec<(String, bool)> = content.variables().into_iter().map(|variable| (variable.name, variable.has_default)).collect();

        assert_eq!(found, [("a".to_owned(), false), ("b".to_owned(), false), ("c".to_owned(), true)]);
    }

    #[test]
    fn a_footer_is_added_to_the_parts_that_lack_the_address() {
        let without = EmailContent { text: Some("text".to_owned()), ..email("s", "<body>x</BODY>") };
        let conditional = email("s", "{% if a %}<body>{{ unsubscribe_url }}</body>{% endif %}");
        let with = email("s", "<a href='{{ unsubscribe_url }}'>leave</a>");

        let footed = without.clone().with_unsubscribe_footer();

        assert!(!without.uses_unsubscribe_url());
        assert!(footed.uses_unsubscribe_url());
        assert!(footed.html.ends_with("</p></BODY>"));
        assert!(footed.text.unwrap().ends_with("Unsubscribe: {{ unsubscribe_url }}\n"));
        assert!(conditional.with_unsubscribe_footer().uses_unsubscribe_url());
        assert_eq!(with.clone().with_unsubscribe_footer(), with);
    }

    #[test]
    fn content_reads_back_from_its_json() {
        let json = r#"{"channel":"email","content":{"subject":"s","html":"h"}}"#;

        let content: Content = serde_json::from_str(json).unwrap();

        assert_eq!(serde_json::to_string(&content).unwrap(), json);
        assert!(serde_json::from_str::<Content>(r#"{"channel":"sms","content":{"body":"b","html":"h"}}"#).is_err());
    }
}
