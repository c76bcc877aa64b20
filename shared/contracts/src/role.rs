//! Roles: sets of permissions that members have. Some are built in, organizations make others.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::RoleId;
use crate::permission::Permission;

/// The role of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Everything, the ownership included; an organization has one owner.
    Owner,
    /// Everything but the ownership.
    Admin,
    /// Contacts, templates and campaigns.
    Marketer,
    /// Contacts and single messages: who answers people.
    Agent,
    /// Reads contacts, campaigns and figures.
    Analyst,
    /// What a program's maker needs: API keys, templates, messages.
    Developer,
    /// Reads.
    Viewer,
    /// A role of the organization's own.
    Custom(RoleId),
}

impl Role {
    /// The roles that are built in, the mightiest first.
    pub const BUILT_IN: [Self; 7] = [Self::Owner, Self::Admin, Self::Marketer, Self::Agent, Self::Analyst, Self::Developer, Self::Viewer];

    /// Gives the permissions of a built-in role; those of a custom one are the organization's to say.
    ///
    /// `account.use` is not among them: every user has it, whatever the role. `platform.operate` is no member's.
    #[must_use]
    pub fn permissions(self) -> Option<BTreeSet<Permission>> {
        use Permission as P;
        let all = || P::ALL.iter().copied().filter(|permission| !matches!(permission, P::PlatformOperate | P::AccountUse));
        let reads = || [P::ContactsRead, P::TemplatesRead, P::SendersRead, P::CampaignsRead, P::MessagesRead, P::OrganizationRead];
        Some(match self {
            Self::Owner => all().collect(),
            Self::Admin => all().filter(|permission| *permission != P::OrganizationOwn).collect(),
            Self::Marketer => reads()
                .into_iter()
                .chain([P::ContactsWrite, P::ContactsImport, P::TemplatesWrite, P::CampaignsWrite, P::CampaignsSend])
                .chain([P::MessagesSend, P::SuppressionsRead, P::SuppressionsWrite])
                .collect(),
            Self::Agent => reads().into_iter().chain([P::ContactsWrite, P::MessagesSend, P::SuppressionsRead]).collect(),
            Self::Analyst => reads().into_iter().chain([P::SuppressionsRead]).collect(),
            Self::Developer => reads()
                .into_iter()
                .chain([P::ContactsWrite, P::TemplatesWrite, P::MessagesSend, P::SuppressionsRead])
                .chain([P::ApiKeysRead, P::ApiKeysWrite, P::MembersRead, P::RolesRead])
                .collect(),
            Self::Viewer => reads().into_iter().collect(),
            Self::Custom(_) => return None,
        })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => formatter.write_str("owner"),
            Self::Admin => formatter.write_str("admin"),
            Self::Marketer => formatter.write_str("marketer"),
            Self::Agent => formatter.write_str("agent"),
            Self::Analyst => formatter.write_str("analyst"),
            Self::Developer => formatter.write_str("developer"),
            Self::Viewer => formatter.write_str("viewer"),
            Self::Custom(id) => id.fmt(formatter),
        }
    }
}

impl FromStr for Role {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let built_in = Self::BUILT_IN.into_iter().find(|role| role.to_string() == text);
        let role = built_in.or_else(|| text.parse().ok().map(Self::Custom));
        role.ok_or("a role is owner, admin, marketer, agent, analyst, developer, viewer, or the id of a role (rol_…)")
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_role_reads_back_from_its_name() {
        let custom = Role::Custom(RoleId::from_bytes([1; 16]));
        for role in Role::BUILT_IN.into_iter().chain([custom]) {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert!("boss".parse::<Role>().is_err());
    }

    #[test]
    fn no_role_operates_the_platform_and_only_the_owner_owns() {
        for role in Role::BUILT_IN {
            let permissions = role.permissions().unwrap();
            assert!(!permissions.contains(&Permission::PlatformOperate));
            assert_eq!(permissions.contains(&Permission::OrganizationOwn), role == Role::Owner);
        }
    }
}
