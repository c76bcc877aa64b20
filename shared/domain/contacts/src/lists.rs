//! Lists: named groups of contacts that are made by hand or by imports.
//!
//! | access pattern | key |
//! | --- | --- |
//! | the lists of an organization, oldest first | `ORG#{org}#LISTS` · `{lst_id}` |
//! | the members of a list | `ORG#{org}#LIST#{list}#{shard}` · `{con_id}` |
//!
//! A membership is an item of its own and a word in its contact, written together: the first makes audiences cheap, the second lets a
//! deleted contact take its memberships along. Members are counted when somebody asks: a kept count would be hot, or wrong after a crash.

use std::collections::BTreeSet;
use std::sync::Arc;

use carillon_contracts::{ContactId, ListId, OrganizationId};
use carillon_dynamo::{Audited, Condition, Cursor, Page, Query, StoreError, Table, Trail, Write};
use carillon_kernel::{Setup, SetupError};
use futures::StreamExt as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::contact::Contact;
use crate::error::ContactsError;
use crate::keys;
use crate::state::{State, Transition};
use crate::store::ContactStore;
use crate::tags::own_cursor;
use crate::text::{TextError, plain, text_type};

/// The kind of lists in the audit trail.
const KIND: &str = "list";
/// How many contacts are changed in one transaction: two writes each.
const TOGETHER: usize = 40;
/// How many transactions run at the same time.
const AT_ONCE: usize = 8;
/// How many memberships of a deleted list are removed before the next look.
const SWEPT: u32 = 500;

text_type!(
    /// The name of a list: 1 to 100 characters on one line.
    ListName,
    |text| plain(text, 100, "is not a name: 1 to 100 characters, on one line"),
    TextError
);

/// A list of contacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactList {
    /// The id.
    pub id: ListId,
    /// The name.
    pub name: ListName,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What became of contacts that were to join or leave a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MembersChanged {
    /// How many joined or left.
    pub changed: u32,
    /// How many were, or were not, on the list before.
    pub unchanged: u32,
    /// The ids that name no contact.
    pub absent: Vec<ContactId>,
}

/// What is done with the members of a list.
#[derive(Clone, Copy)]
enum Edit {
    Add(ListId),
    Remove(ListId),
}

/// What the audit trail hears of a group of members: one record tells of all of them.
#[derive(Serialize)]
struct GroupChanged {
    #[serde(skip_serializing_if = "Option::is_none")]
    members_added: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members_removed: Option<usize>,
    contacts: Vec<ContactId>,
}

impl Edit {
    /// Changes a contact; false when it was so before.
    fn apply(self, contact: &mut Contact) -> bool {
        match self {
            Self::Add(list) => contact.lists.insert(list),
            Self::Remove(list) => contact.lists.remove(&list),
        }
    }

    fn told(self, group: &[Contact]) -> Audited {
        let contacts = group.iter().map(|contact| contact.id).collect();
        let (list, members_added, members_removed) = match self {
            Self::Add(list) => (list, Some(group.len()), None),
            Self::Remove(list) => (list, None, Some(group.len())),
        };
        Audited::done(KIND, list, &GroupChanged { members_added, members_removed, contacts })
    }
}

/// The lists of all organizations.
#[derive(Debug, Clone)]
pub struct Lists {
    store: ContactStore,
}

impl Lists {
    /// Opens the lists.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: ContactStore { table: Table::from_setup(setup, "ENTITIES_TABLE")? } })
    }

    /// Gives the lists for one call's use: what it changes is told in the audit trail.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail) }
    }

    /// Creates a list; when it was created with this id before, gives it as it is.
    ///
    /// # Errors
    /// [`ContactsError`] when the table does not answer.
    pub async fn create(&self, organization: OrganizationId, list: ContactList) -> Result<ContactList, ContactsError> {
        let put = self.store.table.put(keys::list(organization, list.id), &list, Condition::Absent)?;
        let put = put.with("entity", carillon_dynamo::text("list")).with("schema", carillon_dynamo::number(1));
        let put = put.audited(Audited::created(KIND, list.id, &list));
        match self.store.table.commit(vec![put]).await {
            Ok(()) => Ok(list),
            Err(StoreError::Refused(_)) => self.get(organization, list.id).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a list.
    ///
    /// # Errors
    /// [`ContactsError::ListAbsent`] when there is none, or another [`ContactsError`].
    pub async fn get(&self, organization: OrganizationId, id: ListId) -> Result<ContactList, ContactsError> {
        self.store.table.find(keys::list(organization, id)).await?.ok_or(ContactsError::ListAbsent)
    }

    /// Gives those of many ids that name no list.
    ///
    /// # Errors
    /// [`ContactsError`] when the table does not answer.
    pub async fn absent(&self, organization: OrganizationId, ids: &[ListId]) -> Result<Vec<ListId>, ContactsError> {
        let unique: BTreeSet<ListId> = ids.iter().copied().collect();
        let keys: Vec<_> = unique.iter().map(|id| keys::list(organization, *id)).collect();
        let found = self.store.table.find_many::<ContactList>(&keys).await?;
        Ok(unique.into_iter().filter(|id| !found.iter().any(|list| list.id == *id)).collect())
    }

    /// Gives a page of the lists, oldest first.
    ///
    /// # Errors
    /// [`ContactsError`] when the cursor is another listing's, or the table does not answer.
    pub async fn page(&self, organization: OrganizationId, cursor: Option<Cursor>, limit: u32) -> Result<Page<ContactList>, ContactsError> {
        let partition = keys::lists(organization);
        let cursor = own_cursor(cursor, &partition)?;
        Ok(self.store.table.query(Query::partition(partition).limit(limit).start(cursor)).await?)
    }

    /// Deletes a list in one transaction with `request`, which leads to [`Lists::delete_memberships`].
    ///
    /// # Errors
    /// [`ContactsError::ListAbsent`] when there is none, or another [`ContactsError`].
    pub async fn delete(&self, organization: OrganizationId, id: ListId, request: Write) -> Result<(), ContactsError> {
        let list = self.get(organization, id).await?;
        let delete = self.store.table.delete(keys::list(organization, id), Condition::Present);
        let delete = delete.audited(Audited::deleted(KIND, id, &list));
        match self.store.table.commit(vec![delete, request]).await {
            Err(StoreError::Refused(_)) => Err(ContactsError::ListAbsent),
            other => Ok(other?),
        }
    }

    /// Removes the memberships of a deleted list. It may run twice: it removes what is left.
    ///
    /// # Errors
    /// [`ContactsError`] when the table does not answer.
    pub async fn delete_memberships(&self, organization: OrganizationId, list: ListId, moment: Timestamp) -> Result<(), ContactsError> {
        for shard in 0..keys::SHARDS {
            loop {
                let query = Query::partition(keys::list_members(organization, list, shard)).strong().limit(SWEPT);
                let members = self.store.table.query::<MemberKey>(query).await?.items;
                let ids: Vec<ContactId> = members.into_iter().map(|member| member.sk).collect();
                if ids.is_empty() {
                    break;
                }
                let changed = self.change_members((organization, moment), &ids, Edit::Remove(list)).await?;
                // A membership without its contact, or unknown to it, is a leftover.
                for id in changed.absent.iter().chain(if changed.unchanged > 0 { ids.as_slice() } else { &[] }) {
                    let leftover = self.store.table.delete(keys::list_member(organization, list, *id), Condition::Always);
                    self.store.table.commit(vec![leftover]).await?;
                }
            }
        }
        Ok(())
    }

    /// Puts contacts on a list, up to 100.
    ///
    /// # Errors
    /// [`ContactsError::ListAbsent`] when there is no such list, or another [`ContactsError`].
    pub async fn add_members(
        &self,
        (organization, list): (OrganizationId, ListId),
        contacts: &[ContactId],
        moment: Timestamp,
    ) -> Result<MembersChanged, ContactsError> {
        self.get(organization, list).await?;
        self.change_members((organization, moment), contacts, Edit::Add(list)).await
    }

    /// Takes contacts from a list, up to 100.
    ///
    /// # Errors
    /// [`ContactsError::ListAbsent`] when there is no such list, or another [`ContactsError`].
    pub async fn remove_members(
        &self,
        (organization, list): (OrganizationId, ListId),
        contacts: &[ContactId],
        moment: Timestamp,
    ) -> Result<MembersChanged, ContactsError> {
        self.get(organization, list).await?;
        self.change_members((organization, moment), contacts, Edit::Remove(list)).await
    }

    /// Changes many contacts, some in each transaction; where somebody was faster, one by one.
    async fn change_members(
        &self,
        (organization, moment): (OrganizationId, Timestamp),
        ids: &[ContactId],
        edit: Edit,
    ) -> Result<MembersChanged, ContactsError> {
        let unique: BTreeSet<ContactId> = ids.iter().copied().collect();
        let mut found = self.store.find_many(organization, unique.iter().copied()).await?;
        let absent = unique.iter().copied().filter(|id| !found.contains_key(id)).collect();
        let present = u32::try_from(found.len()).unwrap_or(u32::MAX);
        found.retain(|_, contact| edit.apply(&mut contact.clone()));
        let changed = u32::try_from(found.len()).unwrap_or(u32::MAX);
        let contacts: Vec<Contact> = found.into_values().collect();
        let groups: Vec<_> = contacts.chunks(TOGETHER).map(|group| self.change_together((organization, moment), group, edit)).collect();
        let outcomes: Vec<Result<(), ContactsError>> = futures::stream::iter(groups).buffer_unordered(AT_ONCE).collect().await;
        outcomes.into_iter().collect::<Result<(), _>>()?;
        Ok(MembersChanged { changed, unchanged: present - changed, absent })
    }

    async fn change_together(
        &self,
        (organization, moment): (OrganizationId, Timestamp),
        group: &[Contact],
        edit: Edit,
    ) -> Result<(), ContactsError> {
        let mut writes = Vec::new();
        for contact in group {
            let before = State { contact: Some(contact.clone()), ..State::default() };
            let mut after = before.clone();
            after.contact.as_mut().map(|contact| edit.apply(contact));
            writes.extend(self.store.writes(&Transition::new(organization, before, after, moment)?)?);
        }
        if let Some(first) = writes.first_mut() {
            first.tell([edit.told(group)]);
        }
        match self.store.table.commit(writes).await {
            Err(StoreError::Refused(_) | StoreError::Contended) => {}
            other => return Ok(other?),
        }
        for contact in group {
            let load = || self.store.load_alone(organization, contact.id);
            let single = |state: &mut State| {
                state.contact.as_mut().map(|contact| edit.apply(contact));
                Ok(())
            };
            match self.store.change((organization, moment), load, single).await {
                Ok(_) | Err(ContactsError::ContactAbsent) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The key of a membership, whose sort key is the contact.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct MemberKey {
    pub(crate) sk: ContactId,
}
