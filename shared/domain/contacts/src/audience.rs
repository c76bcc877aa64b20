//! Audiences, read in one stable order: page by page, everybody once, with bounded memory.
//!
//! The order is by shard and, within it, by contact id; the memberships of all named lists and tags are merged in that order, which also
//! removes duplicates. Contacts of dense memberships are read as ranges, of sparse ones by their keys.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::str::FromStr;

use carillon_contracts::{Audience, Channel, ContactId, OrganizationId};
use carillon_dynamo::{Query, Table};
use carillon_kernel::{Setup, SetupError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::contact::Contact;
use crate::error::ContactsError;
use crate::keys;
use crate::limits;
use crate::lists::MemberKey;
use crate::store::ContactStore;
use crate::suppression::{Purpose, Standing};
use crate::tag::Tag;

/// How many memberships are read at once, of each list or tag.
const MEMBERSHIPS: u32 = 500;
/// How many merged ids are turned into contacts at once.
const CHUNK: usize = 500;

/// Where a contact stands in the order of audiences: by shard, then by id. Its text is that of the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    shard: u8,
    contact: ContactId,
}

impl Position {
    /// The position of a contact.
    #[must_use]
    pub fn of(contact: ContactId) -> Self {
        Self { shard: contact.shard(keys::SHARDS), contact }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.contact.fmt(formatter)
    }
}

impl FromStr for Position {
    type Err = carillon_kernel::ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::of)
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.contact.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ContactId::deserialize(deserializer).map(Self::of)
    }
}

/// A contact as a send sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The contact.
    pub id: ContactId,
    /// Where it stands.
    pub position: Position,
    /// The address of the channel, as messages are sent to it.
    pub address: Option<String>,
    /// Whether marketing may be sent to it.
    pub standing: Standing,
    /// What templates see of it.
    pub fields: Map<String, Value>,
}

impl Member {
    fn of(contact: &Contact, channel: Channel) -> Self {
        Self {
            id: contact.id,
            position: Position::of(contact.id),
            address: contact.address_text(channel).map(str::to_owned),
            standing: contact.standing(channel, Purpose::Marketing),
            fields: contact.fields(),
        }
    }
}

/// A page of an audience.
#[derive(Debug, Clone, PartialEq)]
pub struct AudiencePage<T = Member> {
    /// The members, in order, eligible or not.
    pub members: Vec<T>,
    /// Whether nobody follows. A full page may be the last without saying so: then the next one is empty.
    pub end: bool,
}

/// How many contacts an audience has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AudienceSize {
    /// The number of contacts.
    pub contacts: u64,
    /// Whether counting ended there, because it is enough to know.
    pub at_least: bool,
}

/// Reads the audiences of all organizations.
#[derive(Debug, Clone)]
pub struct AudienceReader {
    store: ContactStore,
}

/// A list's or tag's memberships in one shard, read ahead.
struct Source {
    partition: String,
    ahead: VecDeque<ContactId>,
    last: Option<ContactId>,
    ended: bool,
}

/// The merged memberships of one shard.
struct Merge {
    sources: Vec<Source>,
}

impl AudienceReader {
    /// Opens the audiences.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: ContactStore { table: Table::from_setup(setup, "ENTITIES_TABLE")? } })
    }

    /// Gives up to `limit` members after a position, deleted contacts left out; the same contacts always come in the same order.
    ///
    /// Reads are strong: whoever was acknowledged as a member before a send is in it.
    ///
    /// # Errors
    /// [`ContactsError`] when the table does not answer, or the audience names what is no tag or too much.
    pub async fn page(
        &self,
        organization: OrganizationId,
        (audience, channel): (&Audience, Channel),
        after: Option<Position>,
        limit: usize,
    ) -> Result<AudiencePage, ContactsError> {
        let page = self.contacts(organization, audience, after, limit).await?;
        Ok(AudiencePage { members: page.members.iter().map(|contact| Member::of(contact, channel)).collect(), end: page.end })
    }

    /// Gives up to `limit` contacts after a position, as [`AudienceReader::page`] does.
    ///
    /// # Errors
    /// [`ContactsError`] when the table does not answer, or the audience names what is no tag or too much.
    pub async fn contacts(
        &self,
        organization: OrganizationId,
        audience: &Audience,
        after: Option<Position>,
        limit: usize,
    ) -> Result<AudiencePage<Contact>, ContactsError> {
        let mut members = Vec::new();
        let first = after.map_or(0, |position| position.shard);
        for shard in first..keys::SHARDS {
            let after = after.filter(|position| position.shard == shard).map(|position| position.contact);
            let place = Place { organization, shard, after };
            if audience.all {
                self.whole_shard(place, limit, &mut members).await?;
            } else {
                let merge = Merge { sources: sources(audience, place)? };
                self.merged_shard(place, merge, limit, &mut members).await?;
            }
            if members.len() >= limit {
                return Ok(AudiencePage { members, end: false });
            }
        }
        Ok(AudiencePage { members, end: true })
    }

    /// Tells whether the audience has no contact at all.
    ///
    /// # Errors
    /// As [`AudienceReader::page`].
    pub async fn is_empty(&self, organization: OrganizationId, audience: &Audience) -> Result<bool, ContactsError> {
        Ok(self.contacts(organization, audience, None, 1).await?.members.is_empty())
    }

    /// Gives some members to try a content on: the first 50.
    ///
    /// # Errors
    /// As [`AudienceReader::page`].
    pub async fn sample(&self, organization: OrganizationId, audience: &Audience, channel: Channel) -> Result<Vec<Member>, ContactsError> {
        Ok(self.page(organization, (audience, channel), None, 50).await?.members)
    }

    /// Counts an audience by its memberships' keys, each contact once, up to about `enough`.
    ///
    /// # Errors
    /// As [`AudienceReader::page`].
    pub async fn size(&self, organization: OrganizationId, audience: &Audience, enough: u64) -> Result<AudienceSize, ContactsError> {
        let mut contacts = 0;
        for shard in 0..keys::SHARDS {
            let place = Place { organization, shard, after: None };
            let everybody = || vec![Source::new(keys::contacts(organization, shard), None)];
            let mut merge = Merge { sources: if audience.all { everybody() } else { sources(audience, place)? } };
            loop {
                let ids = merge.next(&self.store.table, CHUNK).await?;
                contacts += u64::try_from(ids.len()).unwrap_or_default();
                if contacts >= enough {
                    return Ok(AudienceSize { contacts, at_least: true });
                }
                if ids.len() < CHUNK {
                    break;
                }
            }
        }
        Ok(AudienceSize { contacts, at_least: false })
    }

    async fn whole_shard(&self, place: Place, limit: usize, members: &mut Vec<Contact>) -> Result<(), ContactsError> {
        let mut after = place.after;
        while members.len() < limit {
            let query = after_contact(keys::contacts(place.organization, place.shard), after);
            let page = self.store.table.query::<Contact>(query.limit(number(limit - members.len()))).await?;
            after = page.items.last().map(|contact| contact.id).or(after);
            members.extend(page.items);
            if page.next.is_none() {
                break;
            }
        }
        Ok(())
    }

    async fn merged_shard(&self, place: Place, mut merge: Merge, limit: usize, members: &mut Vec<Contact>) -> Result<(), ContactsError> {
        let mut is_dense = true;
        while members.len() < limit {
            let wanted = CHUNK.min(limit - members.len());
            let ids = merge.next(&self.store.table, wanted).await?;
            let mut found = if is_dense { self.range(place, &ids).await? } else { BTreeMap::new() };
            let missing: Vec<ContactId> = ids.iter().copied().filter(|id| !found.contains_key(id)).collect();
            is_dense = missing.len() <= ids.len() / 2;
            found.extend(self.store.find_many(place.organization, missing).await?);
            members.extend(ids.iter().filter_map(|id| found.remove(id)));
            if ids.len() < wanted {
                break;
            }
        }
        Ok(())
    }

    /// Reads the contacts between the first and the last id, at most twice as many as there are ids.
    async fn range(&self, place: Place, ids: &[ContactId]) -> Result<BTreeMap<ContactId, Contact>, ContactsError> {
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(BTreeMap::new()) };
        let query = Query::partition(keys::contacts(place.organization, place.shard)).between(first.to_string(), last.to_string()).strong();
        let page = self.store.table.query::<Contact>(query.limit(number(2 * ids.len()))).await?;
        Ok(page.items.into_iter().map(|contact| (contact.id, contact)).collect())
    }
}

/// A shard, and where in it to start.
#[derive(Debug, Clone, Copy)]
struct Place {
    organization: OrganizationId,
    shard: u8,
    after: Option<ContactId>,
}

impl Source {
    fn new(partition: String, after: Option<ContactId>) -> Self {
        Self { partition, ahead: VecDeque::new(), last: after, ended: false }
    }

    async fn read_ahead(&mut self, table: &Table) -> Result<(), ContactsError> {
        while self.ahead.is_empty() && !self.ended {
            let query = after_contact(self.partition.clone(), self.last).limit(MEMBERSHIPS);
            let page = table.query::<MemberKey>(query).await?;
            self.ahead.extend(page.items.iter().map(|member| member.sk));
            self.last = self.ahead.back().copied().or(self.last);
            self.ended = page.next.is_none();
        }
        Ok(())
    }
}

impl Merge {
    /// Gives the next ids in order, each once; fewer than wanted only at the end.
    async fn next(&mut self, table: &Table, wanted: usize) -> Result<Vec<ContactId>, ContactsError> {
        let mut ids = Vec::with_capacity(wanted);
        while ids.len() < wanted {
            for source in &mut self.sources {
                source.read_ahead(table).await?;
            }
            let Some(next) = self.take_least() else { break };
            ids.push(next);
        }
        Ok(ids)
    }

    /// Takes the least id from every source that has it at its head.
    fn take_least(&mut self) -> Option<ContactId> {
        let least = self.sources.iter().filter_map(|source| source.ahead.front().copied()).min()?;
        for source in &mut self.sources {
            source.ahead.pop_front_if(|head| *head == least);
        }
        Some(least)
    }
}

fn sources(audience: &Audience, place: Place) -> Result<Vec<Source>, ContactsError> {
    if audience.lists.len() + audience.tags.len() > limits::AUDIENCE_SOURCES {
        return Err(ContactsError::TooMany("an audience names at most 50 lists and tags"));
    }
    let lists = audience.lists.iter().map(|list| keys::list_members(place.organization, *list, place.shard));
    // What is no tag, nobody can have.
    let tags = audience.tags.iter().filter_map(|tag| tag.parse::<Tag>().ok());
    let tags = tags.map(|tag| keys::tag_members(place.organization, &tag, place.shard));
    Ok(lists.chain(tags).map(|partition| Source::new(partition, place.after)).collect())
}

fn after_contact(partition: String, after: Option<ContactId>) -> Query {
    let query = Query::partition(partition).strong();
    match after {
        Some(contact) => query.after(contact.to_string()),
        None => query,
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(number: u8) -> ContactId {
        let mut bytes = [0; 16];
        bytes[0] = number;
        ContactId::from_bytes(bytes)
    }

    fn ended(ids: impl IntoIterator<Item = u8>) -> Source {
        let ahead = ids.into_iter().map(id).collect();
        Source { partition: String::new(), ahead, last: None, ended: true }
    }

    #[test]
    fn positions_are_ordered_by_shard_before_id() {
        let mut high_shard = [0; 16];
        high_shard[15] = 5;
        let mut low_shard = [9; 16];
        low_shard[15] = 4;

        let (high, low) = (Position::of(ContactId::from_bytes(high_shard)), Position::of(ContactId::from_bytes(low_shard)));

        assert!(low < high);
        assert_eq!(low.to_string().parse::<Position>().unwrap(), low);
    }

    proptest! {
        #[test]
        fn a_merge_gives_everybody_once_and_in_order(sources in prop::collection::vec(prop::collection::btree_set(any::<u8>(), 0..40), 0..5)) {
            let wanted: std::collections::BTreeSet<ContactId> = sources.iter().flatten().map(|number| id(*number)).collect();
            let mut merge = Merge { sources: sources.into_iter().map(ended).collect() };

            let merged: Vec<ContactId> = std::iter::from_fn(|| merge.take_least()).collect();

            prop_assert_eq!(merged, wanted.into_iter().collect::<Vec<_>>());
        }
    }
}
