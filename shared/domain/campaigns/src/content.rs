//! The content that a campaign has of its own, as far as it is written: whether it can be sent is the templates area's to say.

use carillon_contracts::Channel;
use carillon_kernel::Problem;
use serde::{Deserialize, Serialize};

/// The largest part of a content, in bytes, by its field; together with the rest they fit into one DynamoDB item (400 KB).
pub const LARGEST_PARTS: [(&str, usize); 5] =
    [("subject", 4 * 998), ("preheader", 4 * 500), ("html", 256 * 1024), ("text", 128 * 1024), ("body", 4 * 1600)];

/// The parts of an email (`subject`, `preheader`, `html`, `text`) or of an SMS (`body`), in MiniJinja syntax.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Content {
    /// The subject line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The line that mail programs show after the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preheader: Option<String>,
    /// The HTML part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// The plain-text part; derived from the HTML when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The text of an SMS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Content {
    /// Lists the parts that the channel does not have, and those that are too large.
    #[must_use]
    pub fn problems(&self, channel: Channel) -> Vec<Problem> {
        let parts = [&self.subject, &self.preheader, &self.html, &self.text, &self.body];
        let named = LARGEST_PARTS.iter().zip(parts).filter_map(|((name, largest), part)| Some((*name, *largest, part.as_ref()?)));
        named
            .filter_map(|(name, largest, part)| {
                let belongs_to = if name == "body" { Channel::Sms } else { Channel::Email };
                let pointer = format!("/content/{name}");
                if belongs_to != channel {
                    Some(Problem::new(pointer, "campaigns.other_channel", format!("the channel {channel} has no {name}")))
                } else if part.len() > largest {
                    Some(Problem::new(pointer, "campaigns.content_too_large", format!("the {name} is larger than {largest} bytes")))
                } else {
                    None
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest item of DynamoDB, names and keys included (its quotas: 400 KB).
    const ITEM_BYTES: usize = 400 * 1024;

    #[test]
    fn each_channel_has_its_own_parts() {
        let both = Content { subject: Some("Hello".to_owned()), body: Some("Hello".to_owned()), ..Content::default() };

        let email: Vec<String> = both.problems(Channel::Email).into_iter().map(|problem| problem.pointer).collect();
        let sms: Vec<String> = both.problems(Channel::Sms).into_iter().map(|problem| problem.pointer).collect();

        assert_eq!(email, ["/content/body"]);
        assert_eq!(sms, ["/content/subject"]);
    }

    #[test]
    fn the_largest_content_fits_into_an_item() {
        let largest: usize = LARGEST_PARTS.iter().filter(|(name, _)| *name != "body").map(|(_, bytes)| bytes).sum();

        assert!(largest + 1024 < ITEM_BYTES);
    }

    #[test]
    fn a_larger_part_is_refused() {
        let content = Content { html: Some("x".repeat(256 * 1024 + 1)), ..Content::default() };

        assert_eq!(content.problems(Channel::Email).len(), 1);
    }
}
