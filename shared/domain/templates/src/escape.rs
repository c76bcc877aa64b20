//! Writes a value into HTML, into plain text or into a header.

use minijinja::Value;
use serde::{Deserialize, Serialize};

/// Where a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// Into HTML: the five characters that matter there become entities; a slash stays, so that links stay readable for mail programs.
    Html,
    /// Into plain text: as it is.
    Text,
    /// Into a header: as it is, but line breaks and other control characters become spaces, so that no header can be added.
    Header,
}

impl Place {
    /// Gives the extension by which MiniJinja tells the two kinds of escaping apart.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Text | Self::Header => "txt",
        }
    }

    /// Finishes what was written: only headers need it.
    pub(crate) fn finish(self, text: String) -> String {
        let breaks = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
        match self {
            Self::Header if text.contains(breaks) => text.replace(breaks, " "),
            Self::Html | Self::Text | Self::Header => text,
        }
    }
}

/// Appends a value to `target`, escaped for `place`; what is marked safe is not escaped again.
pub(crate) fn write(target: &mut String, value: &Value, place: Place) {
    match (value.as_str(), place) {
        (Some(text), Place::Html) if !value.is_safe() => push_html(target, text),
        (Some(text), _) => target.push_str(text),
        (None, Place::Html) => push_html(target, &value.to_string()),
        (None, _) => target.push_str(&value.to_string()),
    }
}

/// Appends text to `target`, escaped for HTML text and quoted attributes.
pub(crate) fn push_html(target: &mut String, mut text: &str) {
    while let Some((place, special)) = text.char_indices().find(|(_, character)| matches!(character, '&' | '<' | '>' | '"' | '\'')) {
        let (before, rest) = text.split_at(place);
        target.push_str(before);
        target.push_str(match special {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            _ => "&#39;",
        });
        text = rest.get(1..).unwrap_or_default();
    }
    target.push_str(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_escaped_and_slashes_stay() {
        let mut written = String::new();

        write(&mut written, &Value::from("<a href='https://x/?a=1&b=2'>\"é\"</a>"), Place::Html);

        assert_eq!(written, "&lt;a href=&#39;https://x/?a=1&amp;b=2&#39;&gt;&quot;é&quot;&lt;/a&gt;");
    }

    #[test]
    fn a_header_never_holds_a_line_break() {
        assert_eq!(Place::Header.finish("Hi\r\nBcc: x\0\u{2028}y".to_owned()), "Hi  Bcc: x  y");
    }
}
