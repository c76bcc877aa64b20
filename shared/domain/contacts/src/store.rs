//! How contacts and the records of their addresses are kept.
//!
//! | access pattern | key |
//! | --- | --- |
//! | a contact | `ORG#{org}#CON#{shard}` · `{con_id}` |
//! | many contacts in the order of their ids | the same partition, shard by shard |
//! | whose an address is, and why it is suppressed | `ORG#{org}#ADDR#{channel}#{address}` · `ADDR` |
//! | suppressed addresses by time | index: `ORG#{org}#SUPPRESSED` · `{at}#{channel}#{address}` |
//! | the contacts with a tag | `ORG#{org}#TAG#{tag}#{shard}` · `{con_id}` |
//! | the members of a list | `ORG#{org}#LIST#{list}#{shard}` · `{con_id}` |
//! | the addresses of a contact that was deleted lately | `ORG#{org}#DEPARTED#{con_id}` · `DEPARTED` |
//! | exclusions since a moment | `ORG#{org}#EXCL#{channel}` · `{at}#{address}` |
//!
//! The record of an address holds its uniqueness and its suppression, so that creating a contact and suppressing its address
//! exclude each other: both commit on the record's version.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use carillon_contracts::{Channel, ContactId, OrganizationId};
use carillon_dynamo::{Condition, Key, StoreError, Table, Trail, Write, number, text};
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::audit;
use crate::contact::Contact;
use crate::error::ContactsError;
use crate::exclusions::KEPT_DAYS;
use crate::keys;
use crate::state::{AddressRecord, RecordChange, State, Transition};
use crate::suppression::Suppression;

/// How often a change is tried when others change the same things.
const ATTEMPTS: usize = 8;

/// Contacts and the records of their addresses.
#[derive(Debug, Clone)]
pub(crate) struct ContactStore {
    pub(crate) table: Table,
}

/// The record of an address as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AddressItem {
    entity: String,
    schema: u32,
    pub(crate) channel: Channel,
    pub(crate) address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) contact: Option<ContactId>,
    pub(crate) suppressions: Vec<Suppression>,
    version: u64,
}

/// The addresses of a deleted contact: links in mails that it was sent may come back.
#[derive(Debug, Serialize, Deserialize)]
struct DepartedItem {
    entity: String,
    schema: u32,
    addresses: Vec<(Channel, String)>,
    ttl: i64,
}

#[derive(Debug, Serialize)]
struct MemberItem {
    entity: &'static str,
    schema: u32,
}

impl ContactStore {
    /// Gives the store for one call's use: single changes are told in the audit trail.
    pub(crate) fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { table: self.table.by(trail) }
    }

    /// Finds a contact.
    pub(crate) async fn find(&self, organization: OrganizationId, id: ContactId) -> Result<Option<Contact>, StoreError> {
        self.table.find(keys::contact(organization, id)).await
    }

    /// Finds many contacts; absent ones are left out.
    pub(crate) async fn find_many(
        &self,
        organization: OrganizationId,
        ids: impl IntoIterator<Item = ContactId>,
    ) -> Result<BTreeMap<ContactId, Contact>, StoreError> {
        let keys: Vec<Key> = ids.into_iter().map(|id| keys::contact(organization, id)).collect();
        let found = self.table.find_many::<Contact>(&keys).await?;
        Ok(found.into_iter().map(|contact| (contact.id, contact)).collect())
    }

    /// Reads the records of addresses; one that is not stored has version 0.
    pub(crate) async fn records(
        &self,
        organization: OrganizationId,
        addresses: BTreeSet<Address>,
    ) -> Result<BTreeMap<Address, AddressRecord>, StoreError> {
        let keys: Vec<Key> = addresses.iter().map(|address| keys::address(organization, address)).collect();
        let found = self.table.find_many::<AddressItem>(&keys).await?;
        let mut records: BTreeMap<Address, AddressRecord> =
            addresses.into_iter().map(|address| (address, AddressRecord::default())).collect();
        for item in found {
            if let Ok(address) = Address::parse(item.channel, &item.address) {
                let record = AddressRecord { contact: item.contact, suppressions: item.suppressions, version: item.version };
                records.insert(address, record);
            }
        }
        Ok(records)
    }

    /// Gives the addresses of a contact that was deleted lately.
    pub(crate) async fn departed(&self, organization: OrganizationId, id: ContactId) -> Result<BTreeSet<Address>, StoreError> {
        let found: Option<DepartedItem> = self.table.find(keys::departed(organization, id)).await?;
        let addresses = found.map(|item| item.addresses).unwrap_or_default();
        Ok(addresses.into_iter().filter_map(|(channel, text)| Address::parse(channel, &text).ok()).collect())
    }

    /// Writes a change as one list of writes, to be committed together; none when nothing changes. The audit trail hears nothing of it:
    /// whoever changes many things at once tells of them together.
    pub(crate) fn writes(&self, change: &Transition) -> Result<Vec<Write>, StoreError> {
        let mut writes = Vec::new();
        let (before, after) = (change.before.contact.as_ref(), change.after.contact.as_ref());
        if before != after {
            writes.extend(self.contact_writes(change.organization, before, after)?);
            writes.extend(self.membership_writes(change.organization, before, after)?);
        }
        if let (Some(contact), None) = (before, after) {
            writes.push(self.departure(contact, change.moment)?);
        }
        for record in change.records() {
            writes.push(self.record_write(change.organization, &record)?);
        }
        for (address, exclusion) in change.exclusions() {
            let key = keys::exclusion(change.organization, exclusion.at, &address);
            writes.push(self.table.put(key, &exclusion, Condition::Always)?.with("ttl", number(expiry(change.moment))));
        }
        Ok(writes)
    }

    fn contact_writes(
        &self,
        organization: OrganizationId,
        before: Option<&Contact>,
        after: Option<&Contact>,
    ) -> Result<Option<Write>, StoreError> {
        let unchanged = before.map_or(Condition::Absent, |contact| Condition::version(contact.version));
        Ok(match (before, after) {
            (_, Some(contact)) => {
                let put = self.table.put(keys::contact(organization, contact.id), contact, unchanged)?;
                Some(put.with("entity", text("contact")).with("schema", number(1)))
            }
            (Some(contact), None) => Some(self.table.delete(keys::contact(organization, contact.id), unchanged)),
            (None, None) => None,
        })
    }

    fn membership_writes(
        &self,
        organization: OrganizationId,
        before: Option<&Contact>,
        after: Option<&Contact>,
    ) -> Result<Vec<Write>, StoreError> {
        let keys_of = |contact: Option<&Contact>| -> BTreeSet<Key> {
            contact.into_iter().flat_map(|contact| membership_keys(organization, contact)).collect()
        };
        let (old, new) = (keys_of(before), keys_of(after));
        let member = MemberItem { entity: "member", schema: 1 };
        let mut writes = Vec::new();
        for key in new.difference(&old) {
            writes.push(self.table.put(key.clone(), &member, Condition::Always)?);
        }
        writes.extend(old.difference(&new).map(|key| self.table.delete(key.clone(), Condition::Always)));
        Ok(writes)
    }

    fn departure(&self, contact: &Contact, moment: Timestamp) -> Result<Write, StoreError> {
        let addresses = contact.addresses().into_iter().map(|address| (address.channel(), address.to_string())).collect();
        let item = DepartedItem { entity: "departed".to_owned(), schema: 1, addresses, ttl: expiry(moment) };
        self.table.put(keys::departed(contact.organization, contact.id), &item, Condition::Always)
    }

    fn record_write(&self, organization: OrganizationId, change: &RecordChange<'_>) -> Result<Write, StoreError> {
        let unchanged = |stored: u64| if stored == 0 { Condition::Absent } else { Condition::version(stored) };
        match change {
            RecordChange::Delete(address, stored) => Ok(self.table.delete(keys::address(organization, address), unchanged(*stored))),
            RecordChange::Put(address, record, stored) => {
                let item = AddressItem {
                    entity: "address".to_owned(),
                    schema: 1,
                    channel: address.channel(),
                    address: address.to_string(),
                    contact: record.contact,
                    suppressions: record.suppressions.clone(),
                    version: record.version,
                };
                let put = self.table.put(keys::address(organization, address), &item, unchanged(*stored))?;
                let Some(last) = record.suppressions.iter().map(|suppression| suppression.at).max() else { return Ok(put) };
                let put = put.with("gsi1pk", text(keys::suppressed(organization)));
                Ok(put.with("gsi1sk", text(keys::suppressed_sort(last, address))))
            }
        }
    }

    /// Loads, changes and commits, and tries again when somebody else was faster.
    ///
    /// `load` reads the state before; `edit` gives the state after.
    pub(crate) async fn change<L, F>(
        &self,
        (organization, moment): (OrganizationId, Timestamp),
        load: L,
        edit: impl Fn(&mut State) -> Result<(), ContactsError>,
    ) -> Result<State, ContactsError>
    where
        L: Fn() -> F,
        F: Future<Output = Result<State, ContactsError>>,
    {
        for _ in 0..ATTEMPTS {
            let before = load().await?;
            let mut after = before.clone();
            edit(&mut after)?;
            let transition = Transition::new(organization, before, after, moment)?;
            match self.table.commit(audit::tell(self.writes(&transition)?, &transition)).await {
                Ok(()) => return Ok(transition.after),
                Err(StoreError::Refused(_) | StoreError::Contended) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ContactsError::Busy)
    }

    /// Loads a contact, with the records of its addresses and of `further` ones.
    pub(crate) async fn load(
        &self,
        organization: OrganizationId,
        id: ContactId,
        further: BTreeSet<Address>,
    ) -> Result<State, ContactsError> {
        let contact = self.find(organization, id).await?.ok_or(ContactsError::ContactAbsent)?;
        let mut addresses = contact.addresses();
        addresses.extend(further);
        Ok(State { addresses: self.records(organization, addresses).await?, contact: Some(contact) })
    }

    /// Loads what a new contact meets: the records of its addresses, and the contact itself if it was made before.
    pub(crate) async fn load_new(
        &self,
        organization: OrganizationId,
        id: ContactId,
        addresses: BTreeSet<Address>,
    ) -> Result<State, ContactsError> {
        Ok(State { contact: self.find(organization, id).await?, addresses: self.records(organization, addresses).await? })
    }

    /// Loads a contact alone, for a change that leaves its addresses alone.
    pub(crate) async fn load_alone(&self, organization: OrganizationId, id: ContactId) -> Result<State, ContactsError> {
        let contact = self.find(organization, id).await?.ok_or(ContactsError::ContactAbsent)?;
        Ok(State { contact: Some(contact), addresses: BTreeMap::new() })
    }

    /// Loads the record of an address, with the contact that has it.
    pub(crate) async fn load_address(&self, organization: OrganizationId, address: &Address) -> Result<State, ContactsError> {
        let addresses = self.records(organization, BTreeSet::from([address.clone()])).await?;
        let holder = addresses.get(address).and_then(|record| record.contact);
        let contact = match holder {
            Some(id) => self.find(organization, id).await?,
            None => None,
        };
        Ok(State { contact, addresses })
    }
}

fn membership_keys(organization: OrganizationId, contact: &Contact) -> impl Iterator<Item = Key> {
    let tags = contact.tags.iter().map(move |tag| keys::tag_member(organization, tag, contact.id));
    let lists = contact.lists.iter().map(move |list| keys::list_member(organization, *list, contact.id));
    tags.chain(lists)
}

fn expiry(moment: Timestamp) -> i64 {
    moment.checked_add(Span::new().hours(24 * KEPT_DAYS)).unwrap_or(moment).as_second()
}
