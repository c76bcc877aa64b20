//! Roles: the built-in ones, those of an organization's own, and who may give them.

use std::collections::BTreeSet;

use carillon_contracts::{Caller, Permission, Role, RoleId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::IdentityError;
use crate::organization::one_line;

/// How many roles of its own an organization may have.
pub const MOST_ROLES: usize = 50;
/// The longest description of a role, in characters.
pub const DESCRIPTION_CHARACTERS: usize = 500;

/// The permissions that no role of an organization's own can have: the owner's, every user's, and the operator's.
const OF_NO_CUSTOM_ROLE: [Permission; 3] = [Permission::OrganizationOwn, Permission::AccountUse, Permission::PlatformOperate];

/// A role that an organization made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomRole {
    /// Its id.
    pub id: RoleId,
    /// Its name.
    pub name: RoleName,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<RoleDescription>,
    /// What its members may do.
    pub permissions: BTreeSet<Permission>,
    /// How many members have it: counted in the transactions that give and take it.
    pub members: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Counts its changes, from 1; members that have it do not count as one.
    pub version: u64,
}

/// What a new role is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRole {
    /// Its name.
    pub name: RoleName,
    /// What it is for.
    pub description: Option<RoleDescription>,
    /// What its members may do.
    pub permissions: RolePermissions,
}

/// What to change of a role; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RolePatch {
    /// The new name.
    pub name: Option<RoleName>,
    /// The new description; nothing inside removes it.
    pub description: Option<Option<RoleDescription>>,
    /// The new permissions, in place of the old ones.
    pub permissions: Option<RolePermissions>,
}

/// A role with the permissions that it stands for at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedRole {
    /// The role.
    pub role: Role,
    /// Its permissions.
    pub permissions: BTreeSet<Permission>,
    /// The version of a role of the organization's own.
    pub version: Option<u64>,
}

impl CustomRole {
    /// Makes the first version of a role that nobody has.
    #[must_use]
    pub fn new(id: RoleId, new: NewRole, moment: Timestamp) -> Self {
        let NewRole { name, description, permissions } = new;
        Self { id, name, description, permissions: permissions.0, members: 0, created_at: moment, updated_at: moment, version: 1 }
    }

    /// Makes the next version.
    #[must_use]
    pub fn changed(self, patch: RolePatch, moment: Timestamp) -> Self {
        Self {
            name: patch.name.unwrap_or(self.name),
            description: patch.description.unwrap_or(self.description),
            permissions: patch.permissions.map_or(self.permissions, |permissions| permissions.0),
            updated_at: moment,
            version: self.version + 1,
            ..self
        }
    }

    /// Gives the role with its permissions.
    #[must_use]
    pub fn resolved(&self) -> ResolvedRole {
        ResolvedRole { role: Role::Custom(self.id), permissions: self.permissions.clone(), version: Some(self.version) }
    }
}

impl ResolvedRole {
    /// Gives a built-in role with its permissions; nothing for a role of an organization's own.
    #[must_use]
    pub fn built_in(role: Role) -> Option<Self> {
        role.permissions().map(|permissions| Self { role, permissions, version: None })
    }

    /// Checks that a caller may give this role: nobody gives what they lack, and the ownership is transferred, never given.
    ///
    /// # Errors
    /// [`IdentityError::OwnershipIsTransferred`], or [`IdentityError::RoleNotHeld`] with what the caller lacks.
    pub fn given_by(self, giver: &Caller) -> Result<Self, IdentityError> {
        if self.role == Role::Owner {
            return Err(IdentityError::OwnershipIsTransferred);
        }
        let lacking = lacking(giver, &self.permissions);
        if lacking.is_empty() { Ok(self) } else { Err(IdentityError::RoleNotHeld(lacking)) }
    }
}

/// Lists the permissions that a caller lacks.
pub(crate) fn lacking(caller: &Caller, permissions: &BTreeSet<Permission>) -> Vec<Permission> {
    permissions.iter().copied().filter(|permission| !caller.may(*permission)).collect()
}

/// The permissions of a role of an organization's own: at least one, none of those that only built-in roles have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeSet<Permission>", into = "BTreeSet<Permission>")]
pub struct RolePermissions(BTreeSet<Permission>);

impl RolePermissions {
    /// Tells whether a role of an organization's own may have a permission.
    #[must_use]
    pub fn may_have(permission: Permission) -> bool {
        !OF_NO_CUSTOM_ROLE.contains(&permission)
    }

    /// Checks that nobody gives away what they lack.
    ///
    /// # Errors
    /// [`IdentityError::PermissionsNotHeld`] with what the caller lacks.
    pub fn given_by(self, giver: &Caller) -> Result<Self, IdentityError> {
        let lacking = lacking(giver, &self.0);
        if lacking.is_empty() { Ok(self) } else { Err(IdentityError::PermissionsNotHeld(lacking)) }
    }
}

impl TryFrom<BTreeSet<Permission>> for RolePermissions {
    type Error = &'static str;
    fn try_from(permissions: BTreeSet<Permission>) -> Result<Self, Self::Error> {
        if permissions.is_empty() {
            return Err("a role needs at least one permission");
        }
        if !permissions.iter().copied().all(Self::may_have) {
            return Err("organization.own, account.use and platform.operate cannot be part of a role");
        }
        Ok(Self(permissions))
    }
}

impl From<RolePermissions> for BTreeSet<Permission> {
    fn from(permissions: RolePermissions) -> Self {
        permissions.0
    }
}

/// The name of a role: 1 to 120 characters in one line, and not that of a built-in role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleName(String);

impl TryFrom<String> for RoleName {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let name = one_line(&text)?;
        let is_built_in = Role::BUILT_IN.iter().any(|role| role.to_string().eq_ignore_ascii_case(&name));
        if is_built_in { Err("this is the name of a built-in role") } else { Ok(Self(name)) }
    }
}

impl From<RoleName> for String {
    fn from(name: RoleName) -> Self {
        name.0
    }
}

/// What a role is for: 1 to 500 characters in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleDescription(String);

impl TryFrom<String> for RoleDescription {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = text.trim();
        let fits = !text.is_empty() && text.chars().count() <= DESCRIPTION_CHARACTERS && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err("a description has 1 to 500 characters in one line") }
    }
}

impl From<RoleDescription> for String {
    fn from(description: RoleDescription) -> Self {
        description.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_contracts::{ApiKeyId, OrganizationId, Principal, UserId};
    use proptest::prelude::*;

    use crate::member::Member;

    use super::*;

    fn caller(role: Role) -> Caller {
        Caller {
            organization: OrganizationId::from_bytes([1; 16]),
            principal: Principal::ApiKey(ApiKeyId::from_bytes([2; 16])),
            permissions: role.permissions().unwrap(),
        }
    }

    fn permissions(list: &[Permission]) -> Result<RolePermissions, &'static str> {
        list.iter().copied().collect::<BTreeSet<_>>().try_into()
    }

    #[test]
    fn nobody_gives_a_role_that_is_mightier_than_they_are() {
        for giver in Role::BUILT_IN {
            for given in Role::BUILT_IN {
                let resolved = ResolvedRole::built_in(given).unwrap();
                let is_held = resolved.permissions.is_subset(&giver.permissions().unwrap());
                let outcome = resolved.given_by(&caller(giver));
                assert_eq!(outcome.is_ok(), is_held && given != Role::Owner, "{giver} gives {given}");
            }
        }
    }

    #[test]
    fn the_ownership_is_never_given_not_even_by_the_owner() {
        let owner = ResolvedRole::built_in(Role::Owner).unwrap();

        assert!(matches!(owner.given_by(&caller(Role::Owner)), Err(IdentityError::OwnershipIsTransferred)));
    }

    #[test]
    fn a_role_gets_no_permission_that_its_maker_lacks() {
        let wanted = permissions(&[Permission::ContactsRead, Permission::ApiKeysWrite]).unwrap();

        let refused = wanted.clone().given_by(&caller(Role::Viewer));

        assert!(matches!(refused, Err(IdentityError::PermissionsNotHeld(list)) if list == [Permission::ApiKeysWrite]));
        assert!(wanted.given_by(&caller(Role::Admin)).is_ok());
    }

    #[test]
    fn a_role_of_ones_own_has_permissions_but_not_the_reserved_ones() {
        assert!(permissions(&[]).is_err());
        for reserved in OF_NO_CUSTOM_ROLE {
            assert!(permissions(&[Permission::ContactsRead, reserved]).is_err(), "{reserved}");
        }
    }

    #[test]
    fn a_role_is_not_named_like_a_built_in_one() {
        assert!(RoleName::try_from(" Owner ".to_owned()).is_err());
        assert_eq!(String::from(RoleName::try_from(" Editors ".to_owned()).unwrap()), "Editors");
    }

    #[test]
    fn a_change_counts_and_members_stay_counted() {
        let new = NewRole {
            name: RoleName::try_from("Editors".to_owned()).unwrap(),
            description: None,
            permissions: permissions(&[Permission::ContactsRead]).unwrap(),
        };
        let before = CustomRole { members: 3, ..CustomRole::new(RoleId::from_bytes([3; 16]), new, Timestamp::UNIX_EPOCH) };

        let patch = RolePatch { permissions: permissions(&[Permission::TemplatesRead]).ok(), ..RolePatch::default() };
        let after = before.clone().changed(patch, Timestamp::from_second(60).unwrap());

        assert_eq!((after.members, after.version, after.name), (3, 2, before.name));
        assert_eq!(after.permissions, BTreeSet::from([Permission::TemplatesRead]));
    }

    fn some_permissions() -> impl Strategy<Value = BTreeSet<Permission>> {
        let some = proptest::sample::subsequence(Permission::ALL.to_vec(), 0..=Permission::ALL.len());
        some.prop_map(|list| list.into_iter().collect())
    }

    fn who_may(permissions: &BTreeSet<Permission>) -> Caller {
        Caller { permissions: permissions.clone(), ..caller(Role::Viewer) }
    }

    fn of_own(permissions: &BTreeSet<Permission>) -> ResolvedRole {
        ResolvedRole { role: Role::Custom(RoleId::from_bytes([3; 16])), permissions: permissions.clone(), version: Some(1) }
    }

    proptest! {
        #[test]
        fn what_is_given_never_exceeds_what_its_giver_has(wanted in some_permissions(), held in some_permissions()) {
            let giver = who_may(&held);

            let role = of_own(&wanted).given_by(&giver);
            let made = RolePermissions::try_from(wanted.clone()).map(|permissions| permissions.given_by(&giver));

            prop_assert_eq!(role.is_ok(), wanted.is_subset(&held));
            if let Err(IdentityError::RoleNotHeld(lacking)) = role {
                prop_assert_eq!(lacking.into_iter().collect::<BTreeSet<_>>(), wanted.difference(&held).copied().collect::<BTreeSet<_>>());
            }
            if let Ok(Ok(RolePermissions(made))) = made {
                prop_assert!(made.is_subset(&held) && !made.is_empty());
                prop_assert!(OF_NO_CUSTOM_ROLE.iter().all(|reserved| !made.contains(reserved)));
            }
        }

        #[test]
        fn a_member_is_changed_by_those_only_who_may_all_that_the_member_may(has in some_permissions(), held in some_permissions()) {
            let whose = (OrganizationId::from_bytes([1; 16]), UserId::from_bytes([2; 16]));
            let member = Member::new(whose, of_own(&has), Timestamp::UNIX_EPOCH);

            prop_assert_eq!(member.may_be_changed_by(&who_may(&held)).is_ok(), has.is_subset(&held));
        }

        #[test]
        fn permissions_of_a_role_read_back(permissions in some_permissions()) {
            if let Ok(permissions) = RolePermissions::try_from(permissions) {
                let written = serde_json::to_string(&permissions).unwrap();
                prop_assert_eq!(serde_json::from_str::<RolePermissions>(&written).unwrap(), permissions);
            }
        }
    }
}
