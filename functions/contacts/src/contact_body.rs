//! The bodies that say what a contact is to be.

use std::collections::{BTreeMap, BTreeSet};

use carillon_contacts::attribute::{self, Attributes};
use carillon_contacts::change::ConsentChange;
use carillon_contacts::{
    AttributeName, AttributeValue, ConsentStatus, ContactChange, EmailAddress, Locale, NewContact, Patch, PersonName, Phone, Tag,
    TimeZoneName, limits,
};
use carillon_contracts::Channel;
use carillon_harness::{Input, Problem};
use serde::Deserialize;

/// A new contact: an email address or a phone number is needed.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewContactBody {
    email: Option<EmailAddress>,
    phone: Option<String>,
    first_name: Option<PersonName>,
    last_name: Option<PersonName>,
    locale: Option<Locale>,
    time_zone: Option<TimeZoneName>,
    attributes: Attributes,
    tags: BTreeSet<Tag>,
    consent: ConsentsBody,
}

/// A merge patch of a contact; tags and lists have routes of their own.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContactPatchBody {
    email: Patch<EmailAddress>,
    phone: Patch<String>,
    first_name: Patch<PersonName>,
    last_name: Patch<PersonName>,
    locale: Patch<Locale>,
    time_zone: Patch<TimeZoneName>,
    attributes: BTreeMap<AttributeName, Option<AttributeValue>>,
    consent: ConsentsBody,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ConsentsBody {
    email: Option<ConsentBody>,
    sms: Option<ConsentBody>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ConsentBody {
    status: Option<ConsentStatus>,
    source: Option<String>,
}

impl ConsentsBody {
    fn problems(&self) -> Vec<Problem> {
        let given = [("email", &self.email), ("sms", &self.sms)];
        let mut problems = Vec::new();
        for (channel, consent) in given.into_iter().filter_map(|(channel, consent)| consent.as_ref().map(|consent| (channel, consent))) {
            if consent.status.is_none() {
                let detail = "say subscribed, unsubscribed or unknown";
                problems.push(Problem::new(format!("/consent/{channel}/status"), "contacts.consent_status", detail));
            }
            let length = consent.source.as_ref().map_or(0, |source| source.chars().count());
            if length > 200 || (consent.status == Some(ConsentStatus::Subscribed) && length == 0) {
                let detail = "say in 1 to 200 characters where the consent was given";
                problems.push(Problem::new(format!("/consent/{channel}/source"), "contacts.consent_source", detail));
            }
        }
        problems
    }

    fn into_changes(self) -> BTreeMap<Channel, ConsentChange> {
        let given = [(Channel::Email, self.email), (Channel::Sms, self.sms)];
        let change = |body: ConsentBody| ConsentChange { status: body.status.unwrap_or_default(), source: body.source };
        given.into_iter().filter_map(|(channel, body)| body.map(|body| (channel, change(body)))).collect()
    }
}

impl Input for NewContactBody {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = self.consent.problems();
        if self.email.is_none() && self.phone.is_none() {
            problems.push(Problem::new("/email", "contacts.address_missing", "a contact needs an email address or a phone number"));
        }
        problems.extend(self.phone.as_deref().and_then(phone_problem));
        problems.extend(attributes_problem(&self.attributes));
        if self.tags.len() > limits::TAGS {
            problems.push(Problem::new("/tags", "contacts.too_many", "a contact has at most 30 tags"));
        }
        problems
    }
}

impl NewContactBody {
    pub(crate) fn into_new(self) -> NewContact {
        NewContact {
            email: self.email,
            phone: self.phone.and_then(|text| Phone::parse(&text, None).ok()),
            first_name: self.first_name,
            last_name: self.last_name,
            locale: self.locale,
            time_zone: self.time_zone,
            attributes: self.attributes,
            tags: self.tags,
            consent: self.consent.into_changes(),
        }
    }
}

impl Input for ContactPatchBody {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = self.consent.problems();
        if let Patch::Set(text) = &self.phone {
            problems.extend(phone_problem(text));
        }
        let set = self.attributes.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect();
        problems.extend(attributes_problem(&set));
        problems
    }
}

impl ContactPatchBody {
    pub(crate) fn into_change(self) -> ContactChange {
        ContactChange {
            email: self.email,
            phone: match self.phone {
                Patch::Keep => Patch::Keep,
                Patch::Clear => Patch::Clear,
                Patch::Set(text) => Phone::parse(&text, None).map_or(Patch::Keep, Patch::Set),
            },
            first_name: self.first_name,
            last_name: self.last_name,
            locale: self.locale,
            time_zone: self.time_zone,
            attributes: self.attributes,
            consent: self.consent.into_changes(),
        }
    }
}

fn phone_problem(text: &str) -> Option<Problem> {
    Phone::parse(text, None).err().map(|error| Problem::new("/phone", "contacts.phone_invalid", format!("the phone number {error}")))
}

fn attributes_problem(attributes: &Attributes) -> Option<Problem> {
    let (name, detail) = attribute::problem(attributes)?;
    let pointer = name.map_or_else(|| "/attributes".to_owned(), |name| format!("/attributes/{name}"));
    Some(Problem::new(pointer, "contacts.attributes", detail))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn pointers(problems: Vec<Problem>) -> Vec<String> {
        problems.into_iter().map(|problem| problem.pointer).collect()
    }

    #[test]
    fn an_empty_body_lacks_an_address_only() {
        assert_eq!(pointers(NewContactBody::default().problems()), ["/email"]);
    }

    #[test]
    fn all_rules_are_checked_at_once() {
        let body: NewContactBody =
            serde_json::from_str(r#"{"phone":"12","consent":{"email":{"status":"subscribed"},"sms":{}},"attributes":{"a":"x"}}"#).unwrap();

        assert_eq!(pointers(body.problems()), ["/consent/email/source", "/consent/sms/status", "/phone"]);
    }

    #[test]
    fn a_patch_tells_null_from_absence() {
        let body: ContactPatchBody = serde_json::from_str(r#"{"first_name":null,"attributes":{"plan":null}}"#).unwrap();

        let change = body.into_change();

        assert_eq!(change.first_name, Patch::Clear);
        assert_eq!(change.last_name, Patch::Keep);
        assert_eq!(change.attributes.values().collect::<Vec<_>>(), [&None]);
    }
}
