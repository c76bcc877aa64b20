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
    ApiKeysWrite "api_keys.write" "Creates, rotates and revokes API keys.";
    MembersRead "members.read" "Lists members and invitations.";
    MembersWrite "members.write" "Invites and removes members, and changes their roles.";
    RolesRead "roles.read" "Lists roles.";
    RolesWrite "roles.write" "Creates, changes and deletes the organization's own roles.";
    AuditRead "audit.read" "Reads, exports and verifies the audit trail.";
    SecurityRead "security.read" "Lists security events.";
    SecurityWrite "security.write" "Acknowledges security events.";
    OrganizationOwn "organization.own" "Transfers the ownership; the owner's alone.";
    AccountUse "account.use" "Uses one's own account; every user has it, no API key can.";
    PlatformOperate "platform.operate" "Creates and oversees organizations; the operator's, never a member's.";
}

impl Permission {
    /// Tells whether an API key may be given it: not what is for people, and not the operator's.
    #[must_use]
    pub const fn is_for_keys(self) -> bool {
        !matches!(self, Self::AccountUse | Self::OrganizationOwn | Self::PlatformOperate)
    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_catalogue_names_each_permission_once() {
        let names: BTreeSet<&str> = Permission::ALL.iter().map(|permission| permission.name()).collect();

        assert_eq!(names.len(), Permission::ALL.len());
        assert!(names.iter().all(|name| name.split_once('.').is_some()), "{names:?}");
    }

    proptest! {
        #[test]
        fn a_set_of_permissions_reads_back_from_its_names(set in proptest::sample::subsequence(Permission::ALL.to_vec(), 0..=Permission::ALL.len())) {
            let set: BTreeSet<Permission> = set.into_iter().collect();

            let written = serde_json::to_string(&set).unwrap();

            prop_assert_eq!(serde_json::from_str::<BTreeSet<Permission>>(&written).unwrap(), set);
        }

        #[test]
        fn no_other_text_is_a_permission(text in "[a-zA-Z_. ]{0,24}") {
            let is_name = Permission::ALL.iter().any(|permission| permission.name() == text);

            prop_assert_eq!(text.parse::<Permission>().is_ok(), is_name);
        }

        #[test]
        fn a_name_that_was_changed_in_one_character_is_none(permission in proptest::sample::select(Permission::ALL.to_vec()), place in 0_usize..40, letter in "[A-Z0-9 *]") {
            let mut text = permission.name().to_owned();
            let place = place % text.len();
            text.replace_range(place..=place, &letter);

            prop_assert!(text.parse::<Permission>().is_err());
        }
    }
}
