//! A user: a person with an address, who may be a member of several organizations.

use std::fmt;

use carillon_contracts::{OrganizationId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::organization::{Locale, TimeZoneName, one_line};
use crate::password::PasswordHash;
use crate::security::SignIns;

/// The longest address: RFC 5321 section 4.5.3.1.3, less the angle brackets.
const ADDRESS_LENGTH: usize = 254;
const LOCAL_LENGTH: usize = 64;
const LABEL_LENGTH: usize = 63;

/// The address by which a user logs in: an unquoted local part and a domain name with a top level (a strict part of RFC 5321).
///
/// The domain is in lower case; the local part stays as it was written, and is compared in lower case. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

/// The name of a person: 1 to 120 characters in one line.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PersonName(String);

/// What a new user is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSeed {
    /// The address, not yet proven.
    pub email: EmailAddress,
    /// The name.
    pub name: PersonName,
    /// The language in which the user is written to.
    pub locale: Locale,
    /// The time zone of the moments that the user is shown.
    pub time_zone: TimeZoneName,
}

/// What a user changes of the account; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserPatch {
    /// The new name.
    pub name: Option<PersonName>,
    /// The new language.
    pub locale: Option<Locale>,
    /// The new time zone.
    pub time_zone: Option<TimeZoneName>,
}

/// A user as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The address, one user's only.
    pub email: EmailAddress,
    /// Since when it is known that the address is the user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verified_at: Option<Timestamp>,
    /// The name.
    pub name: PersonName,
    /// The language in which the user is written to.
    pub locale: Locale,
    /// The time zone of the moments that the user is shown.
    pub time_zone: TimeZoneName,
    /// The password; absent for who logs in by a provider only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<PasswordHash>,
    /// When the password was set: a link that sets a new one counts only if it was asked for later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_set_at: Option<Timestamp>,
    /// From where and with what the user logged in before.
    #[serde(default, skip_serializing_if = "SignIns::is_empty")]
    pub sign_ins: SignIns,
    /// The organization of the last login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_organization: Option<OrganizationId>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Counts its changes, from 1.
    pub version: u64,
}

impl User {
    /// Makes a user whose address is not proven, without a password.
    #[must_use]
    pub fn new(id: UserId, seed: UserSeed, moment: Timestamp) -> Self {
        let UserSeed { email, name, locale, time_zone } = seed;
        Self {
            id,
            email,
            email_verified_at: None,
            name,
            locale,
            time_zone,
            password_hash: None,
            password_set_at: None,
            sign_ins: SignIns::default(),
            last_organization: None,
            created_at: moment,
            updated_at: moment,
            version: 1,
        }
    }

    /// Gives the user a password.
    #[must_use]
    pub fn with_password(self, hash: PasswordHash, moment: Timestamp) -> Self {
        Self { password_hash: Some(hash), password_set_at: Some(moment), ..self }
    }

    /// Stores the same password by another hash.
    #[must_use]
    pub fn with_hash(self, hash: PasswordHash) -> Self {
        Self { password_hash: Some(hash), ..self }
    }

    /// Tells whether the password was set after a moment.
    #[must_use]
    pub fn set_password_after(&self, moment: Timestamp) -> bool {
        self.password_set_at.is_some_and(|set| set > moment)
    }

    /// Notes that the address is the user's; the first proof stays.
    #[must_use]
    pub fn verified(self, moment: Timestamp) -> Self {
        Self { email_verified_at: self.email_verified_at.or(Some(moment)), ..self }
    }

    /// Lays a patch over the user.
    #[must_use]
    pub fn patched(self, patch: UserPatch) -> Self {
        Self {
            name: patch.name.unwrap_or(self.name),
            locale: patch.locale.unwrap_or(self.locale),
            time_zone: patch.time_zone.unwrap_or(self.time_zone),
            ..self
        }
    }

    /// Makes the next version.
    #[must_use]
    pub fn changed(self, moment: Timestamp) -> Self {
        Self { updated_at: moment, version: self.version + 1, ..self }
    }

    /// Lists the words that the user's password must not be made of.
    #[must_use]
    pub fn words(&self) -> Vec<&str> {
        vec![self.email.as_str(), self.name.as_str()]
    }
}

impl EmailAddress {
    /// Gives the address as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Gives the whole address in lower case: the form by which addresses are the same.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = text.trim();
        let refused = "is not an email address: letters and digits, one @, and a domain such as example.com";
        let (local, domain) = text.rsplit_once('@').ok_or(refused)?;
        // RFC 5321 section 4.1.2: Dot-string of atext.
        let is_atext = |letter: u8| letter.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&letter);
        let is_local = local.len() <= LOCAL_LENGTH && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext));
        if !is_local || !is_domain(domain) || text.len() > ADDRESS_LENGTH {
            return Err(refused);
        }
        Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }
}

/// RFC 1035 section 2.3.1 with RFC 1123 section 2.1, at least two labels, and a top level that is no number.
fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        let inner = label.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-');
        inner && !label.is_empty() && label.len() <= LABEL_LENGTH && !label.starts_with('-') && !label.ends_with('-')
    };
    let top = domain.rsplit('.').next().unwrap_or_default();
    domain.contains('.') && domain.split('.').all(is_label) && top.len() >= 2 && !top.bytes().all(|letter| letter.is_ascii_digit())
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("EmailAddress(…)")
    }
}

impl PersonName {
    /// Gives the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PersonName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        one_line(&text).map(Self)
    }
}

impl From<PersonName> for String {
    fn from(name: PersonName) -> Self {
        name.0
    }
}

impl fmt::Debug for PersonName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PersonName(…)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn address(text: &str) -> Result<String, &'static str> {
        EmailAddress::try_from(text.to_owned()).map(String::from)
    }

    fn user() -> User {
        let seed = UserSeed {
            email: EmailAddress::try_from("Ada@Example.com".to_owned()).unwrap(),
            name: PersonName::try_from("Ada".to_owned()).unwrap(),
            locale: Locale::default(),
            time_zone: TimeZoneName::default(),
        };
        User::new(UserId::from_bytes([1; 16]), seed, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn an_address_keeps_its_local_part_and_is_compared_in_lower_case() {
        let written = EmailAddress::try_from(" Ada.L+x@Example.COM ".to_owned()).unwrap();

        assert_eq!(written.as_str(), "Ada.L+x@example.com");
        assert_eq!(written.key(), "ada.l+x@example.com");
    }

    #[test]
    fn what_no_mail_system_takes_is_no_address() {
        let long = format!("{}@example.com", "a".repeat(65));
        for refused in
            ["", "ada", "@example.com", "ada@", "a b@example.com", "ada@example", "ada@exam_ple.com", "a@b@c.com", &long, "ä@x.de"]
        {
            assert!(address(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_user_does_not_print_name_address_or_password() {
        let user = user().with_password(PasswordHash::for_tests("$argon2id$secret"), Timestamp::UNIX_EPOCH);

        let shown = format!("{user:?}");

        assert!(!shown.contains("ample") && !shown.contains("\"Ada") && !shown.contains("argon2id"), "{shown}");
    }

    #[test]
    fn the_first_proof_of_an_address_stays() {
        let later = Timestamp::from_second(60).unwrap();

        let user = user().verified(Timestamp::UNIX_EPOCH).verified(later);

        assert_eq!(user.email_verified_at, Some(Timestamp::UNIX_EPOCH));
    }
}
