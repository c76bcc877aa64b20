//! What a provider of logins, such as Google, says of a person: the seam between its client and the identity area.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A provider of logins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LoginProvider {
    /// Google, by OpenID Connect.
    Google,
    /// Facebook, by OAuth.
    Facebook,
}

impl LoginProvider {
    /// All providers.
    pub const ALL: [Self; 2] = [Self::Google, Self::Facebook];
}

impl fmt::Display for LoginProvider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Google => "google",
            Self::Facebook => "facebook",
        })
    }
}

impl FromStr for LoginProvider {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|provider| provider.to_string() == text).ok_or("a provider is google or facebook")
    }
}

impl Serialize for LoginProvider {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LoginProvider {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A person as a provider knows them; it was verified that the provider says so, to us, now.
#[derive(Clone, PartialEq, Eq)]
pub struct ExternalIdentity {
    /// The provider.
    pub provider: LoginProvider,
    /// The provider's id of the person, which never changes and is never given to another.
    pub subject: String,
    /// The person's address; a provider may have none.
    pub email: Option<String>,
    /// Whether the provider vouches that the address is the person's today.
    pub email_is_proven: bool,
    /// The person's name.
    pub name: Option<String>,
}

impl fmt::Debug for ExternalIdentity {
    /// Shows the provider only: everything else is about a person.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ExternalIdentity").field("provider", &self.provider).finish_non_exhaustive()
    }
}
