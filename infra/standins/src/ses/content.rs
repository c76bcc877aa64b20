//! A mail's content: read once per call, rendered per recipient, as far as it is kept.

use serde_json::{Map, Value};

use super::{
    check::Refusal,
    fate::Fate,
    template::{Template, Values},
    wire::{Content, MessageHeader, MessageTag, SesError, TemplateShape, Text},
};
use crate::{
    config::Keep,
    record::{Email, Header, Tag},
};

/// Length of template data, at most (API reference, `ReplacementTemplate`).
const DATA_BYTES_MAX: usize = 262_144;

/// A mail's content before it is rendered.
pub(super) enum Source<'a> {
    Ready { subject: &'a str, html: Option<&'a str>, text: Option<&'a str> },
    Template { content: &'a Compiled<'a>, values: Values<'a> },
}

pub(super) struct Compiled<'t> {
    subject: Template<'t>,
    html: Option<Template<'t>>,
    text: Option<Template<'t>>,
}

/// Renders as much as is kept; gives an HTML part that is not kept, if its links are needed.
pub(super) fn render(keep: Keep, email: &mut Email, source: &Source<'_>, fates: &[Fate]) -> Option<String> {
    let (full, needs_links) = (keep == Keep::Full, fates.iter().any(Fate::needs_links));
    match source {
        Source::Ready { subject, html, text } => {
            email.subject = (*subject).to_owned();
            let rendered = html.filter(|_| full || needs_links).map(str::to_owned);
            email.text = text.filter(|_| full).map(str::to_owned);
            place_html(full, email, rendered)
        }
        Source::Template { content, values } => {
            if let Some(name) = content.missing(*values) {
                let reason = format!("Attribute '{name}' is not present in the rendering data.");
                email.rendering_failure = Some(reason);
            }
            email.subject = content.subject.render(*values);
            let part = |template: &Option<Template<'_>>| template.as_ref().map(|template| template.render(*values));
            email.text = if full { part(&content.text) } else { None };
            let rendered = if full || needs_links { part(&content.html) } else { None };
            place_html(full, email, rendered)
        }
    }
}

fn place_html(full: bool, email: &mut Email, html: Option<String>) -> Option<String> {
    if full {
        email.html = html;
        return None;
    }
    html
}

/// The defaults, with an entry's own in the place of those of the same name.
pub(super) fn headers(defaults: &[MessageHeader], own: &[MessageHeader]) -> Vec<Header> {
    let kept = defaults.iter().filter(|header| !own.iter().any(|other| other.name.eq_ignore_ascii_case(&header.name)));
    let all = kept.chain(own);
    all.map(|header| Header { name: header.name.clone(), value: header.value.clone() }).collect()
}

/// The defaults, with an entry's own in the place of those of the same name.
pub(super) fn tags(defaults: &[MessageTag], own: &[MessageTag]) -> Vec<Tag> {
    let kept = defaults.iter().filter(|tag| !own.iter().any(|other| other.name == tag.name));
    kept.chain(own).map(|tag| Tag { name: tag.name.clone(), value: tag.value.clone() }).collect()
}

pub(super) fn raw_headers(head: &str) -> Vec<Header> {
    let unfolded = head.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
    let fields = unfolded.lines().filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| Header { name: name.trim().to_owned(), value: value.trim().to_owned() }).collect()
}

/// Reads a template once per call; none if it names a stored one, of which there are none.
pub(super) fn compile<'t>(template: &'t TemplateShape<'_>) -> Result<Option<Compiled<'t>>, SesError> {
    let Some(content) = &template.template_content else {
        return match template.template_name.as_ref().or(template.template_arn.as_ref()) {
            Some(_) => Ok(None),
            None => Err(SesError::bad_request("TemplateContent, TemplateName or TemplateArn is required.")),
        };
    };
    if content.html.is_none() && content.text.is_none() {
        return Err(SesError::bad_request("Template must have an HTML or a text part."));
    }
    let part = |text: &'t Text<'_>| Template::parse(&text.0).map_err(SesError::bad_request);
    Ok(Some(Compiled {
        subject: match &content.subject {
            Some(subject) => part(subject)?,
            None => Template::parse("").map_err(SesError::bad_request)?,
        },
        html: content.html.as_ref().map(part).transpose()?,
        text: content.text.as_ref().map(part).transpose()?,
    }))
}

impl<'t> Compiled<'t> {
    fn missing(&self, values: Values<'_>) -> Option<&'t str> {
        let parts = [Some(&self.subject), self.html.as_ref(), self.text.as_ref()];
        parts.into_iter().flatten().find_map(|part| part.missing(values))
    }
}

/// Template data must be the text of a JSON object.
pub(super) fn read_data(data: Option<&Text<'_>>) -> Result<Map<String, Value>, Refusal> {
    let Some(Text(data)) = data else { return Ok(Map::new()) };
    if data.len() > DATA_BYTES_MAX {
        return Err(Refusal::invalid(format!("Template data is longer than {DATA_BYTES_MAX} characters.")));
    }
    serde_json::from_str(data).map_err(|_| Refusal::invalid("Template data is not a valid JSON object."))
}

pub(super) fn content_text<'c>(content: &'c Content<'_>) -> &'c str {
    &content.data.0
}
