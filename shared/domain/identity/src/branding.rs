//! How an organization looks: its logo and colours, for mails and pages.

use serde::{Deserialize, Deserializer, Serialize};

/// The longest address of a logo, in characters.
pub const LOGO_URL_CHARACTERS: usize = 2048;

/// The look of an organization.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Branding {
    /// Where the logo is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<LogoUrl>,
    /// The colour of buttons and links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_colour: Option<Colour>,
    /// The colour of what lies behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background_colour: Option<Colour>,
    /// The colour of text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_colour: Option<Colour>,
}

/// What to change of the look: a member that is absent stays, null removes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrandingPatch {
    #[serde(deserialize_with = "named")]
    logo_url: Option<Option<LogoUrl>>,
    #[serde(deserialize_with = "named")]
    primary_colour: Option<Option<Colour>>,
    #[serde(deserialize_with = "named")]
    background_colour: Option<Option<Colour>>,
    #[serde(deserialize_with = "named")]
    text_colour: Option<Option<Colour>>,
}

/// Tells null, which removes, from absence, which keeps.
fn named<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Branding {
    /// Applies a change.
    #[must_use]
    pub fn changed(self, patch: BrandingPatch) -> Self {
        Self {
            logo_url: patch.logo_url.unwrap_or(self.logo_url),
            primary_colour: patch.primary_colour.unwrap_or(self.primary_colour),
            background_colour: patch.background_colour.unwrap_or(self.background_colour),
            text_colour: patch.text_colour.unwrap_or(self.text_colour),
        }
    }
}

/// The address of a picture: `https`, a host name with a dot, nothing that names a user or a port.
///
/// Only readers' mail programs fetch it, never this platform; the rule keeps out what they would not show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogoUrl(String);

impl TryFrom<String> for LogoUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_plain =
            text.len() <= LOGO_URL_CHARACTERS && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
        let host = text.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next()).filter(|_| is_plain);
        let is_named = |host: &str| {
            let label = |label: &str| {
                (1..=63).contains(&label.len())
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            };
            // A last label with a letter is no address of four numbers.
            let has_top_level = host.rsplit_once('.').is_some_and(|(_, top)| top.bytes().any(|byte| byte.is_ascii_alphabetic()));
            host.len() <= 253 && has_top_level && host.split('.').all(label)
        };
        if host.is_some_and(is_named) {
            Ok(Self(text))
        } else {
            Err("a logo is an address such as https://example.com/logo.png, of at most 2048 characters")
        }
    }
}

impl From<LogoUrl> for String {
    fn from(url: LogoUrl) -> Self {
        url.0
    }
}

/// A colour: red, green and blue as `#rrggbb`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Colour(String);

impl TryFrom<String> for Colour {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        digits
            .map(|digits| Self(format!("#{}", digits.to_ascii_lowercase())))
            .ok_or("a colour is written as # and six hexadecimal digits, such as #1a2b3c")
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn patch(json: &str) -> BrandingPatch {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_logo_is_a_public_address_over_tls() {
        for taken in ["https://bells.example/logo.png", "https://cdn.bells.example/a/b?size=2#x", "https://bells.example"] {
            assert!(LogoUrl::try_from(taken.to_owned()).is_ok(), "{taken}");
        }
        for refused in [
            "",
            "http://bells.example/logo.png",
            "https://",
            "https://localhost/logo.png",
            "https://192.0.2.1/logo.png",
            "https://[2001:db8::1]/logo.png",
            "https://user@bells.example/",
            "https://bells.example:8443/",
            "https://bells..example/",
            "https://-bells.example/",
            "https://bells.example/a b",
            "https://bells.example/\"onload=",
            "javascript:alert(1)",
            "data:image/png;base64,AAAA",
        ] {
            assert!(LogoUrl::try_from(refused.to_owned()).is_err(), "{refused}");
        }
        assert!(LogoUrl::try_from(format!("https://bells.example/{}", "a".repeat(LOGO_URL_CHARACTERS))).is_err());
    }

    #[test]
    fn a_colour_is_six_digits_in_lower_case() {
        assert_eq!(String::from(Colour::try_from("#1A2b3C".to_owned()).unwrap()), "#1a2b3c");
        for refused in ["", "1a2b3c", "#1a2b3", "#1a2b3g", "red", "#1a2b3c4d"] {
            assert!(Colour::try_from(refused.to_owned()).is_err(), "{refused}");
        }
    }

    #[test]
    fn null_removes_and_absence_keeps() {
        let before = Branding::default().changed(patch(r##"{"logo_url":"https://bells.example/logo.png","primary_colour":"#102030"}"##));

        let after = before.clone().changed(patch(r##"{"logo_url":null,"text_colour":"#000000"}"##));

        assert_eq!((after.logo_url, after.primary_colour), (None, before.primary_colour));
        assert_eq!(after.text_colour.map(String::from).as_deref(), Some("#000000"));
    }
}
