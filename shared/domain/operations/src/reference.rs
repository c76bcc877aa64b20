//! What a message is about: the ids and places in it, by their names. Never an address, a number to call, a name or a text.
//!
//! A member is taken for its form, not for the type of its message, so that a message that cannot be read as its type still tells what it
//! can. What has no form of those below is left out, whatever it is called:
//!
//! | form | example |
//! | --- | --- |
//! | one of our ids | `cmp_01jd…`, also in lists |
//! | a small number by a name in [`COUNTERS`] | `plan: 3` |
//! | an id of Twilio, by the name `sid` | `SM0123…` |
//! | the id that SES gave a mail, by the name `messageId` | `0100…-000000` |
//! | bucket and key of a batch of events, where S3 writes them | `events/2026/11/21/…` |

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

/// The names of numbers that count plans, entries, attempts, chunks and pages; also of tags, which hold them as text.
const COUNTERS: [&str; 10] =
    ["plan", "index", "attempt", "chunk", "offset", "first_row", "pages", "carillon_plan", "carillon_entry", "carillon_attempt"];
/// The length of an id of ours behind its prefix.
const ID_CHARACTERS: usize = 26;
/// Lists are cut behind so many.
const MOST_OF_A_LIST: usize = 10;
/// Deeper than any message of ours and any event of SES needs.
const DEEPEST: usize = 6;
/// Where the bucket keeps events, in keys that Firehose makes of the time.
const EVENTS: &str = "events/";

/// What a message is about, by the names of its members, with dots between names within names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Reference(pub BTreeMap<String, Referred>);

/// One of the things that a message is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Referred {
    /// An id or a place.
    Text(String),
    /// A number.
    Number(u64),
    /// Several.
    List(Vec<Referred>),
}

impl Reference {
    /// Reads what a message is about; of one that is no JSON object, nothing is known.
    #[must_use]
    pub fn of(body: &str) -> Self {
        let mut found = Self::default();
        if let Ok(Value::Object(members)) = serde_json::from_str(body) {
            // SNS wraps an event as a text.
            let wrapped =
                members.get("Message").and_then(Value::as_str).and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
            found.take_members("", &wrapped.unwrap_or(members), DEEPEST);
        }
        found
    }

    fn take_members(&mut self, path: &str, members: &Map<String, Value>, depth: usize) {
        for (name, value) in members.iter().filter(|(name, _)| is_name(name)) {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            self.take(&path, value, depth);
        }
    }

    fn take(&mut self, path: &str, value: &Value, depth: usize) {
        match value {
            Value::Object(members) if depth > 0 => self.take_members(path, members, depth - 1),
            Value::Array(items) if items.iter().any(Value::is_object) => {
                items.iter().take(MOST_OF_A_LIST).for_each(|item| self.take(path, item, depth.saturating_sub(1)));
            }
            Value::Array(items) => {
                let mut known: Vec<Referred> = items.iter().filter_map(|item| referred(path, item)).take(MOST_OF_A_LIST).collect();
                match known.len() {
                    0 => {}
                    1 => self.add(path, known.remove(0)),
                    _ => self.add(path, Referred::List(known)),
                }
            }
            value => {
                if let Some(known) = referred(path, value) {
                    self.add(path, known);
                }
            }
        }
    }

    /// Adds one thing; a name that comes again, in a list of objects, has several.
    fn add(&mut self, path: &str, known: Referred) {
        match self.0.remove(path) {
            None => self.0.insert(path.to_owned(), known),
            Some(Referred::List(mut list)) => {
                list.push(known);
                self.0.insert(path.to_owned(), Referred::List(list))
            }
            Some(first) => self.0.insert(path.to_owned(), Referred::List(vec![first, known])),
        };
    }
}

/// Takes a value by its form; nothing of any other one.
fn referred(path: &str, value: &Value) -> Option<Referred> {
    let name = path.rsplit('.').next().unwrap_or_default();
    let text = match value {
        Value::Number(number) => return number.as_u64().filter(|_| COUNTERS.contains(&name)).map(Referred::Number),
        Value::String(text) => text,
        _ => return None,
    };
    if COUNTERS.contains(&name) {
        return text.parse::<u32>().ok().map(|number| Referred::Number(number.into()));
    }
    let has_form = is_id(text)
        || (name == "sid" && is_twilio_id(text))
        || (name == "messageId" && is_ses_id(text))
        || (path == "Records.s3.bucket.name" && is_bucket(text))
        || (path == "Records.s3.object.key" && is_place_of_events(text));
    has_form.then(|| Referred::Text(text.clone()))
}

/// A name of a member: letters and underscores, so that no address can be one.
fn is_name(name: &str) -> bool {
    name.len() <= 40 && (name == "s3" || name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_'))
}

/// `cmp_` and 26 characters of lower-case Crockford base 32.
fn is_id(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (byte.is_ascii_lowercase() && !b"ilou".contains(&byte));
    text.split_once('_').is_some_and(|(prefix, digits)| {
        prefix.len() == 3
            && prefix.bytes().all(|byte| byte.is_ascii_lowercase())
            && digits.len() == ID_CHARACTERS
            && digits.bytes().all(is_digit)
    })
}

/// `SM` or `MM` and 32 hexadecimal characters (Twilio's glossary, "String identifier (SID)").
fn is_twilio_id(text: &str) -> bool {
    let digits = text.strip_prefix("SM").or_else(|| text.strip_prefix("MM"));
    digits.is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Hexadecimal characters in groups, `000001378603177f-7a5433e7-…-000000`, as in the examples of SES's documentation.
fn is_ses_id(text: &str) -> bool {
    (20..=100).contains(&text.len()) && text.contains('-') && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Lower-case letters, digits, hyphens and dots (Amazon S3 user guide, "General purpose bucket naming rules").
fn is_bucket(text: &str) -> bool {
    (3..=63).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
}

/// What Firehose makes of the time, its own name and a random part, which S3 writes like a form's value.
fn is_place_of_events(text: &str) -> bool {
    text.starts_with(EVENTS) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.=".contains(&byte))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#[path = "reference_tests.rs"]
mod tests;
