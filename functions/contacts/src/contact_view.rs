//! A contact as answers show it.

use std::collections::BTreeSet;

use carillon_contacts::attribute::Attributes;
use carillon_contacts::{Consents, Contact, EmailAddress, Locale, PersonName, Phone, Purpose, Standing, Suppressed, Tag, TimeZoneName};
use carillon_contracts::{Channel, ContactId, ListId};
use serde::Serialize;

/// A contact, with whether marketing may be sent to it.
#[derive(Debug, Serialize)]
pub(crate) struct ContactView<'a> {
    id: ContactId,
    email: Option<&'a EmailAddress>,
    phone: Option<&'a Phone>,
    first_name: Option<&'a PersonName>,
    last_name: Option<&'a PersonName>,
    locale: Option<&'a Locale>,
    time_zone: Option<&'a TimeZoneName>,
    attributes: &'a Attributes,
    tags: &'a BTreeSet<Tag>,
    list_ids: &'a BTreeSet<ListId>,
    consent: &'a Consents,
    suppressed: &'a Suppressed,
    marketing: Standings,
    version: u64,
    created_at: jiff::Timestamp,
    updated_at: jiff::Timestamp,
}

#[derive(Debug, Serialize)]
struct Standings {
    email: Standing,
    sms: Standing,
}

impl<'a> From<&'a Contact> for ContactView<'a> {
    fn from(contact: &'a Contact) -> Self {
        let standing = |channel| contact.standing(channel, Purpose::Marketing);
        Self {
            id: contact.id,
            email: contact.email.as_ref(),
            phone: contact.phone.as_ref(),
            first_name: contact.first_name.as_ref(),
            last_name: contact.last_name.as_ref(),
            locale: contact.locale.as_ref(),
            time_zone: contact.time_zone.as_ref(),
            attributes: &contact.attributes,
            tags: &contact.tags,
            list_ids: &contact.lists,
            consent: &contact.consent,
            suppressed: &contact.suppressed,
            marketing: Standings { email: standing(Channel::Email), sms: standing(Channel::Sms) },
            version: contact.version,
            created_at: contact.created_at,
            updated_at: contact.updated_at,
        }
    }
}
