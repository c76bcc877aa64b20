//! What the source file of a function tells of its route. It is read as text, before its tests: the house style is regular enough.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// The ways to answer: how the call begins in a source, its status, and its media type.
const ANSWERS: [(&str, u16, &str); 6] = [
    ("Reply::created(", 201, "application/json"),
    ("Reply::accepted(", 202, "application/json"),
    ("Reply::page(", 200, "application/json"),
    ("Reply::ok(", 200, "application/json"),
    ("Reply::no_content(", 204, ""),
    ("unsubscribe_page::", 200, "text/html"),
];

/// The source file of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// The folder under `functions/`.
    pub(super) area: String,
    text: String,
}

/// Reads the source of every function, by the function's name.
pub(super) fn read_all(root: &Path) -> io::Result<BTreeMap<String, Source>> {
    let mut sources = BTreeMap::new();
    for area in std::fs::read_dir(root.join("functions"))? {
        let area = area?;
        for file in std::fs::read_dir(area.path().join("src"))? {
            let path = file?.path();
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let source = Source::new(&area.file_name().to_string_lossy(), &std::fs::read_to_string(path)?);
            if let Some(name) = source.after("const NAME: &'static str = \"", '"') {
                sources.insert(name.to_owned(), source);
            }
        }
    }
    Ok(sources)
}

impl Source {
    fn new(area: &str, text: &str) -> Self {
        Self { area: area.to_owned(), text: text.split("#[cfg(test)]").next().unwrap_or_default().to_owned() }
    }

    /// What the first line says after the route; none if it is about another route.
    pub(super) fn summary(&self, route: &str) -> Option<String> {
        let said = self.text.lines().next()?.strip_prefix("//! ")?.strip_prefix(route)?.strip_prefix(": ")?;
        let (first, rest) = said.split_at_checked(1)?;
        Some(first.to_uppercase() + rest)
    }

    /// The names of the query's parameters.
    pub(super) fn query(&self) -> Vec<&str> {
        match self.after("type Query = ", ';') {
            None | Some("Nothing") => Vec::new(),
            Some("Listing") => vec!["limit", "cursor"],
            Some(name) => self.fields(name),
        }
    }

    /// What is said of a query that is the function's own.
    pub(super) fn about_query(&self) -> Option<String> {
        let name = self.after("type Query = ", ';')?;
        let before = self.text.split_once(&format!("struct {name} {{"))?.0;
        // The last line is the struct's own, as far as its name.
        let attached = before.lines().rev().skip(1).take_while(|line| line.starts_with("///") || line.starts_with("#["));
        let mut said: Vec<&str> = attached.filter_map(|line| line.strip_prefix("/// ")).collect();
        said.reverse();
        (!said.is_empty()).then(|| said.join(" "))
    }

    pub(super) fn takes_body(&self) -> bool {
        self.after("type Body = ", ';').is_some_and(|body| body != "Nothing")
    }

    pub(super) fn takes_version(&self) -> bool {
        self.text.contains(".if_match()")
    }

    pub(super) fn gives_version(&self) -> bool {
        self.text.contains(".version(")
    }

    pub(super) fn keeps_answer(&self) -> bool {
        !self.text.contains("const KEEPS_ANSWER: bool = false;")
    }

    /// The status and the media type of the answer, which is empty where there is no content.
    pub(super) fn answer(&self) -> Option<(u16, &str)> {
        if let Some(media) = self.after("Reply::text(200, \"", '"') {
            return Some((200, media.split(';').next().unwrap_or(media)));
        }
        ANSWERS.iter().find(|(call, ..)| self.text.contains(call)).map(|(_, status, media)| (*status, *media))
    }

    fn fields(&self, name: &str) -> Vec<&str> {
        let fields = self.after(&format!("struct {name} {{"), '}').unwrap_or_default();
        let fields = fields.lines().map(str::trim).filter(|line| !line.starts_with(['/', '#']));
        fields.filter_map(|line| Some(line.split_once(": ")?.0.trim_start_matches("pub "))).collect()
    }

    fn after(&self, start: &str, end: char) -> Option<&str> {
        self.text.split_once(start)?.1.split_once(end).map(|(text, _)| text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const LISTING: &str = r#"//! GET /v1/bells: gives the bells.

/// Which bells:
/// at most one of `tone` and `tower`.
#[derive(Deserialize)]
pub struct BellsQuery {
    limit: Option<u32>,
    /// As musicians write it.
    tone: Option<String>,
}

impl HttpFunction for BellsList {
    const NAME: &'static str = "bells-list";
    type Query = BellsQuery;
    type Body = Nothing;
        Ok(Reply::page(&page))
#[cfg(test)]
        Reply::created(&bell).version(1)
"#;

    #[test]
    fn a_route_is_told_from_its_source() {
        let source = Source::new("bells", LISTING);

        assert_eq!(source.summary("GET /v1/bells").unwrap(), "Gives the bells.");
        assert_eq!(source.query(), ["limit", "tone"]);
        assert_eq!(source.about_query().unwrap(), "Which bells: at most one of `tone` and `tower`.");
        assert_eq!(source.answer(), Some((200, "application/json")));
        assert!(!source.takes_body() && !source.gives_version() && !source.takes_version() && source.keeps_answer());
    }

    #[test]
    fn a_source_that_speaks_of_another_route_gives_no_summary() {
        assert_eq!(Source::new("bells", LISTING).summary("GET /v1/bells/{bell_id}"), None);
    }

    #[test]
    fn a_text_is_answered_with_its_media_type() {
        let source = Source::new("bells", r#"Reply::text(200, "text/csv; charset=utf-8", csv)"#);

        assert_eq!(source.answer(), Some((200, "text/csv")));
    }
}
