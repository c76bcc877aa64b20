//! Whose a secret is, and what for: the associated data of its seal.

use std::fmt;
use std::str::FromStr;

use carillon_contracts::{OrganizationId, UserId};

/// Whom a secret belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// An organization.
    Organization(OrganizationId),
    /// A user.
    User(UserId),
}

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The seed of a user's one-time passwords.
    TotpSeed,
    /// A token or password for a provider.
    ProviderToken,
    /// What signs or verifies webhooks.
    WebhookSecret,
}

/// Whose a secret is, and what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Whose.
    pub owner: Owner,
    /// What for.
    pub purpose: Purpose,
}

impl Scope {
    /// Makes the scope of an owner's secrets of one purpose.
    pub fn new(owner: impl Into<Owner>, purpose: Purpose) -> Self {
        Self { owner: owner.into(), purpose }
    }

    /// Writes the associated data; no part can hold the byte that divides them.
    pub(crate) fn associated_data(&self) -> Vec<u8> {
        format!("carillon-vault/1\u{1f}{}\u{1f}{}", self.owner, self.purpose).into_bytes()
    }
}

impl From<OrganizationId> for Owner {
    fn from(id: OrganizationId) -> Self {
        Self::Organization(id)
    }
}

impl From<UserId> for Owner {
    fn from(id: UserId) -> Self {
        Self::User(id)
    }
}

impl Owner {
    /// Gives a number below `shards` that stays the owner's.
    pub(crate) fn shard(self, shards: u8) -> u8 {
        match self {
            Self::Organization(id) => id.shard(shards),
            Self::User(id) => id.shard(shards),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organization(id) => id.fmt(formatter),
            Self::User(id) => id.fmt(formatter),
        }
    }
}

impl FromStr for Owner {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let organization = text.parse().map(Self::Organization);
        organization.or_else(|_| text.parse().map(Self::User)).map_err(|_| "an owner is an organization or a user")
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TotpSeed => "totp_seed",
            Self::ProviderToken => "provider_token",
            Self::WebhookSecret => "webhook_secret",
        })
    }
}
