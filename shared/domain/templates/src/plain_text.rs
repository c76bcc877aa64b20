//! Derives the plain-text part of a mail from its HTML, template tags included.
//!
//! Each tag is hidden behind one private character while html2text works, so that it can neither be wrapped nor escaped.
//! Tables become lines first: they are mostly layout in mails, and HTML parsers move a loop that stands between rows out
//! of its table. html2text takes more than linear time in nesting, therefore nesting is limited before.

use html2text::config;
use html2text::render::TextDecorator;

use crate::limits::{NESTING, TEXT_BYTES};
use crate::syntax::{Part, push_part, push_text};

/// The first of the characters (Supplementary Private Use Area-A) that stand for tags.
const FIRST: u32 = 0xF_0000;
const LAST: u32 = 0xF_FFFD;
/// Wide enough that nothing is wrapped: mail programs wrap, and a broken link is worse than a long line.
const WIDTH: usize = 1_000_000;

/// Elements that have no end tag, or whose end tag may be left out because the next one implies it.
const FLAT: [&str; 25] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "p", "li", "dd", "dt", "option",
    "tr", "td", "th", "thead", "tbody", "tfoot", "!doctype",
];

/// Derives the source of the text part from the parts of the HTML.
pub(crate) fn derive(parts: &[Part<'_>]) -> Result<String, String> {
    let html = hide(parts);
    if nesting(&html) > NESTING {
        return Err(format!("the HTML is nested more than {NESTING} deep: write the text part yourself"));
    }
    let rendered = config::with_decorator(Decorator::default()).string_from_read(lines(&html).as_bytes(), WIDTH);
    let rendered = rendered.map_err(|_| "no text can be derived from the HTML: write the text part yourself".to_owned())?;
    let source = show(&tidy(&rendered, parts), parts);
    match source.len() > TEXT_BYTES {
        true => Err(format!("the text derived from the HTML is larger than {} KiB: write the text part yourself", TEXT_BYTES / 1024)),
        false => Ok(source),
    }
}

fn hide(parts: &[Part<'_>]) -> String {
    let mut html = String::new();
    for (number, part) in (FIRST..).zip(parts) {
        match part {
            Part::Text(text) => html.extend(text.chars().filter(|character| !is_hidden(*character))),
            Part::Variable(_) | Part::Block(_) => html.extend(char::from_u32(number)),
        }
    }
    html
}

fn is_hidden(character: char) -> bool {
    (FIRST..=LAST).contains(&u32::from(character))
}

fn hidden_part<'parts, 'source>(character: char, parts: &'parts [Part<'source>]) -> Option<&'parts Part<'source>> {
    let number = u32::from(character).checked_sub(FIRST)?;
    parts.get(usize::try_from(number).ok()?)
}

fn show(text: &str, parts: &[Part<'_>]) -> String {
    let mut source = String::new();
    let mut rest = text;
    while let Some((place, hidden)) = rest.char_indices().find(|(_, character)| is_hidden(*character)) {
        let (before, after) = rest.split_at(place);
        push_text(&mut source, before);
        hidden_part(hidden, parts).into_iter().for_each(|part| push_part(&mut source, *part));
        rest = after.get(hidden.len_utf8()..).unwrap_or_default();
    }
    push_text(&mut source, rest);
    source
}

/// Leaves at most one empty line in a row, no spaces at the ends of lines, and no line break after blocks that stand alone.
fn tidy(text: &str, parts: &[Part<'_>]) -> String {
    let mut tidied = String::new();
    let mut empty = 0;
    let is_block = |character: char| matches!(hidden_part(character, parts), Some(Part::Block(_)));
    for line in text.lines().map(str::trim) {
        if !line.is_empty() && line.chars().all(|character| is_block(character) || character == ' ') {
            tidied.push_str(line);
            continue;
        }
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            tidied.push_str(line);
            tidied.push('\n');
        }
    }
    format!("{}\n", tidied.trim())
}

/// A piece of HTML: text (comments included) or a tag.
enum Markup<'html> {
    Text(&'html str),
    Tag { written: &'html str, name: String, is_end: bool },
}

/// Cuts HTML into text and tags, roughly: only nesting and layout depend on it.
fn markup(html: &str) -> Vec<Markup<'_>> {
    let mut pieces = Vec::new();
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        let (before, tag) = rest.split_at(open);
        pieces.push(Markup::Text(before));
        let length = tag_length(tag);
        let (written, after) = tag.split_at_checked(length).unwrap_or((tag, ""));
        let is_end = written.starts_with("</");
        let name = written.trim_start_matches(['<', '/']);
        let name: String = name.chars().take_while(|character| character.is_ascii_alphanumeric() || *character == '!').collect();
        match name.is_empty() || written.starts_with("<!--") {
            true => pieces.push(Markup::Text(written)),
            false => pieces.push(Markup::Tag { written, name: name.to_ascii_lowercase(), is_end }),
        }
        rest = after;
    }
    pieces.push(Markup::Text(rest));
    pieces
}

fn tag_length(tag: &str) -> usize {
    if tag.starts_with("<!--") {
        return tag.find("-->").map_or(tag.len(), |end| end + 3);
    }
    if !tag.get(1..).unwrap_or_default().starts_with(|next: char| next.is_ascii_alphabetic() || matches!(next, '/' | '!')) {
        return 1;
    }
    let mut quote = None;
    for (place, character) in tag.char_indices() {
        match (quote, character) {
            (None, '>') => return place + 1,
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), character) if open == character => quote = None,
            _ => {}
        }
    }
    tag.len()
}

/// Gives the depth to which elements nest; elements that are never closed count to the end, because parsers reopen them.
fn nesting(html: &str) -> usize {
    let mut open: Vec<String> = Vec::new();
    let (mut unclosed, mut deepest) = (0, 0);
    for piece in markup(html) {
        let Markup::Tag { name, is_end, .. } = piece else { continue };
        if FLAT.contains(&name.as_str()) {
            continue;
        }
        match (is_end, open.iter().rposition(|known| *known == name)) {
            (false, _) => open.push(name),
            (true, Some(place)) => {
                unclosed += open.len() - place - 1;
                open.truncate(place);
            }
            (true, None) => {}
        }
        deepest = deepest.max(open.len() + unclosed);
    }
    deepest
}

/// Turns tables into lines and rules into dashes.
fn lines(html: &str) -> String {
    let mut lined = String::new();
    for piece in markup(html) {
        match piece {
            Markup::Text(text) => lined.push_str(text),
            Markup::Tag { written, name, .. } => lined.push_str(match name.as_str() {
                "table" | "tr" | "caption" => "<br>",
                "td" | "th" => " ",
                "thead" | "tbody" | "tfoot" | "col" | "colgroup" => "",
                "hr" => "<p>---</p>",
                _ => written,
            }),
        }
    }
    lined
}

/// Writes links as `text (address)` and images as their alternative text.
#[derive(Debug, Clone, Default)]
struct Decorator {
    links: Vec<String>,
}

impl TextDecorator for Decorator {
    type Annotation = ();

    fn decorate_link_start(&mut self, url: &str) -> (String, ()) {
        self.links.push(url.to_owned());
        (String::new(), ())
    }
    fn decorate_link_end(&mut self) -> String {
        match self.links.pop() {
            Some(url) if !url.is_empty() && !url.starts_with('#') => format!(" ({url})"),
            _ => String::new(),
        }
    }
    fn decorate_em_start(&self) -> (String, ()) {
        (String::new(), ())
    }
    fn decorate_em_end(&self) -> String {
        String::new()
    }
    fn decorate_strong_start(&self) -> (String, ()) {
        (String::new(), ())
    }
    fn decorate_strong_end(&self) -> String {
        String::new()
    }
    fn decorate_strikeout_start(&self) -> (String, ()) {
        (String::new(), ())
    }
    fn decorate_strikeout_end(&self) -> String {
        String::new()
    }
    fn decorate_code_start(&self) -> (String, ()) {
        (String::new(), ())
    }
    fn decorate_code_end(&self) -> String {
        String::new()
    }
    fn decorate_preformat_first(&self) {}
    fn decorate_preformat_cont(&self) {}
    fn decorate_image(&mut self, _source: &str, alternative: &str) -> (String, ()) {
        (alternative.to_owned(), ())
    }
    fn header_prefix(&self, _level: usize) -> String {
        String::new()
    }
    fn quote_prefix(&self) -> String {
        "> ".to_owned()
    }
    fn unordered_item_prefix(&self) -> String {
        "- ".to_owned()
    }
    fn ordered_item_prefix(&self, number: i64) -> String {
        format!("{number}. ")
    }
    fn make_subblock_decorator(&self) -> Self {
        Self::default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::syntax::parts;

    fn derived(html: &str) -> String {
        derive(&parts(html).unwrap()).unwrap()
    }

    #[test]
    fn tags_survive_in_text_and_in_links() {
        let html = "<html><head><title>T</title><style>p { color: {{ color }} }</style></head><body><h1>Hi {{ name|default('you') }}</h1>\
                    <p>It&#39;s {% if a %}<b>on</b>{% else %}off{% endif %}.</p><p><a href=\"{{ unsubscribe_url }}\">Leave</a></p></body></html>";

        assert_eq!(
            derived(html),
            "Hi {{ name|default('you') }}\n\nIt's {% if a %}on{% else %}off{% endif %}.\n\nLeave ({{ unsubscribe_url }})\n"
        );
    }

    #[test]
    fn loops_over_rows_stay_around_their_rows() {
        let html = "<table>{% for item in items %}<tr><td>{{ item.name }}</td><td>{{ item.price }}</td></tr>{% endfor %}</table>";

        let text = derived(html);

        let order = ["{% for item in items %}", "{{ item.name }}", "{{ item.price }}", "{% endfor %}"].map(|tag| text.find(tag).unwrap());
        assert!(order.is_sorted(), "{text}");
    }

    #[test]
    fn braces_that_only_appear_after_decoding_are_not_taken_for_tags() {
        assert_eq!(derived("<p>&#123;&#123; x }}</p>"), "{{ '{' }}{ x }}\n");
    }

    #[test]
    fn deep_or_never_closed_markup_is_refused() {
        let deep = "<div>".repeat(101);
        let hidden = "<div></x>".repeat(101);
        let reopened = "<div><b></div>".repeat(101);
        for html in [&deep, &hidden, &reopened] {
            assert!(derive(&parts(html).unwrap()).unwrap_err().contains("nested more than 100"), "{html}");
        }
        assert!(derive(&parts(&"<p>a<br>b<li>".repeat(200)).unwrap()).is_ok());
    }
}
