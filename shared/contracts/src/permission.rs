//! The catalogue of permissions: every function names the one that it needs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! permissions {
    ($($name:ident $text:literal $doc:literal;)*) => {
        /// Something that a caller may be allowed to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Permission {
            $(#[doc = $doc] $name,)*
        }

        impl Permission {
            /// The whole catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The dotted name, as API keys and documents carry it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it allows, in a sentence.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => $doc,)* }
            }
        }
    };
}

permissions! {
    ContactsRead "contacts.read" "Reads contacts, tags, lists and imports.";
    ContactsWrite "contacts.write" "Creates, changes and deletes contacts, tags and lists.";
    ContactsImport "contacts.import" "Imports contacts from files.";
    TemplatesRead "templates.read" "Reads and previews templates.";
    TemplatesWrite "templates.write" "Creates, changes and deletes templates.";
    SendersRead "senders.read" "Lists senders.";
    SendersWrite "senders.write" "Creates senders.";
    CampaignsRead "campaigns.read" "Reads campaigns, their statistics and recipients.";
    CampaignsWrite "campaigns.write" "Creates, changes and deletes campaigns.";
    CampaignsSend "campaigns.send" "Sends, pauses, resumes, cancels and retries campaigns.";
    MessagesRead "messages.read" "Reads single messages.";
    MessagesSend "messages.send" "Sends single messages.";
    SuppressionsRead "suppressions.read" "Lists suppressed addresses.";
    SuppressionsWrite "suppressions.write" "Adds and removes suppressed addresses.";
    OrganizationRead "organization.read" "Reads the organization.";
    OrganizationWrite "organization.write" "Changes the organization.";
    ApiKeysRead "api_keys.read" "Lists API keys.";
    ApiKeysWrite "api_keys.write" "Creates and revokes API keys.";
    PlatformOperate "platform.operate" "Creates organizations; the operator's, never a member's.";
}

impl fmt::Display for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Permission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|known| known.name() == text).ok_or_else(|| format!("{text:?} is not a permission of the catalogue"))
    }
}

impl Serialize for Permission {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Permission {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
