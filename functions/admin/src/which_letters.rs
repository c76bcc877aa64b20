//! The body of a request that clears dead letters: which ones.

use carillon_harness::{Input, Problem};
use carillon_operations::Wanted;
use carillon_operations::clearing::MOST_NAMED;
use serde::Deserialize;

/// The longest id that SQS gives a message (API reference, `MessageId`).
const LONGEST_ID: usize = 100;

/// Which letters: `"all"`, or a list of ids.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WhichLetters {
    messages: Option<Messages>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Messages {
    Word(String),
    Ids(Vec<String>),
}

impl WhichLetters {
    /// What is wanted, of a body without problems.
    pub(crate) fn wanted(self) -> Wanted {
        match self.messages {
            Some(Messages::Ids(ids)) => Wanted::Named(ids.into_iter().collect()),
            _ => Wanted::All,
        }
    }
}

impl Input for WhichLetters {
    fn problems(&self) -> Vec<Problem> {
        let at_whole = |detail: &str| vec![Problem::new("/messages", "dead_letters.messages", detail)];
        let ids = match &self.messages {
            Some(Messages::Word(word)) if word == "all" => return Vec::new(),
            Some(Messages::Ids(ids)) if !ids.is_empty() => ids,
            _ => return at_whole("say \"all\", or list the ids of the messages"),
        };
        let mut problems = match ids.len() {
            0..=MOST_NAMED => Vec::new(),
            _ => at_whole(&format!("name at most {MOST_NAMED} messages at a time")),
        };
        let odd = ids.iter().enumerate().filter(|(_, id)| id.is_empty() || id.len() > LONGEST_ID);
        problems.extend(odd.map(|(place, _)| Problem::new(format!("/messages/{place}"), "dead_letters.id", "this is no id of a message")));
        problems
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointers(body: serde_json::Value) -> Vec<String> {
        serde_json::from_value::<WhichLetters>(body).unwrap().problems().into_iter().map(|problem| problem.pointer).collect()
    }

    #[test]
    fn all_letters_are_meant_or_some_by_their_ids() {
        assert!(pointers(json!({ "messages": "all" })).is_empty());
        assert!(pointers(json!({ "messages": ["one", "two"] })).is_empty());
        assert_eq!(pointers(json!({})), ["/messages"]);
        assert_eq!(pointers(json!({ "messages": "some" })), ["/messages"]);
        assert_eq!(pointers(json!({ "messages": [] })), ["/messages"]);
    }

    #[test]
    fn everything_that_is_wrong_with_a_list_is_told_at_once() {
        let mut ids = vec!["one".to_owned(); MOST_NAMED];
        ids.push("x".repeat(LONGEST_ID + 1));

        assert_eq!(pointers(json!({ "messages": ids })), ["/messages".to_owned(), format!("/messages/{MOST_NAMED}")]);
    }
}
