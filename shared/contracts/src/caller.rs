//! Who calls: the seam between the identity area, which writes credentials, and the harness, which reads them.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ApiKeyId, OrganizationId, SessionId, UserId};
use crate::ip_range::IpRange;
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
    /// A person with a session.
    User(UserId, SessionId),
}

impl fmt::Display for Principal {
    /// Writes the id by which the audit trail names it: of the key, or of the user.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiKey(key) => key.fmt(formatter),
            Self::User(user, _) => user.fmt(formatter),
        }
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, as API Gateway saw it.
    pub ip: Option<IpAddr>,
    /// What the client says that it is.
    pub user_agent: Option<String>,
    /// The id of the request.
    pub request_id: String,
}

/// How a user proved who they are (`amr`, RFC 8176; `rec` and `ext` are our own).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AuthenticationMethod {
    /// By a password.
    #[serde(rename = "pwd")]
    Password,
    /// By a code of a device that shares a seed with us.
    #[serde(rename = "otp")]
    Otp,
    /// By a recovery code.
    #[serde(rename = "rec")]
    RecoveryCode,
    /// By a login at a provider, such as Google.
    #[serde(rename = "ext")]
    External,
}

impl AuthenticationMethod {
    /// Tells whether it proves more than the first factor does.
    #[must_use]
    pub const fn is_second_factor(self) -> bool {
        matches!(self, Self::Otp | Self::RecoveryCode)
    }
}

/// What the gate reads of a session: it is stored with more, under `USER#{user}` and `SESSION#{session}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// Whose it is.
    pub user: UserId,
    /// The organization that it acts in.
    pub organization: OrganizationId,
    /// How the user proved who they are.
    #[serde(default)]
    pub amr: BTreeSet<AuthenticationMethod>,
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl SessionRecord {
    /// Gives the key of a session in the table of entities: partition and sort key.
    #[must_use]
    pub fn key(user: UserId, session: SessionId) -> (String, String) {
        (format!("USER#{user}"), format!("{}{session}", Self::SORT_KEY))
    }

    /// What the sort keys of sessions start with.
    pub const SORT_KEY: &'static str = "SESSION#";

    /// Tells whether the session holds at a moment.
    #[must_use]
    pub fn holds_at(&self, moment: Timestamp) -> bool {
        self.revoked_at.is_none() && moment < self.expires_at
    }

    /// Tells whether a second factor was shown when it began.
    #[must_use]
    pub fn has_second_factor(&self) -> bool {
        self.amr.iter().any(|method| method.is_second_factor())
    }
}

/// What the gate reads of a member, under `ORG#{org}#MEMBERS` and the user's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRecord {
    /// What the member's role allows, resolved: a role that changes changes its members.
    pub permissions: BTreeSet<Permission>,
}

impl MemberRecord {
    /// Gives the key of a member in the table of entities: partition and sort key.
    #[must_use]
    pub fn key(organization: OrganizationId, user: UserId) -> (String, String) {
        (format!("ORG#{organization}#MEMBERS"), user.to_string())
    }
}

/// What the gate reads of an organization, under `ORG#{org}#ORGANIZATION`: who may come in from where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyRecord {
    /// From where callers may come; empty means from everywhere.
    pub allowed_ip_ranges: Vec<IpRange>,
    /// What else is asked of users.
    pub security: SecurityRecord,
    /// How long what calls make is kept.
    pub retention: RetentionRecord,
    /// That the operator closed it.
    pub suspended: Option<SuspensionRecord>,
}

/// How long an organization keeps what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RetentionRecord {
    /// Days that a single message stays, with its content and what became of it.
    pub messages_days: u16,
    /// Days that the recipients of a campaign stay, with what became of each.
    pub campaigns_days: u16,
}

impl RetentionRecord {
    /// The longest that anything sent is kept, in days, and as long as it is kept where nobody says otherwise.
    pub const LONGEST_DAYS: u16 = 400;
}

impl Default for RetentionRecord {
    fn default() -> Self {
        Self { messages_days: Self::LONGEST_DAYS, campaigns_days: Self::LONGEST_DAYS }
    }
}

/// What an organization asks of its users.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecurityRecord {
    /// Whether a session needs a second factor.
    pub second_factor_required: bool,
}

/// That an organization is closed for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuspensionRecord {
    /// Since when.
    pub at: Timestamp,
}

impl PolicyRecord {
    /// Gives the key of an organization in the table of entities: partition and sort key.
    #[must_use]
    pub fn key(organization: OrganizationId) -> (String, String) {
        (format!("ORG#{organization}#ORGANIZATION"), Self::SORT_KEY.to_owned())
    }

    /// The sort key of organizations.
    pub const SORT_KEY: &'static str = "ORGANIZATION";
}

/// An API key as it is stored: found by its id, known by the keyed hash of its text, which itself is never stored.
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
    /// The first characters of the key, to recognise it by; none of them is secret.
    pub hint: String,
    /// The keyed hash of its text.
    pub credential_hash: String,
    /// The text before the last rotation, while it still holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousText>,
    /// From where it may be used; empty means from everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ip_ranges: Vec<IpRange>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it got the text that it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// About when it was used last: written at most once an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// The networks that it was used from, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// How often its owner changed it, this form included.
    pub version: u64,
}

/// The text of a key before its rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousText {
    /// Its keyed hash.
    pub credential_hash: String,
    /// Until when it holds.
    pub until: Timestamp,
}

impl Credential {
    /// Gives the partition key of an API key.
    #[must_use]
    pub fn partition_key(id: ApiKeyId) -> String {
        format!("CREDENTIAL#{id}")
    }

    /// The sort key beside [`Credential::partition_key`].
    pub const SORT_KEY: &'static str = "CREDENTIAL";

    /// Tells whether the key holds at a moment, whatever text it is shown with.
    #[must_use]
    pub fn holds_at(&self, moment: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| moment < end)
    }

    /// Lists the hashes of the texts that hold at a moment: one, and that of the text before while a rotation overlaps.
    pub fn hashes_at(&self, moment: Timestamp) -> impl Iterator<Item = &str> {
        let previous = self.previous.iter().filter(move |previous| moment < previous.until);
        std::iter::once(self.credential_hash.as_str()).chain(previous.map(|previous| previous.credential_hash.as_str()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn credential() -> Credential {
        Credential {
            id: ApiKeyId::from_bytes([1; 16]),
            organization: OrganizationId::from_bytes([2; 16]),
            name: "import".to_owned(),
            permissions: BTreeSet::new(),
            hint: "car_".to_owned(),
            credential_hash: "new".to_owned(),
            previous: Some(PreviousText { credential_hash: "old".to_owned(), until: at(100) }),
            ip_ranges: Vec::new(),
            created_at: at(0),
            expires_at: Some(at(200)),
            rotated_at: None,
            revoked_at: None,
            last_used_at: None,
            networks: Vec::new(),
            version: 1,
        }
    }

    #[test]
    fn the_text_before_a_rotation_holds_until_the_overlap_ends() {
        assert_eq!(credential().hashes_at(at(99)).collect::<Vec<_>>(), ["new", "old"]);
        assert_eq!(credential().hashes_at(at(100)).collect::<Vec<_>>(), ["new"]);
    }

    #[test]
    fn a_key_ends_when_it_expires_or_is_revoked() {
        assert!(credential().holds_at(at(199)));
        assert!(!credential().holds_at(at(200)));
        assert!(!Credential { revoked_at: Some(at(1)), ..credential() }.holds_at(at(1)));
        assert!(Credential { expires_at: None, ..credential() }.holds_at(at(1_000_000)));
    }

    #[test]
    fn a_policy_that_says_nothing_lets_everybody_in() {
        let read: PolicyRecord = serde_json::from_str(r#"{ "id": "org_x", "name": "Bells" }"#).unwrap();

        assert_eq!(read, PolicyRecord::default());
    }
}
