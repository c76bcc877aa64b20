//! How a draft changes: a JSON merge patch (RFC 7396), typed. What is absent stays, null removes, objects are merged.

use carillon_contracts::{Audience, ListId, SenderId, TemplateId};
use serde::{Deserialize, Deserializer};

use crate::composition::{Composition, DoubtPolicy};
use crate::content::Content;

/// What a patch says of one member: nothing, that it goes, or its new value.
pub type Change<T> = Option<Option<T>>;

/// A merge patch of a [`Composition`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompositionPatch {
    /// Of the name; one that is removed leaves an empty name, which is refused.
    #[serde(deserialize_with = "change")]
    pub name: Change<String>,
    /// Of the audience.
    #[serde(deserialize_with = "change")]
    pub audience: Change<AudiencePatch>,
    /// Of the template.
    #[serde(deserialize_with = "change")]
    pub template_id: Change<TemplateId>,
    /// Of the content.
    #[serde(deserialize_with = "change")]
    pub content: Change<ContentPatch>,
    /// Of the sender.
    #[serde(deserialize_with = "change")]
    pub sender_id: Change<SenderId>,
    /// Of the policy; one that is removed becomes the default.
    #[serde(deserialize_with = "change")]
    pub doubt_policy: Change<DoubtPolicy>,
}

/// A merge patch of an [`Audience`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AudiencePatch {
    /// Of `all`.
    #[serde(deserialize_with = "change")]
    pub all: Change<bool>,
    /// Of the lists, as a whole.
    #[serde(deserialize_with = "change")]
    pub lists: Change<Vec<ListId>>,
    /// Of the tags, as a whole.
    #[serde(deserialize_with = "change")]
    pub tags: Change<Vec<String>>,
}

/// A merge patch of a [`Content`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContentPatch {
    /// Of the subject.
    #[serde(deserialize_with = "change")]
    pub subject: Change<String>,
    /// Of the preheader.
    #[serde(deserialize_with = "change")]
    pub preheader: Change<String>,
    /// Of the HTML part.
    #[serde(deserialize_with = "change")]
    pub html: Change<String>,
    /// Of the plain-text part.
    #[serde(deserialize_with = "change")]
    pub text: Change<String>,
    /// Of the text of an SMS.
    #[serde(deserialize_with = "change")]
    pub body: Change<String>,
}

impl CompositionPatch {
    /// Merges the patch into a composition.
    #[must_use]
    pub fn apply(self, to: Composition) -> Composition {
        Composition {
            name: self.name.map_or(to.name, Option::unwrap_or_default),
            channel: to.channel,
            audience: match self.audience {
                None => to.audience,
                Some(patch) => patch.map(|patch| patch.apply(to.audience)).unwrap_or_default(),
            },
            template_id: self.template_id.unwrap_or(to.template_id),
            content: match self.content {
                None => to.content,
                Some(patch) => patch.map(|patch| patch.apply(to.content.unwrap_or_default())),
            },
            sender_id: self.sender_id.unwrap_or(to.sender_id),
            doubt_policy: self.doubt_policy.map_or(to.doubt_policy, Option::unwrap_or_default),
        }
    }
}

impl AudiencePatch {
    fn apply(self, to: Audience) -> Audience {
        Audience {
            all: self.all.map_or(to.all, Option::unwrap_or_default),
            lists: self.lists.map_or(to.lists, Option::unwrap_or_default),
            tags: self.tags.map_or(to.tags, Option::unwrap_or_default),
        }
    }
}

impl ContentPatch {
    fn apply(self, to: Content) -> Content {
        Content {
            subject: self.subject.unwrap_or(to.subject),
            preheader: self.preheader.unwrap_or(to.preheader),
            html: self.html.unwrap_or(to.html),
            text: self.text.unwrap_or(to.text),
            body: self.body.unwrap_or(to.body),
        }
    }
}

/// Reads a member that is there: null is a change, too.
fn change<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Change<T>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use carillon_contracts::Channel;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn apply(patch: &Value, to: &Value) -> Value {
        let patch: CompositionPatch = serde_json::from_value(patch.clone()).unwrap();
        let to: Composition = serde_json::from_value(to.clone()).unwrap();
        serde_json::to_value(patch.apply(to)).unwrap()
    }

    fn before() -> Value {
        let content = Content { subject: Some("Hello".to_owned()), html: Some("<p>Hello".to_owned()), ..Content::default() };
        let audience = Audience { all: false, lists: Vec::new(), tags: vec!["vip".to_owned()] };
        serde_json::to_value(Composition { content: Some(content), audience, ..Composition::new("Spring", Channel::Email) }).unwrap()
    }

    #[test]
    fn an_empty_patch_changes_nothing() {
        assert_eq!(apply(&json!({}), &before()), before());
    }

    #[test]
    fn null_removes_and_objects_are_merged() {
        let after = apply(&json!({ "content": { "subject": null, "text": "Hi" }, "audience": { "all": true } }), &before());

        assert_eq!(after["content"], json!({ "html": "<p>Hello", "text": "Hi" }));
        assert_eq!(after["audience"], json!({ "all": true, "lists": [], "tags": ["vip"] }));
        assert_eq!(apply(&json!({ "content": null }), &before()).get("content"), None);
    }

    #[test]
    fn the_channel_cannot_be_changed() {
        assert!(serde_json::from_value::<CompositionPatch>(json!({ "channel": "sms" })).is_err());
    }

    /// The algorithm of RFC 7396, section 2, on JSON.
    fn merge(target: &Value, patch: &Value) -> Value {
        let Value::Object(members) = patch else { return patch.clone() };
        let mut merged = target.as_object().cloned().unwrap_or_default();
        for (name, member) in members {
            if member.is_null() {
                merged.remove(name);
            } else {
                let inner = merge(merged.get(name).unwrap_or(&Value::Null), member);
                merged.insert(name.clone(), inner);
            }
        }
        Value::Object(merged)
    }

    fn text() -> impl Strategy<Value = Value> {
        prop_oneof![Just(Value::Null), "[a-z]{1,3}".prop_map(Value::from)]
    }

    fn member(name: &'static str, value: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Vec<(String, Value)>> {
        prop::option::of(value).prop_map(move |value| value.map(|value| (name.to_owned(), value)).into_iter().collect())
    }

    fn object(members: Vec<Vec<(String, Value)>>) -> Value {
        Value::Object(members.into_iter().flatten().collect())
    }

    proptest! {
        #[test]
        fn a_patch_does_what_the_rfc_says(
            name in member("name", "[a-z]{1,3}".prop_map(Value::from)),
            content in (member("subject", text()), member("html", text()), member("text", text())),
            audience in (member("all", any::<bool>().prop_map(Value::from)), member("tags", prop::collection::vec("[a-z]", 0..3).prop_map(Value::from))),
            doubt in member("doubt_policy", Just(Value::from("at_least_once"))),
        ) {
            let content = vec![("content".to_owned(), object(vec![content.0, content.1, content.2]))];
            let audience = vec![("audience".to_owned(), object(vec![audience.0, audience.1]))];
            let patch = object(vec![name, content, audience, doubt]);

            let expected: Composition = serde_json::from_value(merge(&before(), &patch)).unwrap();

            prop_assert_eq!(apply(&patch, &before()), serde_json::to_value(expected).unwrap());
        }
    }
}
