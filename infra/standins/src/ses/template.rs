//! SES's templates, as far as inline content has them: simple substitutions in the way of Handlebars.
//!
//! `{{name}}` is escaped for HTML, also in subjects and text parts; `{{{name}}}` and `{{&name}}` are not. `\{{` is a
//! literal brace. SES supports "only simple substitutions" for content in the request (API reference, `Template`).

use serde_json::{Map, Value};

/// A template that was read once and is rendered many times.
pub(crate) struct Template<'t> {
    parts: Vec<Part<'t>>,
}

enum Part<'t> {
    Literal(&'t str),
    Escaped(&'t str),
    Unescaped(&'t str),
}

/// The values of a mail: its own, and the defaults.
#[derive(Clone, Copy)]
pub(crate) struct Values<'v> {
    pub(crate) own: &'v Map<String, Value>,
    pub(crate) default: &'v Map<String, Value>,
}

impl<'t> Template<'t> {
    /// Reads a template.
    pub(crate) fn parse(source: &'t str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some(at) = rest.find("{{") {
            let (before, tag) = (rest.get(..at).unwrap_or_default(), rest.get(at..).unwrap_or_default());
            if let Some(before) = before.strip_suffix('\\') {
                parts.push(Part::Literal(before));
                if !before.ends_with('\\') {
                    let (braces, after) = tag.split_at_checked(2).unwrap_or((tag, ""));
                    parts.push(Part::Literal(braces));
                    rest = after;
                    continue;
                }
            } else {
                parts.push(Part::Literal(before));
            }
            let (part, after) = parse_tag(tag)?;
            parts.extend(part);
            rest = after;
        }
        parts.push(Part::Literal(rest));
        parts.retain(|part| !matches!(part, Part::Literal("")));
        Ok(Self { parts })
    }

    /// The first name that has no value.
    pub(crate) fn missing(&self, values: Values<'_>) -> Option<&'t str> {
        self.parts.iter().find_map(|part| match part {
            Part::Escaped(name) | Part::Unescaped(name) if values.find(name).is_none() => Some(*name),
            _ => None,
        })
    }

    /// Renders the template; what has no value is left out.
    pub(crate) fn render(&self, values: Values<'_>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Unescaped(name) => push_value(&mut out, values.find(name)),
                Part::Escaped(name) => {
                    let mut value = String::new();
                    push_value(&mut value, values.find(name));
                    escape(&mut out, &value);
                }
            }
        }
        out
    }
}

impl<'v> Values<'v> {
    fn find(self, name: &str) -> Option<&'v Value> {
        let look = |map: &'v Map<String, Value>| {
            map.get(name).or_else(|| {
                let mut steps = name.split('.');
                let first = map.get(steps.next()?)?;
                steps.try_fold(first, |value, step| value.get(step))
            })
        };
        look(self.own).or_else(|| look(self.default))
    }
}

fn parse_tag(tag: &str) -> Result<(Option<Part<'_>>, &str), String> {
    let unclosed = || "Template has an unclosed substitution".to_owned();
    if let Some(inner) = tag.strip_prefix("{{{") {
        let (name, after) = inner.split_once("}}}").ok_or_else(unclosed)?;
        return Ok((Some(Part::Unescaped(parse_name(name)?)), after));
    }
    let (inner, after) = tag.strip_prefix("{{").and_then(|inner| inner.split_once("}}")).ok_or_else(unclosed)?;
    if inner.starts_with('!') {
        return Ok((None, after));
    }
    match inner.strip_prefix('&') {
        Some(name) => Ok((Some(Part::Unescaped(parse_name(name)?)), after)),
        None => Ok((Some(Part::Escaped(parse_name(inner)?)), after)),
    }
}

fn parse_name(name: &str) -> Result<&str, String> {
    let name = name.trim();
    let is_legal = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '$');
    if name.is_empty() || !name.chars().all(is_legal) {
        return Err("Template supports only simple substitutions".to_owned());
    }
    Ok(name)
}

fn push_value(out: &mut String, value: Option<&Value>) {
    match value {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) => out.push_str(text),
        Some(other) => out.push_str(&other.to_string()),
    }
}

/// Escapes as Handlebars does.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#x27;"),
            '`' => out.push_str("&#x60;"),
            '=' => out.push_str("&#x3D;"),
            other => out.push(other),
        }
    }
}

/// The links of an HTML part, in their order.
pub(crate) fn links(html: &str) -> Vec<String> {
    let mut links = Vec::new();
    for attribute in html.split("href=").skip(1) {
        let Some(quote) = attribute.chars().next().filter(|quote| matches!(quote, '"' | '\'')) else { continue };
        let link = attribute.split(quote).nth(1).unwrap_or_default();
        if link.starts_with("http://") || link.starts_with("https://") {
            links.push(link.replace("&amp;", "&").replace("&#x3D;", "="));
        }
    }
    links
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(source: &str, own: Value, default: Value) -> String {
        let (own, default) = (own.as_object().cloned().unwrap(), default.as_object().cloned().unwrap());
        Template::parse(source).unwrap().render(Values { own: &own, default: &default })
    }

    #[test]
    fn the_documented_template_renders_with_replacement_data_before_defaults() {
        // Amazon SES developer guide, "Using templates to send personalized email".
        let html = "<h1>Hello {{name}},</h1><p>Your favorite animal is {{favoriteanimal}}.</p>";
        let default = json!({"name": "friend", "favoriteanimal": "unknown"});

        assert_eq!(
            render(html, json!({"name": "Anaya", "favoriteanimal": "angelfish"}), default.clone()),
            "<h1>Hello Anaya,</h1><p>Your favorite animal is angelfish.</p>"
        );
        assert_eq!(render(html, json!({"name": "Liu"}), default), "<h1>Hello Liu,</h1><p>Your favorite animal is unknown.</p>");
    }

    #[test]
    fn two_braces_escape_and_three_do_not() {
        let rendered = render("{{a}} {{{a}}} {{&a}}", json!({"a": "<b> & 'c'=\"d\""}), json!({}));

        let raw = "<b> & 'c'=\"d\"";
        assert_eq!(rendered, format!("&lt;b&gt; &amp; &#x27;c&#x27;&#x3D;&quot;d&quot; {raw} {raw}"));
    }

    #[test]
    fn an_escaped_brace_is_literal() {
        assert_eq!(render(r"\{{a}} {{a}}", json!({"a": 1}), json!({})), "{{a}} 1");
        assert_eq!(render(r"\\{{a}}", json!({"a": 1}), json!({})), r"\1");
    }

    #[test]
    fn a_missing_name_is_found_and_a_block_is_refused() {
        let template = Template::parse("{{a}} {{{b.c}}}").unwrap();
        let (own, default) = (json!({"a": ""}), json!({"b": {"c": true}}));
        let (own, default) = (own.as_object().unwrap(), default.as_object().unwrap());

        assert_eq!(template.missing(Values { own, default }), None);
        assert_eq!(template.missing(Values { own, default: own }), Some("b.c"));
        assert!(Template::parse("{{#if a}}x{{/if}}").is_err());
        assert!(Template::parse("{{a").is_err());
    }

    #[test]
    fn links_are_those_of_the_web() {
        let html = r#"<a href="https://a.example/?x=1&amp;y=2">a</a><a href='mailto:b@example.com'>b</a>"#;

        assert_eq!(links(html), ["https://a.example/?x=1&y=2"]);
    }
}
