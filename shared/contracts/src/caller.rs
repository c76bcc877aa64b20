//! Who calls: the seam between the identity area, which writes credentials, and the harness, which reads them.

use std::collections::BTreeSet;

use carillon_kernel::secret::sha256_hex;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ApiKeyId, OrganizationId};
use crate::permission::Permission;

/// An authenticated caller of one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The organization that everything this caller does belongs to.
    pub organization: OrganizationId,
    /// Who it is.
    pub principal: Principal,
    /// What it may do.
    pub permissions: BTreeSet<Permission>,
}

impl Caller {
    /// Tells whether the caller may do what `permission` allows.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }
}

/// Who a caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    /// A program with an API key.
    ApiKey(ApiKeyId),
}

/// An API key as it is stored: found by the hash of its secret text, which itself is never stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The key's id.
    pub id: ApiKeyId,
    /// The organization that the key acts for.
    pub organization: OrganizationId,
    /// The name given by its maker.
    pub name: String,
    /// What the key may do.
    pub permissions: BTreeSet<Permission>,
    /// The first characters of the key, to recognise it by.
    pub hint: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl Credential {
    /// The letters that every API key starts with, so that scanners for leaked secrets recognise it.
    pub const PREFIX: &'static str = "car_";

    /// Gives the partition key under which the credential of a key's secret text is stored.
    ///
    /// The secret has 256 random bits, so that a plain SHA-256 of it can neither be guessed nor searched.
    #[must_use]
    pub fn partition_key(secret: &str) -> String {
        format!("CREDENTIAL#{}", sha256_hex(secret.as_bytes()))
    }

    /// The sort key beside [`Credential::partition_key`].
    pub const SORT_KEY: &'static str = "CREDENTIAL";

    /// Gives the caller that this credential stands for, unless it was revoked.
    #[must_use]
    pub fn caller(self) -> Option<Caller> {
        if self.revoked_at.is_some() {
            return None;
        }
        Some(Caller { organization: self.organization, principal: Principal::ApiKey(self.id), permissions: self.permissions })
    }
}
