//! A member: a user of an organization, with a role, and the rules of changing it.

use std::collections::BTreeSet;

use carillon_contracts::{Caller, OrganizationId, Permission, Role, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::IdentityError;
use crate::role::{ResolvedRole, lacking};

/// A member as stored: what the gate reads to know what a user may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The organization.
    pub organization: OrganizationId,
    /// The user.
    pub user: UserId,
    /// The role.
    pub role: Role,
    /// The role's permissions, copied here so that a request needs no further read.
    pub permissions: BTreeSet<Permission>,
    /// The version of a role of the organization's own that the permissions are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_version: Option<u64>,
    /// Who invited the user; nobody for who founded the organization, or was invited by a program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invited_by: Option<UserId>,
    /// When the user became a member.
    pub joined_at: Timestamp,
    /// When the member was changed last.
    pub updated_at: Timestamp,
    /// Counts its changes, from 1.
    pub version: u64,
}

/// That a user is a member of an organization, as the user's side knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The organization.
    pub organization: OrganizationId,
    /// The user.
    pub user: UserId,
    /// Since when.
    pub joined_at: Timestamp,
}

/// What the audit trail says of a member: the permissions follow from the role, and from its version where it has several.
#[derive(Debug, Serialize)]
pub(crate) struct AuditedMember {
    user: UserId,
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invited_by: Option<UserId>,
}

impl Member {
    /// Makes a member.
    #[must_use]
    pub fn new((organization, user): (OrganizationId, UserId), role: ResolvedRole, moment: Timestamp) -> Self {
        let ResolvedRole { role, permissions, version } = role;
        let (invited_by, joined_at, updated_at) = (None, moment, moment);
        Self { organization, user, role, permissions, role_version: version, invited_by, joined_at, updated_at, version: 1 }
    }

    /// Notes who invited the user.
    #[must_use]
    pub fn invited_by(self, inviter: Option<UserId>) -> Self {
        Self { invited_by: inviter, ..self }
    }

    /// Gives the member's other side.
    #[must_use]
    pub fn membership(&self) -> Membership {
        Membership { organization: self.organization, user: self.user, joined_at: self.joined_at }
    }

    /// Tells whether the user owns the organization.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.role == Role::Owner
    }

    /// Makes the next version, with another role or its role's newest permissions.
    #[must_use]
    pub fn with_role(self, role: ResolvedRole, moment: Timestamp) -> Self {
        let ResolvedRole { role, permissions, version } = role;
        Self { role, permissions, role_version: version, updated_at: moment, version: self.version + 1, ..self }
    }

    /// Checks that a caller may change or remove this member: never the owner, and nobody who may do what the caller may not.
    ///
    /// # Errors
    /// [`IdentityError::OwnerStays`], or [`IdentityError::MemberAboveCaller`].
    pub fn may_be_changed_by(&self, caller: &Caller) -> Result<(), IdentityError> {
        if self.is_owner() {
            return Err(IdentityError::OwnerStays);
        }
        if lacking(caller, &self.permissions).is_empty() { Ok(()) } else { Err(IdentityError::MemberAboveCaller) }
    }

    pub(crate) fn audited(&self) -> AuditedMember {
        AuditedMember { user: self.user, role: self.role, role_version: self.role_version, invited_by: self.invited_by }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_contracts::{Principal, SessionId};

    use super::*;

    const ORGANIZATION: [u8; 16] = [1; 16];

    fn member(role: Role) -> Member {
        let role = ResolvedRole::built_in(role).unwrap();
        Member::new((OrganizationId::from_bytes(ORGANIZATION), UserId::from_bytes([2; 16])), role, Timestamp::UNIX_EPOCH)
    }

    fn caller(role: Role) -> Caller {
        Caller {
            organization: OrganizationId::from_bytes(ORGANIZATION),
            principal: Principal::User(UserId::from_bytes([3; 16]), SessionId::from_bytes([4; 16])),
            permissions: role.permissions().unwrap(),
        }
    }

    #[test]
    fn the_owner_is_changed_by_nobody() {
        for role in Role::BUILT_IN {
            assert!(matches!(member(Role::Owner).may_be_changed_by(&caller(role)), Err(IdentityError::OwnerStays)));
        }
    }

    #[test]
    fn a_member_is_changed_by_those_only_who_may_do_as_much() {
        assert!(member(Role::Admin).may_be_changed_by(&caller(Role::Owner)).is_ok());
        assert!(member(Role::Admin).may_be_changed_by(&caller(Role::Admin)).is_ok());
        assert!(matches!(member(Role::Admin).may_be_changed_by(&caller(Role::Marketer)), Err(IdentityError::MemberAboveCaller)));
        assert!(matches!(member(Role::Agent).may_be_changed_by(&caller(Role::Viewer)), Err(IdentityError::MemberAboveCaller)));
    }

    #[test]
    fn another_role_brings_its_permissions_and_counts() {
        let later = Timestamp::from_second(60).unwrap();

        let after = member(Role::Viewer).with_role(ResolvedRole::built_in(Role::Agent).unwrap(), later);

        assert_eq!(after.permissions, Role::Agent.permissions().unwrap());
        assert_eq!((after.version, after.updated_at, after.joined_at), (2, later, Timestamp::UNIX_EPOCH));
    }
}
