//! What a request may change of a contact, as values that a pure rule applies.

use std::collections::{BTreeMap, BTreeSet};

use carillon_contracts::{Channel, ContactId, OrganizationId};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::address::{EmailAddress, Phone};
use crate::attribute::{AttributeName, AttributeValue, Attributes};
use crate::contact::{Consent, ConsentStatus, Contact, Locale, PersonName, TimeZoneName};
use crate::tag::Tag;

/// One field of a merge patch (RFC 7396): left alone when it is absent, removed by null, or set.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Patch<T> {
    /// Leaves the field alone.
    #[default]
    Keep,
    /// Removes the value.
    Clear,
    /// Sets the value.
    Set(T),
}

impl<T> Patch<T> {
    /// Applies the patch to a field.
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

/// A consent that is given or withdrawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsentChange {
    /// What is said now.
    pub status: ConsentStatus,
    /// Where it is said.
    pub source: Option<String>,
}

impl ConsentChange {
    fn apply(self, consent: &mut Consent, moment: Timestamp) {
        if self.status != consent.status || self.source != consent.source {
            *consent = Consent { status: self.status, source: self.source, at: Some(moment), proof: None };
        }
    }
}

/// What is changed of a contact.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContactChange {
    /// The email address.
    pub email: Patch<EmailAddress>,
    /// The phone number.
    pub phone: Patch<Phone>,
    /// The first name.
    pub first_name: Patch<PersonName>,
    /// The last name.
    pub last_name: Patch<PersonName>,
    /// The language.
    pub locale: Patch<Locale>,
    /// The time zone.
    pub time_zone: Patch<TimeZoneName>,
    /// Attributes that are set, or removed by nothing; others stay.
    pub attributes: BTreeMap<AttributeName, Option<AttributeValue>>,
    /// Consents that are given or withdrawn; others stay.
    pub consent: BTreeMap<Channel, ConsentChange>,
}

impl ContactChange {
    /// Applies the change.
    #[must_use]
    pub fn apply(self, mut contact: Contact, moment: Timestamp) -> Contact {
        self.email.apply(&mut contact.email);
        self.phone.apply(&mut contact.phone);
        self.first_name.apply(&mut contact.first_name);
        self.last_name.apply(&mut contact.last_name);
        self.locale.apply(&mut contact.locale);
        self.time_zone.apply(&mut contact.time_zone);
        for (name, value) in self.attributes {
            match value {
                Some(value) => contact.attributes.insert(name, value),
                None => contact.attributes.remove(&name),
            };
        }
        for (channel, change) in self.consent {
            change.apply(contact.consent.of_mut(channel), moment);
        }
        contact
    }
}

/// What a new contact starts with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewContact {
    /// The email address.
    pub email: Option<EmailAddress>,
    /// The phone number.
    pub phone: Option<Phone>,
    /// The first name.
    pub first_name: Option<PersonName>,
    /// The last name.
    pub last_name: Option<PersonName>,
    /// The language.
    pub locale: Option<Locale>,
    /// The time zone.
    pub time_zone: Option<TimeZoneName>,
    /// The attributes.
    pub attributes: Attributes,
    /// The tags.
    pub tags: BTreeSet<Tag>,
    /// Consents that were given or withdrawn.
    pub consent: BTreeMap<Channel, ConsentChange>,
}

impl NewContact {
    /// Makes the contact.
    #[must_use]
    pub fn into_contact(self, organization: OrganizationId, id: ContactId, moment: Timestamp) -> Contact {
        let mut contact = Contact::empty(organization, id, moment);
        contact.email = self.email;
        contact.phone = self.phone;
        contact.first_name = self.first_name;
        contact.last_name = self.last_name;
        contact.locale = self.locale;
        contact.time_zone = self.time_zone;
        contact.attributes = self.attributes;
        contact.tags = self.tags;
        for (channel, change) in self.consent {
            change.apply(contact.consent.of_mut(channel), moment);
        }
        contact
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::contact::tests::ada;

    #[test]
    fn an_absent_field_stays_and_a_null_one_goes() {
        let mut contact = ada();
        contact.first_name = Some("Ada".parse().unwrap());
        contact.last_name = Some("Lovelace".parse().unwrap());

        let changed = ContactChange { first_name: Patch::Clear, ..ContactChange::default() }.apply(contact.clone(), contact.updated_at);

        assert_eq!(changed.first_name, None);
        assert_eq!(changed.last_name, contact.last_name);
    }

    #[test]
    fn a_consent_that_is_said_again_keeps_its_first_moment() {
        let contact = ada();
        let change = |moment| {
            let said = ConsentChange { status: ConsentStatus::Unsubscribed, source: Some("form".to_owned()) };
            (ContactChange { consent: BTreeMap::from([(Channel::Email, said)]), ..ContactChange::default() }, moment)
        };
        let later = Timestamp::from_second(1_800_000_000).unwrap();

        let (first, moment) = change(contact.updated_at);
        let once = first.apply(contact, moment);
        let (again, later) = change(later);
        let twice = again.apply(once.clone(), later);

        assert_eq!(once, twice);
    }

    #[test]
    fn null_and_absence_differ_in_json() {
        #[derive(Deserialize)]
        struct Body {
            #[serde(default)]
            a: Patch<String>,
            #[serde(default)]
            b: Patch<String>,
        }

        let body: Body = serde_json::from_str(r#"{"a":null}"#).unwrap();

        assert_eq!(body.a, Patch::Clear);
        assert_eq!(body.b, Patch::Keep);
    }
}
