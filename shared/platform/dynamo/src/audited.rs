use carillon_kernel::secret::sha256_hex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

/// The longest text that a record holds as it is, in characters.
const TEXT_CHARACTERS: usize = 256;
/// The largest value of a member that a record holds as it is, in bytes of its JSON.
const VALUE_BYTES: usize = 2_000;
/// The largest list of changes of a record: DynamoDB takes 400 KB, and bills every one of them.
const CHANGES_BYTES: usize = 64_000;
/// Members whose value no record holds: a name is one of these words, or has it between underscores.
const HIDDEN: [&str; 9] = ["password", "secret", "token", "seed", "hash", "sealed", "recovery", "partition", "otpauth"];
/// Members that every thing has, or that change with every change: they say nothing of it.
const UNSAID: [&str; 9] = ["id", "organization", "version", "schema", "entity", "updated_at", "ttl", "gsi1pk", "gsi1sk"];
/// What stands in place of a hidden value.
const MASK: &str = "…";

/// What a write changes, in the words of the API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Audited {
    /// The kind of thing: `contact`, `campaign`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// The members that changed, as they were; absent for a thing that is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Map<String, Json>>,
    /// The members that changed, as they are; absent for a thing that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Map<String, Json>>,
}

impl Audited {
    /// A thing that is new.
    pub fn created(kind: &str, id: impl ToString, thing: &impl Serialize) -> Self {
        Self { kind: kind.to_owned(), id: id.to_string(), before: None, after: Some(told(members(thing))) }
    }

    /// A thing that is gone.
    pub fn deleted(kind: &str, id: impl ToString, thing: &impl Serialize) -> Self {
        Self { kind: kind.to_owned(), id: id.to_string(), before: Some(told(members(thing))), after: None }
    }

    /// A thing that changed; nothing when it is the same as before.
    pub fn changed(kind: &str, id: impl ToString, (before, after): (&impl Serialize, &impl Serialize)) -> Option<Self> {
        let (before, after) = differing(members(before), members(after));
        let is_same = before.is_empty() && after.is_empty();
        (!is_same).then(|| Self { kind: kind.to_owned(), id: id.to_string(), before: Some(told(before)), after: Some(told(after)) })
    }

    /// Something that was done with a thing and is no member of it: work on many others, told by its counts.
    pub fn done(kind: &str, id: impl ToString, what: &impl Serialize) -> Self {
        Self::created(kind, id, what)
    }

    /// Leaves of the members their hashes only.
    fn digested(self) -> Self {
        let digested = |members: Map<String, Json>| {
            members.into_iter().map(|(name, value)| if value == MASK { (name, value) } else { (name, digest(&value)) }).collect()
        };
        Self { before: self.before.map(digested), after: self.after.map(digested), ..self }
    }
}

/// Writes changes as the text that a record holds, cut where they are too long for one.
pub(crate) fn write(changes: Vec<Audited>) -> String {
    let text = serde_json::to_string(&changes).unwrap_or_default();
    if text.len() <= CHANGES_BYTES {
        return text;
    }
    let digested: Vec<Audited> = changes.into_iter().map(Audited::digested).collect();
    serde_json::to_string(&digested).unwrap_or_default()
}

fn members(thing: &impl Serialize) -> Map<String, Json> {
    let mut members = match serde_json::to_value(thing) {
        Ok(Json::Object(members)) => members,
        Ok(other) => Map::from_iter([("value".to_owned(), other)]),
        Err(_) => Map::new(),
    };
    members.retain(|name, value| !UNSAID.contains(&name.as_str()) && !value.is_null());
    members
}

/// Leaves of two things what is not the same in both; of objects within them, too.
fn differing(mut before: Map<String, Json>, mut after: Map<String, Json>) -> (Map<String, Json>, Map<String, Json>) {
    let both: Vec<String> = before.keys().filter(|name| after.contains_key(*name)).cloned().collect();
    for name in both {
        let (Some(old), Some(new)) = (before.remove(&name), after.remove(&name)) else { continue };
        match (old, new) {
            (old, new) if old == new => {}
            (Json::Object(old), Json::Object(new)) => {
                let (old, new) = differing(old, new);
                before.insert(name.clone(), Json::Object(old));
                after.insert(name, Json::Object(new));
            }
            (old, new) => {
                before.insert(name.clone(), old);
                after.insert(name, new);
            }
        }
    }
    (before, after)
}

/// Makes members fit to be told: hidden ones masked, long ones cut to a hash and a length.
fn told(members: Map<String, Json>) -> Map<String, Json> {
    members.into_iter().map(|(name, value)| if is_hidden(&name) { (name, json!(MASK)) } else { (name, shortened(value)) }).collect()
}

fn is_hidden(name: &str) -> bool {
    name.split('_').any(|word| HIDDEN.iter().any(|hidden| word == *hidden || word.strip_suffix('s') == Some(hidden)))
}

fn shortened(value: Json) -> Json {
    let whole = value.to_string();
    let value = match value {
        Json::String(text) if text.chars().count() > TEXT_CHARACTERS => return digest(&Json::String(text)),
        Json::Object(members) => Json::Object(told(members)),
        Json::Array(values) => Json::Array(values.into_iter().map(shortened).collect()),
        other => other,
    };
    if value.to_string().len() > VALUE_BYTES { digest_of(whole.as_bytes()) } else { value }
}

fn digest(value: &Json) -> Json {
    match value {
        Json::String(text) => digest_of(text.as_bytes()),
        other => digest_of(other.to_string().as_bytes()),
    }
}

fn digest_of(bytes: &[u8]) -> Json {
    json!({ "sha256": sha256_hex(bytes), "length": bytes.len() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn changed(before: Json, after: Json) -> Option<(Json, Json)> {
        let audited = Audited::changed("thing", "thg_1", (&before, &after))?;
        Some((Json::Object(audited.before.unwrap()), Json::Object(audited.after.unwrap())))
    }

    #[test]
    fn only_members_that_changed_are_told() {
        let before = json!({ "id": "thg_1", "name": "Ada", "city": "London", "version": 1, "gone": true });
        let after = json!({ "id": "thg_1", "name": "Grace", "city": "London", "version": 2, "new": 1 });

        assert_eq!(changed(before, after).unwrap(), (json!({ "gone": true, "name": "Ada" }), json!({ "new": 1, "name": "Grace" })));
    }

    #[test]
    fn of_an_object_within_only_what_changed_is_told() {
        let before = json!({ "consent": { "email": { "status": "unknown" }, "sms": { "status": "subscribed" } } });
        let after = json!({ "consent": { "email": { "status": "subscribed" }, "sms": { "status": "subscribed" } } });

        let (before, after) = changed(before, after).unwrap();

        assert_eq!(before, json!({ "consent": { "email": { "status": "unknown" } } }));
        assert_eq!(after, json!({ "consent": { "email": { "status": "subscribed" } } }));
    }

    #[test]
    fn a_change_of_nothing_but_the_version_is_no_change() {
        assert_eq!(changed(json!({ "name": "Ada", "version": 1 }), json!({ "name": "Ada", "version": 2, "note": null })), None);
    }

    #[test]
    fn secrets_are_never_told_wherever_they_stand() {
        let thing = json!({
            "password_hash": "$argon2id$", "secret": "s3", "refresh_tokens": ["t"], "deep": { "totp_seed": "JBSW" }, "list": [{ "token": "x" }],
            "tokenised": "no secret",
        });

        let text = serde_json::to_string(&Audited::created("user", "usr_1", &thing)).unwrap();

        for secret in ["argon2id", "s3", "\"t\"", "JBSW", "\"x\""] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(text.contains("no secret"), "{text}");
    }

    #[test]
    fn that_a_secret_changed_is_told_without_it() {
        assert_eq!(
            changed(json!({ "secret": "a" }), json!({ "secret": "b" })).unwrap(),
            (json!({ "secret": "…" }), json!({ "secret": "…" }))
        );
    }

    #[test]
    fn long_values_are_cut_to_a_hash_and_a_length() {
        let text = "x".repeat(300);
        let many: Vec<String> = (0..200).map(|number| format!("con_{number:026}")).collect();

        let after = Audited::created("template", "tpl_1", &json!({ "html": text, "contacts": many, "name": "short" })).after.unwrap();

        assert_eq!(after["html"], json!({ "sha256": sha256_hex(text.as_bytes()), "length": 300 }));
        assert!(after["contacts"]["sha256"].is_string());
        assert_eq!(after["name"], "short");
    }

    #[test]
    fn too_many_changes_leave_their_hashes() {
        let change = |number: usize| Audited::created("contact", number, &json!({ "name": "y".repeat(250), "secret": "s" }));

        let text = write((0..400).map(change).collect());

        let read: Vec<Audited> = serde_json::from_str(&text).unwrap();
        assert_eq!(read.len(), 400);
        assert_eq!(read[7].after.as_ref().unwrap()["name"]["length"], 250);
        assert_eq!(read[7].after.as_ref().unwrap()["secret"], MASK);
    }
}
