//! Attributes: what an organization keeps of a contact under names of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::text::{TextError, text_type};

/// The names that contacts and templates have already.
pub const RESERVED: &[&str] = &[
    "id",
    "email",
    "phone",
    "first_name",
    "last_name",
    "locale",
    "time_zone",
    "tags",
    "lists",
    "contact",
    "organization",
    "unsubscribe_url",
];

text_type!(
    /// The name of an attribute: a lower-case letter, then up to 62 lower-case letters, digits and underscores; none of [`RESERVED`].
    AttributeName,
    name,
    TextError
);

fn name(text: &str) -> Result<String, TextError> {
    let first = text.bytes().next().is_some_and(|letter| letter.is_ascii_lowercase());
    let rest = text.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_');
    if !first || !rest || text.len() > 63 {
        return Err(TextError("is not an attribute's name: a lower-case letter, then up to 62 lower-case letters, digits and underscores"));
    }
    if RESERVED.contains(&text) {
        return Err(TextError("is a name that every contact has already: choose another for the attribute"));
    }
    Ok(text.to_owned())
}

/// The value of an attribute; dates are texts in RFC 3339.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "is not a text, a number or a boolean")]
pub enum AttributeValue {
    /// Yes or no.
    Boolean(bool),
    /// A number.
    Number(serde_json::Number),
    /// A text of up to 1 KiB.
    Text(String),
}

/// The attributes of a contact.
pub type Attributes = BTreeMap<AttributeName, AttributeValue>;

/// Says what is wrong with the attributes of a contact: the name of one, or nothing for all together.
#[must_use]
pub fn problem(attributes: &Attributes) -> Option<(Option<&AttributeName>, &'static str)> {
    let bytes = |value: &AttributeValue| if let AttributeValue::Text(text) = value { text.len() } else { 8 };
    if let Some((name, _)) = attributes.iter().find(|(_, value)| bytes(value) > limits::ATTRIBUTE_BYTES) {
        return Some((Some(name), "is longer than an attribute can be (1 KiB)"));
    }
    if attributes.len() > limits::ATTRIBUTES {
        return Some((None, "a contact has at most 100 attributes"));
    }
    let whole: usize = attributes.iter().map(|(name, value)| name.as_str().len() + bytes(value)).sum();
    (whole > limits::ATTRIBUTES_BYTES).then_some((None, "the attributes of a contact take at most 32 KiB together"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_templates_can_speak() {
        for good in ["a", "plan", "plan_2", "last_order_at"] {
            assert!(good.parse::<AttributeName>().is_ok(), "{good}");
        }
        for bad in ["", "2nd", "Plan", "a-b", "ä", "email", "contact", &"a".repeat(64)] {
            assert!(bad.parse::<AttributeName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn too_many_or_too_large_attributes_are_told() {
        let of = |number: usize, length: usize| -> Attributes {
            (0..number).map(|n| (format!("a{n}").parse().unwrap(), AttributeValue::Text("x".repeat(length)))).collect()
        };

        assert!(problem(&of(100, 10)).is_none());
        assert!(problem(&of(101, 10)).is_some());
        assert!(problem(&of(1, 1025)).is_some_and(|(name, _)| name.is_some()));
        assert!(problem(&of(40, 1000)).is_some());
    }

    #[test]
    fn values_keep_their_type_through_json() {
        let text = r#"{"a":true,"b":5,"c":2.5,"d":"x"}"#;

        let read: Attributes = serde_json::from_str(text).unwrap();

        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
}
