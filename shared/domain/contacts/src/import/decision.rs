//! What a row does to a contact: a pure rule on the row, the records of its addresses, and the contacts that have them.

use std::collections::BTreeMap;

use carillon_contracts::{Channel, ContactId};
use jiff::Timestamp;

use crate::address::Address;
use crate::contact::{Consent, ConsentStatus, Contact};
use crate::error::ContactsError;
use crate::state::{AddressRecord, State, Transition};

use super::row::{Candidate, Rejection};
use super::{Import, ImportMark, RowOutcome};

/// A row that can be read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    pub(crate) number: u64,
    pub(crate) candidate: Candidate,
}

/// What is stored of the addresses and contacts that rows speak of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub(crate) records: BTreeMap<Address, AddressRecord>,
    pub(crate) contacts: BTreeMap<ContactId, Contact>,
}

impl Known {
    /// The contacts that have the row's addresses.
    pub(crate) fn holders(&self, candidate: &Candidate) -> impl Iterator<Item = ContactId> {
        Channel::ALL.into_iter().filter_map(|channel| self.holder(candidate, channel))
    }

    fn holder(&self, candidate: &Candidate, channel: Channel) -> Option<ContactId> {
        self.records.get(&candidate.address(channel)?)?.contact
    }
}

/// What is to be done for a row.
#[derive(Debug)]
pub(crate) enum Decision {
    /// Nothing is to be stored.
    Nothing(RowOutcome),
    /// A change is to be stored.
    Change(Box<Transition>, RowOutcome),
    /// The row cannot be imported.
    Reject(Rejection),
    /// What is known does not fit together: somebody changes it right now.
    Look,
}

/// Decides; `new_id` is the id of the contact, if one is created.
pub(crate) fn decide(import: &Import, row: &Reading, known: &Known, (new_id, moment): (ContactId, Timestamp)) -> Decision {
    let candidate = &row.candidate;
    let (by_email, by_phone) = (known.holder(candidate, Channel::Email), known.holder(candidate, Channel::Sms));
    let before = match (by_email, by_phone) {
        (Some(one), Some(other)) if one != other => {
            return conflict("the email address and the phone number belong to two different contacts");
        }
        (None, None) => None,
        (Some(id), _) | (None, Some(id)) => match known.contacts.get(&id) {
            Some(contact) => Some(contact),
            None => return Decision::Look,
        },
    };
    let mark = before.and_then(|contact| contact.imported).filter(|mark| mark.import == import.id);
    if let Some(mark) = mark.filter(|mark| mark.row == row.number) {
        return Decision::Nothing(mark.outcome);
    }
    let has_other_email = before.and_then(|contact| contact.address(Channel::Email)) != candidate.address(Channel::Email);
    if before.is_some_and(|contact| contact.email.is_some()) && by_email.is_none() && candidate.email.is_some() && has_other_email {
        return conflict("the phone number belongs to a contact with another email address");
    }
    let (after, outcome) = merged(import, row, before, (mark.is_some(), new_id, moment));
    let addresses = before.map(Contact::addresses).unwrap_or_default().into_iter().chain(after.addresses());
    let records: BTreeMap<Address, AddressRecord> =
        addresses.filter_map(|address| known.records.get(&address).cloned().map(|record| (address, record))).collect();
    let before = State { contact: before.cloned(), addresses: records.clone() };
    let after = State { contact: Some(after), addresses: records };
    if before.contact == after.contact {
        return Decision::Nothing(outcome);
    }
    match Transition::new(import.organization, before, after, moment) {
        Ok(change) => Decision::Change(Box::new(change), outcome),
        Err(error @ ContactsError::AddressTaken { .. }) => conflict(error.to_string()),
        Err(error) => Decision::Reject(Rejection::new("too_much", error.to_string())),
    }
}

fn conflict(reason: impl Into<String>) -> Decision {
    Decision::Reject(Rejection::new("conflict", reason))
}

/// Gives the contact as it is afterwards, and what the row did to it.
fn merged(
    import: &Import,
    row: &Reading,
    before: Option<&Contact>,
    (is_duplicate, new_id, moment): (bool, ContactId, Timestamp),
) -> (Contact, RowOutcome) {
    let mut contact = before.cloned().unwrap_or_else(|| Contact::empty(import.organization, new_id, moment));
    let replaces = before.is_none() || (!is_duplicate && import.options.as_ref().is_some_and(|options| options.update_existing));
    if replaces {
        replace(&mut contact, &row.candidate);
    } else if is_duplicate {
        fill(&mut contact, &row.candidate);
    }
    contact.tags.extend(row.candidate.tags.iter().cloned());
    add_options(&mut contact, import, moment);
    let outcome = match before {
        None => RowOutcome::Created,
        Some(_) if is_duplicate => RowOutcome::Duplicate,
        Some(before) if *before == contact => RowOutcome::Unchanged,
        Some(_) => RowOutcome::Updated,
    };
    if !is_duplicate {
        contact.imported = Some(ImportMark { import: import.id, row: row.number, outcome });
    }
    (contact, outcome)
}

fn add_options(contact: &mut Contact, import: &Import, moment: Timestamp) {
    let Some(options) = &import.options else { return };
    contact.lists.extend(options.list_ids.iter().copied());
    contact.tags.extend(options.tags.iter().cloned());
    for channel in Channel::ALL {
        let has_address = contact.address_text(channel).is_some();
        let consent = contact.consent.of_mut(channel);
        if let (Some(source), true, ConsentStatus::Unknown) = (options.consent.of(channel), has_address, consent.status) {
            *consent = Consent { status: ConsentStatus::Subscribed, source: Some(source.to_owned()), at: Some(moment), proof: None };
        }
    }
}

/// Sets what the row says.
fn replace(contact: &mut Contact, candidate: &Candidate) {
    let Candidate { email, phone, first_name, last_name, locale, time_zone, attributes, tags: _ } = candidate.clone();
    contact.email = email.or(contact.email.take());
    contact.phone = phone.or(contact.phone.take());
    contact.first_name = first_name.or(contact.first_name.take());
    contact.last_name = last_name.or(contact.last_name.take());
    contact.locale = locale.or(contact.locale.take());
    contact.time_zone = time_zone.or(contact.time_zone.take());
    contact.attributes.extend(attributes);
}

/// Sets what the row says where the contact has nothing.
fn fill(contact: &mut Contact, candidate: &Candidate) {
    let Candidate { email, phone, first_name, last_name, locale, time_zone, attributes, tags: _ } = candidate.clone();
    contact.email = contact.email.take().or(email);
    contact.phone = contact.phone.take().or(phone);
    contact.first_name = contact.first_name.take().or(first_name);
    contact.last_name = contact.last_name.take().or(last_name);
    contact.locale = contact.locale.take().or(locale);
    contact.time_zone = contact.time_zone.take().or(time_zone);
    for (name, value) in attributes {
        contact.attributes.entry(name).or_insert(value);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests;
