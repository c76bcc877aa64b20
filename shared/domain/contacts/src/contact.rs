//! A contact: a person with addresses, what is known of them, and whether they may be written to.

use std::collections::BTreeSet;

use carillon_contracts::{Channel, ContactId, ListId, OrganizationId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::address::{Address, EmailAddress, Phone};
use crate::attribute::{AttributeValue, Attributes};
use crate::import::ImportMark;
use crate::suppression::{Purpose, Standing, SuppressionReason};
use crate::tag::Tag;
use crate::text::{TextError, plain, text_type};

text_type!(
    /// A first or last name: 1 to 100 characters, none of them a control character.
    PersonName,
    |text| plain(text, 100, "is not a name: 1 to 100 characters, on one line"),
    TextError
);

text_type!(
    /// A language tag such as `de` or `pt-BR` (the common form of BCP 47).
    Locale,
    locale,
    TextError
);

text_type!(
    /// The name of a time zone, such as `Europe/Berlin`; its form is checked, not its presence in a database.
    TimeZoneName,
    time_zone,
    TextError
);

fn locale(text: &str) -> Result<String, TextError> {
    let text = text.trim().replace('_', "-");
    let mut parts = text.split('-');
    let language =
        parts.next().is_some_and(|part| (2..=3).contains(&part.len()) && part.bytes().all(|letter| letter.is_ascii_alphabetic()));
    let rest = parts.all(|part| (2..=8).contains(&part.len()) && part.bytes().all(|letter| letter.is_ascii_alphanumeric()));
    if language && rest && text.len() <= 35 { Ok(text) } else { Err(TextError("is not a language tag such as de or pt-BR")) }
}

fn time_zone(text: &str) -> Result<String, TextError> {
    let text = text.trim();
    let is_part = |part: &str| {
        part.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && part.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"_-+".contains(&letter))
    };
    let fits = text.len() <= 64 && text.split('/').count() <= 3 && text.split('/').all(is_part);
    if fits { Ok(text.to_owned()) } else { Err(TextError("is not the name of a time zone such as Europe/Berlin")) }
}

/// What a contact said to being written to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentStatus {
    /// Yes.
    Subscribed,
    /// Not any more.
    Unsubscribed,
    /// Nothing is known.
    #[default]
    Unknown,
}

/// From where a consent or its withdrawal came, as the request showed it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The network address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// A contact's consent to one channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// What was said last.
    pub status: ConsentStatus,
    /// Where it was said: a form, an import, an unsubscribe link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// From where it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// A contact's consent to each channel. It belongs to the person: a new address keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consents {
    /// To mails.
    pub email: Consent,
    /// To texts.
    pub sms: Consent,
}

impl Consents {
    /// The consent to a channel.
    #[must_use]
    pub const fn of(&self, channel: Channel) -> &Consent {
        match channel {
            Channel::Email => &self.email,
            Channel::Sms => &self.sms,
        }
    }

    pub(crate) const fn of_mut(&mut self, channel: Channel) -> &mut Consent {
        match channel {
            Channel::Email => &mut self.email,
            Channel::Sms => &mut self.sms,
        }
    }
}

/// Why a contact's addresses are suppressed: a copy of what their records say, written with them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppressed {
    /// The email address.
    #[serde(default)]
    pub email: BTreeSet<SuppressionReason>,
    /// The phone number.
    #[serde(default)]
    pub sms: BTreeSet<SuppressionReason>,
}

impl Suppressed {
    /// The reasons of a channel's address, the weightiest first.
    #[must_use]
    pub const fn of(&self, channel: Channel) -> &BTreeSet<SuppressionReason> {
        match channel {
            Channel::Email => &self.email,
            Channel::Sms => &self.sms,
        }
    }

    pub(crate) const fn of_mut(&mut self, channel: Channel) -> &mut BTreeSet<SuppressionReason> {
        match channel {
            Channel::Email => &mut self.email,
            Channel::Sms => &mut self.sms,
        }
    }
}

/// A contact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// The id.
    pub id: ContactId,
    /// The organization.
    pub organization: OrganizationId,
    /// The email address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailAddress>,
    /// The phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
    /// The first name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<PersonName>,
    /// The last name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<PersonName>,
    /// The language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// The time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<TimeZoneName>,
    /// What the organization keeps under names of its own.
    #[serde(default)]
    pub attributes: Attributes,
    /// The tags.
    #[serde(default)]
    pub tags: BTreeSet<Tag>,
    /// The lists that the contact is on.
    #[serde(default)]
    pub lists: BTreeSet<ListId>,
    /// What the contact said to being written to.
    #[serde(default)]
    pub consent: Consents,
    /// Why the addresses are suppressed.
    #[serde(default)]
    pub suppressed: Suppressed,
    /// The import that touched the contact last; not for callers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) imported: Option<ImportMark>,
    /// Counts the changes.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl Contact {
    /// Makes a contact of whom nothing is known yet.
    #[must_use]
    pub(crate) fn empty(organization: OrganizationId, id: ContactId, moment: Timestamp) -> Self {
        Self {
            id,
            organization,
            email: None,
            phone: None,
            first_name: None,
            last_name: None,
            locale: None,
            time_zone: None,
            attributes: Attributes::new(),
            tags: BTreeSet::new(),
            lists: BTreeSet::new(),
            consent: Consents::default(),
            suppressed: Suppressed::default(),
            imported: None,
            version: 1,
            created_at: moment,
            updated_at: moment,
        }
    }

    /// The address of a channel, in the form by which addresses are the same.
    #[must_use]
    pub fn address(&self, channel: Channel) -> Option<Address> {
        match channel {
            Channel::Email => self.email.as_ref().map(Address::from),
            Channel::Sms => self.phone.as_ref().map(Address::from),
        }
    }

    /// The address of a channel as messages are sent to it.
    #[must_use]
    pub fn address_text(&self, channel: Channel) -> Option<&str> {
        match channel {
            Channel::Email => self.email.as_ref().map(EmailAddress::as_str),
            Channel::Sms => self.phone.as_ref().map(Phone::as_str),
        }
    }

    /// All addresses.
    pub(crate) fn addresses(&self) -> BTreeSet<Address> {
        Channel::ALL.into_iter().filter_map(|channel| self.address(channel)).collect()
    }

    /// Tells whether the contact may be written to: an address, no suppression that blocks the purpose, and for marketing, consent.
    #[must_use]
    pub fn standing(&self, channel: Channel, purpose: Purpose) -> Standing {
        if self.address_text(channel).is_none() {
            return Standing::NoAddress;
        }
        match self.suppressed.of(channel).iter().find(|reason| reason.blocks(purpose)) {
            Some(SuppressionReason::Unsubscribe) => return Standing::Unsubscribed,
            Some(reason) => return Standing::Suppressed(*reason),
            None => {}
        }
        match (purpose, self.consent.of(channel).status) {
            (Purpose::Transactional, _) | (Purpose::Marketing, ConsentStatus::Subscribed) => Standing::Eligible,
            (Purpose::Marketing, ConsentStatus::Unsubscribed) => Standing::Unsubscribed,
            (Purpose::Marketing, ConsentStatus::Unknown) => Standing::Unconsented,
        }
    }

    /// The contact's fields by the names that templates use: what is there, addresses and attributes included.
    #[must_use]
    pub fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        let mut put = |name: &str, text: Option<&str>| {
            if let Some(text) = text {
                fields.insert(name.to_owned(), Value::String(text.to_owned()));
            }
        };
        put("email", self.email.as_ref().map(EmailAddress::as_str));
        put("phone", self.phone.as_ref().map(Phone::as_str));
        put("first_name", self.first_name.as_ref().map(PersonName::as_str));
        put("last_name", self.last_name.as_ref().map(PersonName::as_str));
        put("locale", self.locale.as_ref().map(Locale::as_str));
        put("time_zone", self.time_zone.as_ref().map(TimeZoneName::as_str));
        for (name, value) in &self.attributes {
            let value = match value {
                AttributeValue::Boolean(yes) => Value::Bool(*yes),
                AttributeValue::Number(number) => Value::Number(number.clone()),
                AttributeValue::Text(text) => Value::String(text.clone()),
            };
            fields.insert(name.as_str().to_owned(), value);
        }
        fields
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn ada() -> Contact {
        let mut contact = Contact::empty(
            OrganizationId::from_bytes([1; 16]),
            ContactId::from_bytes([2; 16]),
            Timestamp::from_second(1_700_000_000).unwrap(),
        );
        contact.email = Some("ada@example.com".parse().unwrap());
        contact.consent.email.status = ConsentStatus::Subscribed;
        contact
    }

    #[test]
    fn marketing_needs_consent_and_transactional_messages_do_not() {
        let mut contact = ada();

        contact.consent.email.status = ConsentStatus::Unknown;

        assert_eq!(contact.standing(Channel::Email, Purpose::Marketing), Standing::Unconsented);
        assert_eq!(contact.standing(Channel::Email, Purpose::Transactional), Standing::Eligible);
        assert_eq!(contact.standing(Channel::Sms, Purpose::Marketing), Standing::NoAddress);
    }

    #[test]
    fn the_unsubscribed_still_get_their_receipts() {
        let mut contact = ada();

        contact.suppressed.email.insert(SuppressionReason::Unsubscribe);

        assert_eq!(contact.standing(Channel::Email, Purpose::Marketing), Standing::Unsubscribed);
        assert_eq!(contact.standing(Channel::Email, Purpose::Transactional), Standing::Eligible);
    }

    #[test]
    fn every_other_reason_keeps_everything_away_and_the_weightiest_is_told() {
        use SuppressionReason::{Complaint, HardBounce, Invalid, Manual, Stop, Unsubscribe};
        for reason in [Complaint, HardBounce, Invalid, Manual, Stop] {
            let mut contact = ada();
            contact.suppressed.email.extend([Unsubscribe, reason]);

            assert_eq!(contact.standing(Channel::Email, Purpose::Marketing), Standing::Suppressed(reason));
            assert_eq!(contact.standing(Channel::Email, Purpose::Transactional), Standing::Suppressed(reason));
        }
    }

    #[test]
    fn templates_see_fields_and_attributes_but_no_empty_ones() {
        let mut contact = ada();
        contact.attributes.insert("plan".parse().unwrap(), AttributeValue::Text("gold".to_owned()));

        let fields = contact.fields();

        assert_eq!(fields.keys().collect::<Vec<_>>(), ["email", "plan"]);
    }

    #[test]
    fn locales_and_time_zones_have_a_form() {
        assert_eq!("pt_BR".parse::<Locale>().unwrap().as_str(), "pt-BR");
        assert!("german".parse::<Locale>().is_err());
        assert!("America/Argentina/Buenos_Aires".parse::<TimeZoneName>().is_ok());
        assert!("+02:00".parse::<TimeZoneName>().is_err());
    }
}
