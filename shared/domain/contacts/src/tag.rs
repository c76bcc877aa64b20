//! Tags: words that mark contacts.

use crate::text::{TextError, text_type};

text_type!(
    /// A tag: up to 50 lower-case letters of any script, digits, and `-`, `_`, `.`, `:` between them; written in any case, kept in lower case.
    Tag,
    tag,
    TextError
);

fn tag(text: &str) -> Result<String, TextError> {
    let text = text.trim().to_lowercase();
    let is_letter = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.' | ':');
    let fits = !text.is_empty() && text.chars().count() <= 50 && text.chars().all(is_letter);
    let ends = text.starts_with(char::is_alphanumeric) && text.ends_with(char::is_alphanumeric);
    if fits && ends { Ok(text) } else { Err(TextError("is not a tag: up to 50 letters and digits, with - _ . : between them")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn tags_are_the_same_in_any_case() {
        assert_eq!(" VIP ".parse::<Tag>().unwrap(), "vip".parse::<Tag>().unwrap());
        assert_eq!("Straße:2".parse::<Tag>().unwrap().as_str(), "straße:2");
    }

    #[test]
    fn a_tag_cannot_break_a_key() {
        for bad in ["", "a#b", "a b", "-a", "a/b", &"a".repeat(51)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad}");
        }
    }
}
