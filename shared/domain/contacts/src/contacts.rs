//! The use cases of single contacts.

use std::collections::BTreeSet;
use std::sync::Arc;

use carillon_contracts::{ContactId, OrganizationId};
use carillon_dynamo::{Table, Trail};
use carillon_kernel::{Setup, SetupError};
use jiff::Timestamp;

use crate::address::Address;
use crate::change::{ContactChange, NewContact, Patch};
use crate::contact::Contact;
use crate::error::ContactsError;
use crate::state::State;
use crate::store::ContactStore;
use crate::tags;

/// The contacts of all organizations.
#[derive(Debug, Clone)]
pub struct Contacts {
    store: ContactStore,
}

impl Contacts {
    /// Opens the contacts.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: ContactStore { table: Table::from_setup(setup, "ENTITIES_TABLE")? } })
    }

    /// Gives the contacts for one call's use: what it changes is told in the audit trail.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail) }
    }

    /// Creates a contact; when it was created with this id before, gives it as it is.
    ///
    /// # Errors
    /// [`ContactsError::AddressTaken`] when an address belongs to another contact, or another [`ContactsError`].
    pub async fn create(&self, contact: Contact) -> Result<Contact, ContactsError> {
        let (organization, id, moment) = (contact.organization, contact.id, contact.created_at);
        tags::ensure(&self.store.table, organization, &contact.tags).await?;
        let addresses = contact.addresses();
        let load = || self.store.load_new(organization, id, addresses.clone());
        let edit = |state: &mut State| {
            state.contact.get_or_insert_with(|| contact.clone());
            Ok(())
        };
        let state = self.store.change((organization, moment), load, edit).await?;
        state.contact.ok_or(ContactsError::ContactAbsent)
    }

    /// Gives a contact.
    ///
    /// # Errors
    /// [`ContactsError::ContactAbsent`] when there is none, or another [`ContactsError`].
    pub async fn get(&self, organization: OrganizationId, id: ContactId) -> Result<Contact, ContactsError> {
        self.store.find(organization, id).await?.ok_or(ContactsError::ContactAbsent)
    }

    /// Finds the contact that has an address.
    ///
    /// # Errors
    /// [`ContactsError`] when the table does not answer.
    pub async fn find_by_address(&self, organization: OrganizationId, address: &Address) -> Result<Option<Contact>, ContactsError> {
        Ok(self.store.load_address(organization, address).await?.contact)
    }

    /// Changes a contact; `version` is the one that the caller knows.
    ///
    /// # Errors
    /// [`ContactsError::VersionConflict`] when the version is another, or another [`ContactsError`].
    pub async fn update(
        &self,
        (organization, id): (OrganizationId, ContactId),
        version: Option<u64>,
        change: ContactChange,
        moment: Timestamp,
    ) -> Result<Contact, ContactsError> {
        let further: BTreeSet<Address> = new_addresses(&change);
        let load = || self.store.load(organization, id, further.clone());
        let edit = |state: &mut State| {
            check_version(state, version)?;
            state.contact = state.contact.take().map(|contact| change.clone().apply(contact, moment));
            Ok(())
        };
        self.store.change((organization, moment), load, edit).await?.contact.ok_or(ContactsError::ContactAbsent)
    }

    /// Deletes a contact; the suppressions of its addresses stay.
    ///
    /// # Errors
    /// [`ContactsError::VersionConflict`] when the version is another, or another [`ContactsError`].
    pub async fn delete(
        &self,
        (organization, id): (OrganizationId, ContactId),
        version: Option<u64>,
        moment: Timestamp,
    ) -> Result<(), ContactsError> {
        let load = || self.store.load(organization, id, BTreeSet::new());
        let edit = |state: &mut State| {
            check_version(state, version)?;
            state.contact = None;
            Ok(())
        };
        self.store.change((organization, moment), load, edit).await.map(|_| ())
    }
}

impl NewContact {
    /// Tells whether the contact has neither address.
    #[must_use]
    pub const fn is_without_address(&self) -> bool {
        self.email.is_none() && self.phone.is_none()
    }
}

fn check_version(state: &State, version: Option<u64>) -> Result<(), ContactsError> {
    let stored = state.contact.as_ref().map_or(0, |contact| contact.version);
    if version.is_some_and(|known| known != stored) { Err(ContactsError::VersionConflict(stored)) } else { Ok(()) }
}

fn new_addresses(change: &ContactChange) -> BTreeSet<Address> {
    let mut addresses = BTreeSet::new();
    if let Patch::Set(email) = &change.email {
        addresses.insert(Address::from(email));
    }
    if let Patch::Set(phone) = &change.phone {
        addresses.insert(Address::from(phone));
    }
    addresses
}
