//! One change: a contact and the records of its addresses before and after, made consistent, and whom the change excludes.

use std::collections::BTreeMap;

use carillon_contracts::{Channel, ContactId, OrganizationId};
use jiff::{SignedDuration, Timestamp};

use crate::address::Address;
use crate::contact::Contact;
use crate::error::ContactsError;
use crate::exclusions::Exclusion;
use crate::limits;
use crate::suppression::{Purpose, Standing, Suppression};

/// What is known of an address: whose it is, and why it is suppressed. Version 0 means that nothing is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AddressRecord {
    pub(crate) contact: Option<ContactId>,
    /// One for each reason, the weightiest first.
    pub(crate) suppressions: Vec<Suppression>,
    pub(crate) version: u64,
}

impl AddressRecord {
    /// Adds a reason; one that stands already stays as it is.
    pub(crate) fn suppress(&mut self, suppression: Suppression) {
        if !self.suppressions.iter().any(|known| known.reason == suppression.reason) {
            self.suppressions.push(suppression);
            self.suppressions.sort_by_key(|known| known.reason);
        }
    }

    pub(crate) fn blocks(&self, purpose: Purpose) -> bool {
        self.suppressions.iter().any(|suppression| suppression.reason.blocks(purpose))
    }

    fn is_worth_keeping(&self) -> bool {
        self.contact.is_some() || !self.suppressions.is_empty()
    }
}

/// A contact, and those records of addresses that were read for the change.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    pub(crate) contact: Option<Contact>,
    pub(crate) addresses: BTreeMap<Address, AddressRecord>,
}

/// A change that keeps all rules, ready to be stored.
#[derive(Debug, Clone)]
pub(crate) struct Transition {
    pub(crate) organization: OrganizationId,
    pub(crate) before: State,
    pub(crate) after: State,
    pub(crate) moment: Timestamp,
}

/// What becomes of an address's record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RecordChange<'a> {
    Put(&'a Address, &'a AddressRecord, u64),
    Delete(&'a Address, u64),
}

impl Transition {
    /// Makes a change consistent: records know their contact, the contact copies their suppressions, versions move on.
    ///
    /// Addresses whose record was not read must be the same before and after.
    ///
    /// # Errors
    /// [`ContactsError`] when an address is taken, the contact has no address, or too much of something.
    pub(crate) fn new(organization: OrganizationId, before: State, after: State, moment: Timestamp) -> Result<Self, ContactsError> {
        let mut transition = Self { organization, before, after, moment };
        transition.link()?;
        transition.copy_suppressions();
        transition.check()?;
        transition.count_versions();
        Ok(transition)
    }

    fn link(&mut self) -> Result<(), ContactsError> {
        let Some(id) = self.after.contact.as_ref().or(self.before.contact.as_ref()).map(|contact| contact.id) else { return Ok(()) };
        let held = self.after.contact.as_ref().map(Contact::addresses).unwrap_or_default();
        for (address, record) in &mut self.after.addresses {
            match (held.contains(address), record.contact) {
                (true, Some(contact)) if contact != id => return Err(ContactsError::AddressTaken { channel: address.channel(), contact }),
                (true, _) => record.contact = Some(id),
                (false, Some(contact)) if contact == id => record.contact = None,
                (false, _) => {}
            }
        }
        Ok(())
    }

    fn copy_suppressions(&mut self) {
        let Some(contact) = &mut self.after.contact else { return };
        for channel in Channel::ALL {
            match contact.address(channel) {
                None => contact.suppressed.of_mut(channel).clear(),
                Some(address) => {
                    if let Some(record) = self.after.addresses.get(&address) {
                        *contact.suppressed.of_mut(channel) = record.suppressions.iter().map(|suppression| suppression.reason).collect();
                    }
                }
            }
        }
    }

    fn check(&self) -> Result<(), ContactsError> {
        let Some(contact) = &self.after.contact else { return Ok(()) };
        if contact.email.is_none() && contact.phone.is_none() {
            return Err(ContactsError::AddressMissing);
        }
        if let Some((_, problem)) = crate::attribute::problem(&contact.attributes) {
            return Err(ContactsError::TooMany(problem));
        }
        if contact.tags.len() > limits::TAGS {
            return Err(ContactsError::TooMany("a contact has at most 30 tags"));
        }
        if contact.lists.len() > limits::LISTS {
            return Err(ContactsError::TooMany("a contact is on at most 50 lists"));
        }
        Ok(())
    }

    fn count_versions(&mut self) {
        if let (Some(before), Some(after)) = (&self.before.contact, &mut self.after.contact)
            && before != after
        {
            let only_marked = Contact { imported: before.imported, ..after.clone() } == *before;
            after.version = before.version + 1;
            if !only_marked {
                after.updated_at = self.moment;
            }
        }
        // A record that is deleted and made again must not get an old version again: versions start at the moment.
        let first = u64::try_from(self.moment.as_millisecond()).unwrap_or_default();
        for (address, record) in &mut self.after.addresses {
            if self.before.addresses.get(address).is_none_or(|before| before != record) {
                record.version = first.max(record.version + 1);
            }
        }
    }

    /// The records that change.
    pub(crate) fn records(&self) -> impl Iterator<Item = RecordChange<'_>> {
        self.after.addresses.iter().filter_map(|(address, record)| {
            let stored = self.before.addresses.get(address).map_or(0, |before| before.version);
            if self.before.addresses.get(address) == Some(record) {
                None
            } else if record.is_worth_keeping() {
                Some(RecordChange::Put(address, record, stored))
            } else {
                (stored > 0).then_some(RecordChange::Delete(address, stored))
            }
        })
    }

    /// The entries of the exclusion log: addresses that may be written to before and not after, or the other way round.
    ///
    /// An address of which nothing was stored before needs no entry when it becomes reachable: no plan can hold an older exclusion of it.
    pub(crate) fn exclusions(&self) -> Vec<(Address, Exclusion)> {
        let mut addresses = self.before.contact.as_ref().map(Contact::addresses).unwrap_or_default();
        addresses.extend(self.after.contact.as_ref().map(Contact::addresses).unwrap_or_default());
        addresses.extend(self.after.addresses.keys().cloned());
        let changed = addresses.into_iter().filter_map(|address| {
            let before = Purpose::ALL.map(|purpose| self.before.is_reachable(&address, purpose));
            let [marketing, transactional] = Purpose::ALL.map(|purpose| self.after.is_reachable(&address, purpose));
            let is_new = self.before.addresses.get(&address).is_some_and(|record| record.version == 0);
            let became_reachable_only = is_new && marketing && transactional;
            if before == [marketing, transactional] || became_reachable_only {
                return None;
            }
            let exclusion =
                Exclusion { address: address.to_string(), at: self.excluded_at(), marketing: !marketing, transactional: !transactional };
            Some((address, exclusion))
        });
        changed.collect()
    }

    /// Later than the contact's change before, even when clocks differ a little: the last entry counts.
    fn excluded_at(&self) -> Timestamp {
        let step = SignedDuration::from_millis(1);
        let last = self.before.contact.as_ref().and_then(|contact| contact.updated_at.checked_add(step).ok());
        last.map_or(self.moment, |last| last.max(self.moment))
    }
}

impl State {
    /// Whether messages of the purpose may go to the address; one without a contact may get transactional ones.
    fn is_reachable(&self, address: &Address, purpose: Purpose) -> bool {
        let contact = self.contact.as_ref().filter(|contact| contact.address(address.channel()).as_ref() == Some(address));
        match (contact, self.addresses.get(address)) {
            (Some(contact), _) => contact.standing(address.channel(), purpose) == Standing::Eligible,
            // An address that no contact has: marketing goes to contacts only.
            (None, Some(record)) => purpose == Purpose::Transactional && !record.blocks(purpose),
            (None, None) => false,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
