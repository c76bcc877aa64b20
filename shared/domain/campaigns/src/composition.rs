//! What people decide about a campaign while it is a draft, and the rules that hold even for an unfinished one.

use carillon_contracts::{Audience, Channel, SenderId, TemplateId};
use carillon_kernel::Problem;
use serde::{Deserialize, Serialize};

use crate::content::Content;

/// The longest name of a campaign, in characters.
pub const NAME_CHARACTERS: usize = 120;
/// The most lists and tags together that an audience names.
pub const AUDIENCE_PARTS: usize = 50;
/// The longest tag, in characters.
pub const TAG_CHARACTERS: usize = 100;

/// Who writes what to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Composition {
    /// The name by which the organization knows the campaign.
    pub name: String,
    /// The channel; it never changes.
    pub channel: Channel,
    /// Whom it is for.
    #[serde(default)]
    pub audience: Audience,
    /// The template with the content; instead of `content`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_id: Option<TemplateId>,
    /// The content, when it is no template's; left out of lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// The address or number that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_id: Option<SenderId>,
    /// What to do when it cannot be known whether the provider took a message.
    #[serde(default)]
    pub doubt_policy: DoubtPolicy,
}

/// What to do with a recipient of whom it cannot be known whether the provider took the message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubtPolicy {
    /// Leave it, and say so: nobody gets the message twice.
    #[default]
    AtMostOnce,
    /// Send again: somebody may get the message twice.
    AtLeastOnce,
}

impl Composition {
    /// Makes the composition of a campaign that has a name and a channel, and nothing else yet.
    #[must_use]
    pub fn new(name: impl Into<String>, channel: Channel) -> Self {
        Self {
            name: name.into(),
            channel,
            audience: Audience::default(),
            template_id: None,
            content: None,
            sender_id: None,
            doubt_policy: DoubtPolicy::default(),
        }
    }

    /// Lists what is wrong even for a draft: what is there must be well formed and small enough; what is missing is no problem yet.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > NAME_CHARACTERS || name.chars().any(char::is_control) {
            problems.push(Problem::new("/name", "campaigns.name", "a name has 1 to 120 characters in one line"));
        }
        problems.extend(audience_problems(&self.audience));
        if self.template_id.is_some() && self.content.is_some() {
            let detail = "a campaign has a template or content of its own, not both: set one of them to null";
            problems.push(Problem::new("/content", "campaigns.two_contents", detail));
        }
        problems.extend(self.content.iter().flat_map(|content| content.problems(self.channel)));
        problems
    }
}

fn audience_problems(audience: &Audience) -> Vec<Problem> {
    let mut problems = Vec::new();
    if audience.lists.len() + audience.tags.len() > AUDIENCE_PARTS {
        let detail = format!("an audience names at most {AUDIENCE_PARTS} lists and tags");
        problems.push(Problem::new("/audience", "campaigns.audience_too_large", detail));
    }
    for (place, tag) in audience.tags.iter().enumerate() {
        if tag.trim().is_empty() || tag.chars().count() > TAG_CHARACTERS {
            let detail = format!("a tag has 1 to {TAG_CHARACTERS} characters");
            problems.push(Problem::new(format!("/audience/tags/{place}"), "campaigns.tag", detail));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(composition: &Composition) -> Vec<String> {
        composition.problems().into_iter().map(|problem| problem.code).collect()
    }

    #[test]
    fn a_draft_needs_a_name_and_nothing_else() {
        assert!(codes(&Composition::new("Spring", Channel::Email)).is_empty());
        assert_eq!(codes(&Composition::new("  ", Channel::Email)), ["campaigns.name"]);
        assert_eq!(codes(&Composition::new("x".repeat(121), Channel::Email)), ["campaigns.name"]);
    }

    #[test]
    fn all_that_is_wrong_is_listed_at_once() {
        let composition = Composition {
            audience: Audience { tags: vec![String::new(); 51], ..Audience::default() },
            template_id: Some(TemplateId::from_bytes([1; 16])),
            content: Some(Content { body: Some("hello".to_owned()), ..Content::default() }),
            ..Composition::new("", Channel::Email)
        };

        let problems = composition.problems();

        let pointers: Vec<&str> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert!(["/name", "/audience", "/audience/tags/50", "/content", "/content/body"].iter().all(|place| pointers.contains(place)));
        assert_eq!(pointers.len(), 55);
    }
}
