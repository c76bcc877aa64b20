//! Addresses: email addresses and phone numbers in the one form in which they are kept and compared.

use std::fmt;
use std::str::FromStr;

use carillon_contracts::Channel;
use rlibphonenumber::{PHONE_NUMBER_UTIL, ParseError, PhoneNumberFormat};
use serde::{Deserialize, Serialize};

use crate::text::text_type;

/// The longest email address: RFC 5321 section 4.5.3.1.3, less the angle brackets.
pub const EMAIL_LENGTH: usize = 254;
const LOCAL_LENGTH: usize = 64;
const LABEL_LENGTH: usize = 63;

/// Says why a text is no address that can be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no text.
    #[error("is empty")]
    Empty,
    /// The address is too long.
    #[error("is longer than an email address can be (254 characters, 64 before the @)")]
    TooLong,
    /// There is no `@`, or more than one.
    #[error("is not an email address: it needs one @ with something on both sides")]
    NoAt,
    /// The part before the `@` has a character or a dot in a place where none is allowed.
    #[error("has characters before the @ that are not allowed: quotes, spaces, two dots in a row, letters outside ASCII")]
    Local,
    /// The domain has letters outside ASCII.
    #[error("has an international domain: write it in its ASCII form (xn--…)")]
    International,
    /// The domain is no domain name with a top level.
    #[error("has no valid domain after the @")]
    Domain,
    /// The text is no phone number, or its region is unknown.
    #[error("is not a phone number with its country: write it as +14155550123, or name the region that national numbers belong to")]
    Phone,
    /// The number has the form of a phone number, and no such number exists.
    #[error("is not a number that exists in its country's numbering plan")]
    PhoneUnknown,
    /// The text is no number in E.164.
    #[error("is not a phone number in E.164, such as +14155550123")]
    NotE164,
    /// The text names no region.
    #[error("is not a region: use the two letters of ISO 3166-1, such as DE")]
    Region,
}

impl AddressError {
    /// The stable code, as reports of rejected rows carry it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "address_empty",
            Self::TooLong | Self::NoAt | Self::Local | Self::International | Self::Domain => "email_invalid",
            Self::Phone | Self::PhoneUnknown | Self::NotE164 => "phone_invalid",
            Self::Region => "region_invalid",
        }
    }
}

text_type!(
    /// An email address that every mail system takes: an unquoted local part and a domain name with a top level (a strict part of RFC 5321).
    ///
    /// The domain is in lower case; the local part stays as it was written, and is compared in lower case.
    EmailAddress,
    email,
    AddressError
);

impl EmailAddress {
    /// Gives the whole address in lower case: the form by which addresses are the same.
    #[must_use]
    pub fn key(&self) -> String {
        self.as_str().to_ascii_lowercase()
    }
}

fn email(text: &str) -> Result<String, AddressError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(AddressError::Empty);
    }
    let (local, domain) = text.rsplit_once('@').ok_or(AddressError::NoAt)?;
    if local.is_empty() || domain.is_empty() || local.contains('@') {
        return Err(AddressError::NoAt);
    }
    if text.len() > EMAIL_LENGTH || local.len() > LOCAL_LENGTH {
        return Err(AddressError::TooLong);
    }
    // RFC 5321 section 4.1.2: Dot-string of atext.
    let is_atext = |letter: u8| letter.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&letter);
    if !local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext)) {
        return Err(AddressError::Local);
    }
    if !domain.is_ascii() {
        return Err(AddressError::International);
    }
    if !is_domain(domain) {
        return Err(AddressError::Domain);
    }
    Ok(format!("{local}@{}", domain.to_ascii_lowercase()))
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

text_type!(
    /// A phone number in E.164: `+` and 7 to 15 digits (ITU-T E.164).
    Phone,
    e164,
    AddressError
);

impl Phone {
    /// Reads a number as people write it; one without `+` belongs to the region.
    ///
    /// The numbering plans are those of libphonenumber; the first call of a process loads them.
    ///
    /// # Errors
    /// [`AddressError`] when it is no number, or none that exists.
    pub fn parse(text: &str, region: Option<Region>) -> Result<Self, AddressError> {
        if text.trim().is_empty() {
            return Err(AddressError::Empty);
        }
        let refused = |_: ParseError| AddressError::Phone;
        let number = PHONE_NUMBER_UTIL.parse(text.trim(), region.map(|region| region.0)).map_err(refused)?;
        if !PHONE_NUMBER_UTIL.is_valid_number(&number) {
            return Err(AddressError::PhoneUnknown);
        }
        Ok(Self(PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned()))
    }
}

fn e164(text: &str) -> Result<String, AddressError> {
    let digits = text.strip_prefix('+').ok_or(AddressError::NotE164)?;
    let fits = (7..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit()) && !digits.starts_with('0');
    if fits { Ok(text.to_owned()) } else { Err(AddressError::NotE164) }
}

/// A country by the two letters of ISO 3166-1, for numbers that are written without their country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(rlibphonenumber::Region);

impl FromStr for Region {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let letters = text.trim().to_ascii_uppercase();
        if letters.len() != 2 {
            return Err(AddressError::Region);
        }
        letters.parse().map(Self).map_err(|_| AddressError::Region)
    }
}

impl TryFrom<String> for Region {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.0.to_string()
    }
}

/// An address of a channel in the form by which addresses are the same: what keys, suppressions and exclusions speak of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    channel: Channel,
    key: String,
}

impl Address {
    /// Reads an address of a channel: an email address, or a number in E.164.
    ///
    /// # Errors
    /// [`AddressError`] when it is none.
    pub fn parse(channel: Channel, text: &str) -> Result<Self, AddressError> {
        match channel {
            Channel::Email => text.parse::<EmailAddress>().map(|email| Self::from(&email)),
            Channel::Sms => text.trim().parse::<Phone>().map(|phone| Self::from(&phone)),
        }
    }

    /// The channel.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// The text: an email address in lower case, or a number in E.164.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.key
    }
}

impl From<&EmailAddress> for Address {
    fn from(email: &EmailAddress) -> Self {
        Self { channel: Channel::Email, key: email.key() }
    }
}

impl From<&Phone> for Address {
    fn from(phone: &Phone) -> Self {
        Self { channel: Channel::Sms, key: phone.as_str().to_owned() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.key)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_domain_is_lowered_and_the_local_part_stays() {
        let address: EmailAddress = " Ada.Lovelace+news@Example.COM ".parse().unwrap();

        assert_eq!(address.as_str(), "Ada.Lovelace+news@example.com");
        assert_eq!(address.key(), "ada.lovelace+news@example.com");
    }

    #[test]
    fn what_mail_systems_do_not_all_take_is_refused() {
        let cases = [
            ("", AddressError::Empty),
            ("ada", AddressError::NoAt),
            ("@example.com", AddressError::NoAt),
            ("ada@", AddressError::NoAt),
            ("a@b@example.com", AddressError::NoAt),
            ("\"ada l\"@example.com", AddressError::Local),
            ("ada l@example.com", AddressError::Local),
            (".ada@example.com", AddressError::Local),
            ("ada..l@example.com", AddressError::Local),
            ("ädä@example.com", AddressError::Local),
            ("Ada <ada@example.com>", AddressError::Local),
            ("ada@example", AddressError::Domain),
            ("ada@[127.0.0.1]", AddressError::Domain),
            ("ada@127.0.0.1", AddressError::Domain),
            ("ada@-example.com", AddressError::Domain),
            ("ada@example..com", AddressError::Domain),
            ("ada@example.com.", AddressError::Domain),
            ("ada@exam_ple.com", AddressError::Domain),
            ("ada@bücher.example", AddressError::International),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<EmailAddress>().unwrap_err(), error, "{text}");
        }
        assert_eq!(format!("{}@example.com", "a".repeat(65)).parse::<EmailAddress>().unwrap_err(), AddressError::TooLong);
    }

    #[test]
    fn a_punycode_domain_is_taken() {
        assert!("ada@xn--bcher-kva.example".parse::<EmailAddress>().is_ok());
    }

    /// The numbers are examples of libphonenumber's documentation and of Twilio's.
    #[test]
    fn numbers_become_e164() {
        let region = |text: &str| Some(text.parse::<Region>().unwrap());

        assert_eq!(Phone::parse("044 668 18 00", region("CH")).unwrap().as_str(), "+41446681800");
        assert_eq!(Phone::parse("+41 44 668 18 00", None).unwrap().as_str(), "+41446681800");
        assert_eq!(Phone::parse("(501) 712-2661", region("us")).unwrap().as_str(), "+15017122661");
        assert_eq!(Phone::parse("0041446681800", region("DE")).unwrap().as_str(), "+41446681800");
    }

    #[test]
    fn numbers_without_a_country_or_a_subscriber_are_refused() {
        assert_eq!(Phone::parse("044 668 18 00", None).unwrap_err(), AddressError::Phone);
        assert_eq!(Phone::parse("call me", None).unwrap_err(), AddressError::Phone);
        assert_eq!(Phone::parse("+1 555", None).unwrap_err(), AddressError::PhoneUnknown);
        assert_eq!(Phone::parse(" ", None).unwrap_err(), AddressError::Empty);
    }

    proptest! {
        #[test]
        fn parsing_an_email_address_twice_changes_nothing(text in "[ -~]{0,40}(@[a-zA-Z0-9.-]{0,20})?") {
            if let Ok(address) = text.parse::<EmailAddress>() {
                prop_assert_eq!(address.as_str().parse::<EmailAddress>().unwrap(), address);
            }
        }

        #[test]
        fn no_text_breaks_the_parsers(text in "\\PC{0,60}") {
            let _ = text.parse::<EmailAddress>();
            let _ = Phone::parse(&text, None);
            let _ = Address::parse(Channel::Sms, &text);
        }
    }
}
