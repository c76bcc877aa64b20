//! Patterns of addresses: `*` stands for any text, letters of either case are equal.

/// Whether a text matches a pattern.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    matches_bytes(pattern.as_bytes(), text.as_bytes())
}

fn matches_bytes(mut pattern: &[u8], mut text: &[u8]) -> bool {
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), text.split_first()) {
            (Some((b'*', rest)), _) => {
                retry = Some((rest, text));
                pattern = rest;
            }
            (Some((wanted, rest)), Some((found, left))) if wanted.eq_ignore_ascii_case(found) => {
                pattern = rest;
                text = left;
            }
            (None, None) => return true,
            _ => match retry.and_then(|(rest, from)| from.split_first().map(|(_, left)| (rest, left))) {
                Some((rest, left)) => {
                    retry = Some((rest, left));
                    pattern = rest;
                    text = left;
                }
                None => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_any_text() {
        assert!(matches("*@example.com", "Someone@Example.com"));
        assert!(matches("bounce*@*.org", "bounce+1@mail.example.org"));
        assert!(matches("*", ""));
        assert!(!matches("*@example.com", "someone@example.org"));
        assert!(!matches("a*", "ba"));
        assert!(!matches("", "a"));
    }
}
