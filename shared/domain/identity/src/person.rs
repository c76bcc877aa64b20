//! All that is kept about a person: where it lies, and what of it may be shown to that person.
//!
//! | what | key |
//! | --- | --- |
//! | the account, its sessions, second factor, memberships, logins, exports, and pointers to mails | `USER#{user}` · everything |
//! | answers to repeated requests | `ANSWERS#{user}` · everything |
//! | the address | `EMAIL#{address}` · `EMAIL` |
//! | pointers to mails that went to the address before it was known whose it is | `MAILED#{address}` · `NOTICE#{message}` |
//! | a login of a provider | `LOGIN#{provider}#{subject}` · `LOGIN` |
//! | a membership, the organization's side | `ORG#{org}#MEMBERS` · `{user}` |
//! | invitations of the address | index: `INVITED#{address}` · … |
//! | security events | index: `PERSON#{user}` · `{event}` |
//! | audit records of what the person did | index: `ACTOR#{user}` · …, and among those that wait for their seal: `UNSEALED#{shard}` · … |
//!
//! What is about a person and lies elsewhere leaves a pointer under `USER#{user}`, or under the address where nobody has it yet. Not kept
//! by name or address at all: attempts (hashes), challenges, queued notices and counters (ids); they end by themselves within a day.
//! The mails of identity go without a configuration set, so that nothing that the mail provider reports of them is archived.

use carillon_contracts::{MemberRecord, MessageId, UserId};
use carillon_dynamo::{Condition, Cursor, Key, Page, Query, Record, StoreError, Table, UNSEALED_SHARDS, Write, number, text};
use carillon_kernel::{Setup, SetupError};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json};

use crate::user::{EmailAddress, User};

/// Words of the names of members that even their owner is not shown: who reads an export could use or guess at them.
const SECRET: [&str; 9] = ["password", "secret", "token", "seed", "hash", "hashes", "sealed", "codes", "browser"];
/// Members that say where and how a thing is stored, not what it is.
const STORAGE: [&str; 8] = ["pk", "sk", "gsi1pk", "gsi1sk", "ttl", "schema", "entity", "version"];
/// As long as the ledger keeps mails, and a day.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 401);
/// How many items are read at once.
const PAGE: u32 = 200;
/// The sort keys of the account and of the request to erase it.
pub(crate) const ACCOUNT: &str = "USER";
pub(crate) const ERASURE: &str = "ERASURE";

/// The store of what is about people.
#[derive(Debug, Clone)]
pub(crate) struct PersonStore {
    table: Table,
}

/// The pointers to the mails that were sent to users, beside which the mails themselves lie in another area.
#[derive(Debug, Clone)]
pub struct SentMails {
    table: Table,
}

impl SentMails {
    /// Opens the pointers; needs the setting `ENTITIES_TABLE`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { table: Table::from_setup(setup, "ENTITIES_TABLE")? })
    }

    /// Makes the writes that note a mail to a user, for the transaction that makes the mail: refused when the user is gone, or asked to be.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written as an item.
    pub fn note(&self, user: UserId, mail: MessageId, moment: Timestamp) -> Result<Vec<Write>, StoreError> {
        let stays = self.table.check(Key::new(partition(user), ACCOUNT), Condition::Present);
        let is_wanted = self.table.check(Key::new(partition(user), ERASURE), Condition::Absent);
        Ok(vec![self.pointer(partition(user), mail, moment)?, stays, is_wanted])
    }

    /// Makes the write that notes a mail to an address that need not be a user's, as [`SentMails::note`].
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written as an item.
    pub fn note_to_address(&self, address: &EmailAddress, mail: MessageId, moment: Timestamp) -> Result<Write, StoreError> {
        self.pointer(mailed_partition(address), mail, moment)
    }

    fn pointer(&self, partition: String, mail: MessageId, moment: Timestamp) -> Result<Write, StoreError> {
        let body = serde_json::json!({ "message": mail, "sent_at": moment });
        let put = self.table.put(Key::new(partition, format!("NOTICE#{mail}")), &body, Condition::Always)?;
        let ends = moment + KEPT;
        Ok(put.with("entity", text("notice")).with("schema", number(1)).with("ttl", number(ends.as_second())))
    }
}

/// An item that is about a person.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonalItem {
    pub(crate) key: Key,
    /// What kind of thing it is.
    pub entity: String,
    members: Map<String, Json>,
}

impl PersonalItem {
    fn of(item: Json) -> Option<Self> {
        let Json::Object(members) = item else { return None };
        let text = |name: &str| members.get(name).and_then(Json::as_str).map(str::to_owned);
        let entity = text("entity").unwrap_or_else(|| "other".to_owned());
        Some(Self { key: Key::new(text("pk")?, text("sk")?), entity, members })
    }

    /// Gives the text of a member.
    #[must_use]
    pub fn text(&self, member: &str) -> Option<&str> {
        self.members.get(member).and_then(Json::as_str)
    }

    /// Tells whether it has a member.
    #[must_use]
    pub fn has(&self, member: &str) -> bool {
        self.members.contains_key(member)
    }

    /// Gives what its person is shown of it.
    #[must_use]
    pub fn shown(self) -> Map<String, Json> {
        shown(self.members)
    }
}

/// Leaves of members what a person may see; objects within them likewise.
fn shown(members: Map<String, Json>) -> Map<String, Json> {
    let is_shown = |name: &String| !STORAGE.contains(&name.as_str()) && !name.split('_').any(|word| SECRET.contains(&word));
    let deeper = |value: Json| match value {
        Json::Object(inner) => Json::Object(shown(inner)),
        other => other,
    };
    members.into_iter().filter(|(name, _)| is_shown(name)).map(|(name, value)| (name, deeper(value))).collect()
}

impl PersonStore {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { table: Table::from_setup(setup, "ENTITIES_TABLE")? })
    }

    pub(crate) const fn table(&self) -> &Table {
        &self.table
    }

    /// Lists what lies under the user: the account and all that belongs to it, and what was answered to the user.
    pub(crate) async fn own(&self, user: UserId) -> Result<Vec<PersonalItem>, StoreError> {
        let mut items: Vec<Json> = self.table.query_all(Query::partition(partition(user)).strong()).await?;
        items.extend(self.table.query_all::<Json>(Query::partition(answers_partition(user)).strong()).await?);
        Ok(items.into_iter().filter_map(PersonalItem::of).collect())
    }

    /// Lists what lies elsewhere, and is found by what lies under the user.
    pub(crate) async fn elsewhere(&self, user: &User, own: &[PersonalItem]) -> Result<Vec<PersonalItem>, StoreError> {
        let mut keys = vec![email_key(&user.email)];
        keys.extend(own.iter().filter_map(other_side).map(|(pk, sk)| Key::new(pk, sk)));
        let mut found: Vec<Json> = self.table.find_many(&keys).await?;
        found.extend(self.table.query_all::<Json>(Query::index(format!("INVITED#{}", user.email.key()))).await?);
        Ok(found.into_iter().filter_map(PersonalItem::of).collect())
    }

    /// Lists the pointers to mails that went to the address before it was known whose it is.
    pub(crate) async fn mailed(&self, address: &EmailAddress) -> Result<Vec<PersonalItem>, StoreError> {
        let items: Vec<Json> = self.table.query_all(Query::partition(mailed_partition(address)).strong()).await?;
        Ok(items.into_iter().filter_map(PersonalItem::of).collect())
    }

    /// Reads a page of the security events that are about a user.
    pub(crate) async fn events(&self, user: UserId, start: Option<Cursor>) -> Result<Page<PersonalItem>, StoreError> {
        self.page(events_index(user), start).await
    }

    /// Reads a page of the sealed audit records of what a user did.
    pub(crate) async fn records(&self, user: UserId, start: Option<Cursor>) -> Result<Page<PersonalItem>, StoreError> {
        self.page(Record::actor_partition(&user.to_string()), start).await
    }

    /// Lists the audit records of what a user did that wait for their seal: those of the last moments.
    pub(crate) async fn unsealed_records(&self, user: UserId) -> Result<Vec<PersonalItem>, StoreError> {
        let actor = user.to_string();
        let mut found = Vec::new();
        for shard in 0..UNSEALED_SHARDS {
            let mut start = None;
            loop {
                let page = self.page(Record::unsealed_partition(shard), start).await?;
                found.extend(page.items.into_iter().filter(|item| item.text("actor") == Some(&actor)));
                start = page.next;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Makes the write that takes an address from a user, and from nobody else.
    pub(crate) fn free_address(&self, user: &User) -> Write {
        let own = Condition::Any(vec![Condition::Absent, Condition::Equals("user", text(user.id))]);
        self.table.delete(email_key(&user.email), own)
    }

    async fn page(&self, partition: String, start: Option<Cursor>) -> Result<Page<PersonalItem>, StoreError> {
        let page: Page<Json> = self.table.query(Query::index(partition).limit(PAGE).start(start)).await?;
        Ok(Page { items: page.items.into_iter().filter_map(PersonalItem::of).collect(), next: page.next })
    }
}

/// Gives the key of the other side of a login or a membership.
fn other_side(item: &PersonalItem) -> Option<(String, String)> {
    match item.entity.as_str() {
        "login" => Some((format!("LOGIN#{}#{}", item.text("provider")?, item.text("subject")?), "LOGIN".to_owned())),
        "membership" => Some(MemberRecord::key(item.text("organization")?.parse().ok()?, item.text("user")?.parse().ok()?)),
        _ => None,
    }
}

/// The partition of the index that lists the security events that are about a user.
pub(crate) fn events_index(user: UserId) -> String {
    format!("PERSON#{user}")
}

/// The partition of all that lies under a user.
pub(crate) fn partition(user: UserId) -> String {
    format!("USER#{user}")
}

/// Where the harness keeps what was answered to a user's requests.
fn answers_partition(user: UserId) -> String {
    format!("ANSWERS#{user}")
}

fn mailed_partition(address: &EmailAddress) -> String {
    format!("MAILED#{}", address.key())
}

fn email_key(address: &EmailAddress) -> Key {
    Key::new(format!("EMAIL#{}", address.key()), "EMAIL")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_person_is_shown_everything_but_secrets_and_where_it_lies() {
        let item = json!({
            "pk": "USER#1", "sk": "SESSION#1", "entity": "session", "ttl": 1, "device": "Firefox", "refresh_seed": "s", "password_hash": "h",
            "deep": { "token": "t", "place": "PT" },
        });

        let shown = PersonalItem::of(item).unwrap().shown();

        assert_eq!(Json::Object(shown), json!({ "device": "Firefox", "deep": { "place": "PT" } }));
    }

    #[test]
    fn the_other_side_of_a_login_is_found() {
        let item = json!({ "pk": "USER#1", "sk": "LOGIN#google", "entity": "login", "provider": "google", "subject": "77" });

        assert_eq!(other_side(&PersonalItem::of(item).unwrap()), Some(("LOGIN#google#77".to_owned(), "LOGIN".to_owned())));
    }
}
