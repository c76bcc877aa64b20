use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use carillon_kernel::secret::sha256_hex;
use carillon_kernel::{Setup, SetupError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audited::{self, Audited};
use crate::write::Action;
use crate::{Condition, Value, Write, text};

/// How many partitions of the index hold the records that are not yet sealed.
pub const UNSEALED_SHARDS: u8 = 8;

/// The hexadecimal characters of a record's id: 80 bits.
const ID_CHARACTERS: usize = 20;

/// Who changes something, from where and by what: what the audit trail says of every change of one call.
///
/// A table that was opened [`by`](crate::Table::by) a trail adds one record to every commit whose writes say what they change
/// ([`crate::Write::audited`]): in the same transaction, so that there is no change without its record, and no record without its change.
///
/// | access pattern | key |
/// | --- | --- |
/// | the records of an organization in a month, by time | `ORG#{org}#AUDIT#{yyyy-mm}` · `{at}#{record}` |
/// | records that are not yet sealed, by time | index: `UNSEALED#{shard}` · `{at}#{org}#{record}` |
/// | sealed records of what a user did, by time | index: `ACTOR#{user}` · `{at}#{org}#{record}` |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    /// The table of entities, where the record is put.
    pub table: Arc<str>,
    /// The organization whose trail it is.
    pub organization: String,
    /// The id of the key or the user, or the name of the function that acts by itself.
    pub actor: String,
    /// The address that the request came from.
    pub ip: Option<String>,
    /// What the client says that it is.
    pub user_agent: Option<String>,
    /// The function's name.
    pub function: &'static str,
    /// The id of the request or the message.
    pub request_id: String,
    /// When, in RFC 3339 with milliseconds, UTC: it sorts as text.
    pub at: String,
}

/// Makes the trails of a function that no authenticated caller starts: public routes, consumers, schedules.
#[derive(Debug, Clone)]
pub struct Trails {
    table: Arc<str>,
    function: &'static str,
}

/// A record of the trail as it is stored; the sealer adds the number of its `seal` beside it and lists it under its user, if it has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The organization.
    pub organization: String,
    /// Who did it: a key, a user, or the name of a function.
    pub actor: String,
    /// From which address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// With which program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// By which function.
    pub function: String,
    /// In which request.
    pub request_id: String,
    /// The hash of address and program with the record's id, so that a person's erasure can take these away and the seal still holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin_hash: Option<String>,
    /// When.
    pub at: String,
    /// What changed, as JSON: a list of [`Audited`]. A text, so that its bytes are the same when it is read and hashed again.
    pub changes: String,
}

impl Trails {
    /// Opens the trails of the function of this name; needs the setting `ENTITIES_TABLE`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing.
    pub fn from_setup(setup: &Setup, function: &'static str) -> Result<Self, SetupError> {
        Ok(Self { table: setup.text("ENTITIES_TABLE")?.into(), function })
    }

    /// Makes the trail of what the function does by itself in an organization; `request_id` says because of what.
    #[must_use]
    pub fn of(&self, organization: impl ToString, request_id: impl Into<String>, moment: Timestamp) -> Trail {
        Trail {
            table: Arc::clone(&self.table),
            organization: organization.to_string(),
            actor: self.function.to_owned(),
            ip: None,
            user_agent: None,
            function: self.function,
            request_id: request_id.into(),
            at: moment_text(moment),
        }
    }
}

impl Trail {
    /// Says who it was, where that is not the function itself.
    #[must_use]
    pub fn actor(self, actor: impl ToString) -> Self {
        Self { actor: actor.to_string(), ..self }
    }

    /// Says where the request came from.
    #[must_use]
    pub fn from(self, ip: Option<IpAddr>, user_agent: Option<String>) -> Self {
        Self { ip: ip.map(|ip| ip.to_string()), user_agent, ..self }
    }

    /// Makes the write of the record of a commit; none when nothing of it is audited.
    ///
    /// The record's id follows from the request and what it changed. The record must not be there yet: a commit that comes again although
    /// it was carried out is refused as a whole, as it would be for the conditions of its own writes.
    pub(crate) fn record(&self, writes: &mut [Write]) -> Option<Write> {
        let changes: Vec<Audited> = writes.iter_mut().flat_map(|write| std::mem::take(&mut write.audited)).collect();
        if changes.is_empty() {
            return None;
        }
        let changes = audited::write(changes);
        let hash = sha256_hex(format!("{}\0{}\0{changes}", self.request_id, self.at).as_bytes());
        let id = hash.get(..ID_CHARACTERS).unwrap_or_default();
        let shard = u8::from_str_radix(hash.get(ID_CHARACTERS..ID_CHARACTERS + 2).unwrap_or_default(), 16).unwrap_or_default();
        let user_agent: Option<String> = self.user_agent.as_ref().map(|agent| agent.chars().take(256).collect());
        let record = Record {
            organization: self.organization.clone(),
            actor: self.actor.clone(),
            origin_hash: Record::origin_hash(id, (self.ip.as_deref(), user_agent.as_deref())),
            ip: self.ip.clone(),
            user_agent,
            function: self.function.to_owned(),
            request_id: self.request_id.clone(),
            at: self.at.clone(),
            changes,
        };
        let mut item: HashMap<String, Value> = serde_dynamo::to_item(&record).unwrap_or_default();
        item.insert("pk".to_owned(), text(Record::partition(&self.organization, month(&self.at))));
        item.insert("sk".to_owned(), text(format!("{}#{id}", self.at)));
        item.insert("gsi1pk".to_owned(), text(Record::unsealed_partition(shard % UNSEALED_SHARDS)));
        item.insert("gsi1sk".to_owned(), text(format!("{}#{}#{id}", self.at, self.organization)));
        item.insert("entity".to_owned(), text("audit_record"));
        Some(Write { table: Arc::clone(&self.table), action: Action::Put(item), condition: Condition::Absent, audited: Vec::new() })
    }
}

impl Record {
    /// The partition of the records of an organization in a month, such as `2026-11`.
    #[must_use]
    pub fn partition(organization: &str, month: &str) -> String {
        format!("ORG#{organization}#AUDIT#{month}")
    }

    /// A partition of the index of the records that are not yet sealed.
    #[must_use]
    pub fn unsealed_partition(shard: u8) -> String {
        format!("UNSEALED#{shard}")
    }

    /// The partition of the index of the sealed records of what somebody did.
    #[must_use]
    pub fn actor_partition(actor: &str) -> String {
        format!("ACTOR#{actor}")
    }

    /// Hashes where a request came from; nothing for a function that acts by itself.
    fn origin_hash(id: &str, (ip, user_agent): (Option<&str>, Option<&str>)) -> Option<String> {
        let text = format!("{id}\0{}\0{}", ip.unwrap_or_default(), user_agent.unwrap_or_default());
        (ip.is_some() || user_agent.is_some()).then(|| sha256_hex(text.as_bytes()))
    }

    /// Tells whether address and program are those that the record was written with, or were taken away.
    #[must_use]
    pub fn has_own_origin(&self, id: &str) -> bool {
        let hash = Self::origin_hash(id, (self.ip.as_deref(), self.user_agent.as_deref()));
        hash.is_none() || hash == self.origin_hash
    }

    /// Gives the SHA-256 of the record's canonical bytes: its members in their order, as JSON without white space. Of address and program
    /// only the hash is among them, which stays when an erasure takes them away.
    #[must_use]
    pub fn hash(&self) -> String {
        let lasting = Self { ip: None, user_agent: None, ..self.clone() };
        sha256_hex(&serde_json::to_vec(&lasting).unwrap_or_default())
    }
}

/// RFC 3339 with exactly three digits of milliseconds, so that texts sort as moments do.
fn moment_text(moment: Timestamp) -> String {
    format!("{moment:.3}")
}

fn month(at: &str) -> &str {
    at.get(..7).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Change, Key};

    fn trail(request_id: &str) -> Trail {
        let trails = Trails { table: "entities".into(), function: "contacts-update" };
        trails.of("org_1", request_id, Timestamp::from_second(1_700_000_000).unwrap()).actor("usr_1")
    }

    fn write(audited: Option<Audited>) -> Write {
        let update = Action::Update(Key::new("pk", "sk"), Change::new().set("name", text("Grace")));
        Write { table: "entities".into(), action: update, condition: Condition::Present, audited: Vec::new() }.audited(audited)
    }

    fn renamed(from: &str, to: &str) -> Option<Audited> {
        Audited::changed("contact", "con_1", (&json!({ "name": from }), &json!({ "name": to })))
    }

    fn item(record: Write) -> HashMap<String, Value> {
        assert_eq!(record.condition, Condition::Absent);
        match record.action {
            Action::Put(item) => item,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_commit_that_changes_nothing_leaves_no_record() {
        assert_eq!(trail("req").record(&mut [write(None), write(renamed("Ada", "Ada"))]), None);
    }

    #[test]
    fn a_commit_leaves_one_record_of_all_that_it_changes() {
        let mut writes = [write(renamed("Ada", "Grace")), write(None), write(renamed("x", "y"))];

        let item = item(trail("req").record(&mut writes).unwrap());

        assert!(writes.iter().all(|write| write.audited.is_empty()));
        assert_eq!(item["pk"], text("ORG#org_1#AUDIT#2023-11"));
        assert!(item["sk"].as_s().unwrap().starts_with("2023-11-14T22:13:20.000Z#"));
        assert!(item["gsi1pk"].as_s().unwrap().starts_with("UNSEALED#"));
        let record: Record = serde_dynamo::from_item(item).unwrap();
        let changes: Vec<Audited> = serde_json::from_str(&record.changes).unwrap();
        assert_eq!((changes.len(), record.actor.as_str(), record.function.as_str()), (2, "usr_1", "contacts-update"));
    }

    #[test]
    fn the_same_commit_of_the_same_request_is_the_same_record() {
        let key = |request: &str, to: &str| item(trail(request).record(&mut [write(renamed("Ada", to))]).unwrap())["sk"].clone();

        assert_eq!(key("req", "Grace"), key("req", "Grace"));
        assert_ne!(key("req", "Grace"), key("other", "Grace"));
        assert_ne!(key("req", "Grace"), key("req", "Edsger"));
    }

    #[test]
    fn the_hash_of_a_record_is_that_of_its_members_alone() {
        let stored = item(trail("req").record(&mut [write(renamed("Ada", "Grace"))]).unwrap());
        let record: Record = serde_dynamo::from_item(stored.clone()).unwrap();
        let sealed = stored.into_iter().filter(|(name, _)| !name.starts_with("gsi1")).chain([("seal".to_owned(), crate::number(7))]);
        let again: Record = serde_dynamo::from_item(sealed.collect::<HashMap<_, _>>()).unwrap();

        assert_eq!(record.hash(), again.hash());
        assert_ne!(record.hash(), Record { actor: "usr_2".to_owned(), ..again }.hash());
    }

    #[test]
    fn a_record_keeps_its_hash_when_its_origin_is_taken_away_and_not_when_it_is_changed() {
        let from = trail("req").from("192.0.2.1".parse().ok(), Some("curl/8".to_owned()));
        let item = item(from.record(&mut [write(renamed("Ada", "Grace"))]).unwrap());
        let (_, id) = item["sk"].as_s().unwrap().split_once('#').unwrap();
        let record: Record = serde_dynamo::from_item(item.clone()).unwrap();
        let erased = Record { ip: None, user_agent: None, ..record.clone() };
        let moved = Record { ip: Some("192.0.2.2".to_owned()), ..record.clone() };

        assert_eq!(erased.hash(), record.hash());
        assert!(record.has_own_origin(id) && erased.has_own_origin(id) && !moved.has_own_origin(id));
        assert_ne!(Record { origin_hash: None, ..record.clone() }.hash(), record.hash());
    }
}
