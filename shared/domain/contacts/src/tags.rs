//! The use cases of tags, and the catalogue of those that are in use.
//!
//! | access pattern | key |
//! | --- | --- |
//! | the tags of an organization | `ORG#{org}#TAGS` · `{tag}` |
//!
//! A tag enters the catalogue before the first contact has it, outside that contact's transaction: the catalogue is one item for each
//! tag, which an import of thousands must not write thousands of times. It stays there when the last contact loses it.

use std::collections::BTreeSet;
use std::sync::Arc;

use carillon_contracts::{ContactId, OrganizationId};
use carillon_dynamo::{Condition, Cursor, Key, Page, Query, Table, Trail};
use carillon_kernel::{Setup, SetupError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::contact::Contact;
use crate::error::ContactsError;
use crate::keys;
use crate::state::State;
use crate::store::ContactStore;
use crate::tag::Tag;

/// The tags of all organizations.
#[derive(Debug, Clone)]
pub struct Tags {
    store: ContactStore,
}

#[derive(Debug, Serialize, Deserialize)]
struct TagItem {
    entity: String,
    schema: u32,
    tag: Tag,
}

impl Tags {
    /// Opens the tags.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: ContactStore { table: Table::from_setup(setup, "ENTITIES_TABLE")? } })
    }

    /// Gives the tags for one call's use: what it changes is told in the audit trail.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail) }
    }

    /// Gives a page of the tags that were ever used, in alphabetical order.
    ///
    /// # Errors
    /// [`ContactsError`] when the cursor is another listing's, or the table does not answer.
    pub async fn page(&self, organization: OrganizationId, cursor: Option<Cursor>, limit: u32) -> Result<Page<Tag>, ContactsError> {
        let partition = keys::tags(organization);
        let cursor = own_cursor(cursor, &partition)?;
        let page = self.store.table.query::<TagItem>(Query::partition(partition).limit(limit).start(cursor)).await?;
        Ok(page.map(|item| item.tag))
    }

    /// Gives a contact a tag; one that it has stays.
    ///
    /// # Errors
    /// [`ContactsError::ContactAbsent`] when there is no such contact, or another [`ContactsError`].
    pub async fn add(
        &self,
        (organization, contact): (OrganizationId, ContactId),
        tag: Tag,
        moment: Timestamp,
    ) -> Result<Contact, ContactsError> {
        ensure(&self.store.table, organization, &BTreeSet::from([tag.clone()])).await?;
        self.edit((organization, contact), moment, |contact| {
            contact.tags.insert(tag.clone());
        })
        .await
    }

    /// Takes a tag from a contact; one that it does not have stays away.
    ///
    /// # Errors
    /// [`ContactsError::ContactAbsent`] when there is no such contact, or another [`ContactsError`].
    pub async fn remove(
        &self,
        (organization, contact): (OrganizationId, ContactId),
        tag: &Tag,
        moment: Timestamp,
    ) -> Result<Contact, ContactsError> {
        self.edit((organization, contact), moment, |contact| {
            contact.tags.remove(tag);
        })
        .await
    }

    async fn edit(
        &self,
        (organization, id): (OrganizationId, ContactId),
        moment: Timestamp,
        change: impl Fn(&mut Contact),
    ) -> Result<Contact, ContactsError> {
        let load = || self.store.load_alone(organization, id);
        let edit = |state: &mut State| {
            state.contact.as_mut().map(&change);
            Ok(())
        };
        self.store.change((organization, moment), load, edit).await?.contact.ok_or(ContactsError::ContactAbsent)
    }
}

/// Puts tags into the catalogue, unless they are there.
pub(crate) async fn ensure(table: &Table, organization: OrganizationId, tags: &BTreeSet<Tag>) -> Result<(), ContactsError> {
    let keys: Vec<Key> = tags.iter().map(|tag| keys::tag(organization, tag)).collect();
    let known: BTreeSet<Tag> = table.find_many::<TagItem>(&keys).await?.into_iter().map(|item| item.tag).collect();
    for tag in tags.difference(&known) {
        let item = TagItem { entity: "tag".to_owned(), schema: 1, tag: tag.clone() };
        table.commit(vec![table.put(keys::tag(organization, tag), &item, Condition::Always)?]).await?;
    }
    Ok(())
}

/// Refuses the cursor of another listing.
pub(crate) fn own_cursor(cursor: Option<Cursor>, partition: &str) -> Result<Option<Cursor>, ContactsError> {
    match cursor {
        Some(cursor) if cursor.partition() != Some(partition) => Err(carillon_dynamo::StoreError::Cursor.into()),
        cursor => Ok(cursor),
    }
}
