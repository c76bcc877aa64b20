//! The use cases of roles.

use std::collections::BTreeSet;
use std::sync::Arc;

use carillon_contracts::message::RoleChanged;
use carillon_contracts::{Caller, OrganizationId, Permission, Role, RoleId};
use carillon_dynamo::{Trail, Write};
use carillon_kernel::{IdSource, Setup, SetupError};
use carillon_outbox::Outbox;
use jiff::Timestamp;
use serde::Serialize;

use crate::error::IdentityError;
use crate::member::Member;
use crate::member_store::MemberStore;
use crate::role::{CustomRole, MOST_ROLES, NewRole, RolePatch, lacking};

/// How many members one transaction gives a role's new permissions: with the role, the outbox and the audit record far below DynamoDB's 100.
const MEMBERS_AT_ONCE: usize = 40;

/// A role as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedRole {
    /// What members carry: `admin`, or the id of a role of the organization's own.
    pub id: Role,
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it is built in, and so the same in every organization.
    pub built_in: bool,
    /// What its members may do.
    pub permissions: BTreeSet<Permission>,
    /// How many members have it; counted for roles of the organization's own only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<u64>,
    /// When it was changed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// Counts the changes of a role of the organization's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// The roles of organizations.
#[derive(Debug, Clone)]
pub struct Roles {
    store: MemberStore,
    outbox: Outbox,
}

impl Roles {
    /// Opens the roles; needs the setting `ENTITIES_TABLE`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: MemberStore::from_setup(setup)?, outbox: Outbox::from_setup(setup)? })
    }

    /// Gives the roles for one call's use: what it changes is recorded.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail), outbox: self.outbox.clone() }
    }

    /// Lists the built-in roles, the mightiest first, and then the organization's own.
    ///
    /// # Errors
    /// [`IdentityError::Store`] when the table fails.
    pub async fn list(&self, organization: OrganizationId) -> Result<Vec<ListedRole>, IdentityError> {
        let own = self.store.roles(organization).await?;
        Ok(Role::BUILT_IN.into_iter().filter_map(built_in).chain(own.into_iter().map(ListedRole::from)).collect())
    }

    /// Makes a role of permissions that the caller has.
    ///
    /// # Errors
    /// [`IdentityError::PermissionsNotHeld`], [`IdentityError::TooManyRoles`], or [`IdentityError::Store`] when the table fails.
    pub async fn create(&self, caller: &Caller, new: NewRole, (moment, id): (Timestamp, RoleId)) -> Result<ListedRole, IdentityError> {
        let new = NewRole { permissions: new.permissions.given_by(caller)?, ..new };
        if self.store.roles(caller.organization).await?.len() >= MOST_ROLES {
            return Err(IdentityError::TooManyRoles);
        }
        let role = CustomRole::new(id, new, moment);
        self.store.commit(vec![self.store.insert_role(caller.organization, &role)?]).await?;
        Ok(role.into())
    }

    /// Changes a role, if it is still at the version that the caller saw, when that is given; its members' permissions follow.
    ///
    /// They follow in the same transaction when they are few enough for it; for the others a message is left in the outbox.
    ///
    /// # Errors
    /// [`IdentityError::RoleAbsent`], [`IdentityError::RoleAboveCaller`], [`IdentityError::PermissionsNotHeld`], [`IdentityError::Changed`],
    /// [`IdentityError::Raced`].
    pub async fn update(
        &self,
        caller: &Caller,
        (id, seen): (RoleId, Option<u64>),
        (patch, moment, ids): (RolePatch, Timestamp, &IdSource),
    ) -> Result<ListedRole, IdentityError> {
        let organization = caller.organization;
        let before = self.may_be_changed(caller, id).await?;
        if seen.is_some_and(|version| version != before.version) {
            return Err(IdentityError::Changed(before.version));
        }
        let permissions = patch.permissions.map(|permissions| permissions.given_by(caller)).transpose()?;
        let after = before.clone().changed(RolePatch { permissions, ..patch }, moment);

        let mut writes = vec![self.store.replace_role(organization, &before, &after)?];
        let mut ticket = None;
        if after.permissions != before.permissions && before.members > 0 {
            let mut behind = self.store.members_behind(organization, (id, after.version), MEMBERS_AT_ONCE + 1).await?;
            if behind.len() > MEMBERS_AT_ONCE {
                let (write, left) = self.outbox.write(&RoleChanged { organization, role: id }, moment, ids)?;
                writes.push(write);
                ticket = Some(left);
                behind.truncate(MEMBERS_AT_ONCE);
            }
            writes.extend(self.following(&behind, &after, moment)?);
        }
        self.store.commit(writes).await?;
        if let Some(ticket) = ticket {
            self.outbox.dispatch(ticket).await;
        }
        Ok(after.into())
    }

    /// Gives the members of a role its newest permissions, page by page; members that have them are left alone, so that it may run twice.
    ///
    /// # Errors
    /// [`IdentityError::Raced`] when the role or a member was changed at the same moment: a repetition finds what is left.
    pub async fn apply(&self, organization: OrganizationId, id: RoleId, moment: Timestamp) -> Result<(), IdentityError> {
        loop {
            let Some(role) = self.store.find_role(organization, id).await? else { return Ok(()) };
            let behind = self.store.members_behind(organization, (id, role.version), MEMBERS_AT_ONCE).await?;
            if behind.is_empty() {
                return Ok(());
            }
            let mut writes = vec![self.store.check_role(organization, &role)];
            writes.extend(self.following(&behind, &role, moment)?);
            self.store.commit(writes).await?;
        }
    }

    /// Deletes a role that nobody has.
    ///
    /// # Errors
    /// [`IdentityError::RoleAbsent`], [`IdentityError::RoleInUse`], [`IdentityError::RoleAboveCaller`], [`IdentityError::Raced`].
    pub async fn delete(&self, caller: &Caller, id: RoleId) -> Result<(), IdentityError> {
        let role = self.may_be_changed(caller, id).await?;
        if role.members > 0 {
            return Err(IdentityError::RoleInUse(role.members));
        }
        Ok(self.store.commit(vec![self.store.delete_role(caller.organization, &role)]).await?)
    }

    async fn may_be_changed(&self, caller: &Caller, id: RoleId) -> Result<CustomRole, IdentityError> {
        let role = self.store.find_role(caller.organization, id).await?.ok_or(IdentityError::RoleAbsent)?;
        if lacking(caller, &role.permissions).is_empty() { Ok(role) } else { Err(IdentityError::RoleAboveCaller) }
    }

    fn following(&self, members: &[Member], role: &CustomRole, moment: Timestamp) -> Result<Vec<Write>, IdentityError> {
        let follow = |member: &Member| self.store.replace_member(member, &member.clone().with_role(role.resolved(), moment));
        Ok(members.iter().map(follow).collect::<Result<_, _>>()?)
    }
}

impl From<CustomRole> for ListedRole {
    fn from(role: CustomRole) -> Self {
        Self {
            id: Role::Custom(role.id),
            name: role.name.into(),
            description: role.description.map(String::from),
            built_in: false,
            permissions: role.permissions,
            members: Some(role.members),
            updated_at: Some(role.updated_at),
            version: Some(role.version),
        }
    }
}

fn built_in(role: Role) -> Option<ListedRole> {
    let (name, description) = match role {
        Role::Owner => ("Owner", "Everything, the ownership included; an organization has one owner."),
        Role::Admin => ("Admin", "Everything but the ownership."),
        Role::Marketer => ("Marketer", "Contacts, templates and campaigns."),
        Role::Agent => ("Agent", "Contacts and single messages: who answers people."),
        Role::Analyst => ("Analyst", "Reads contacts, campaigns and figures."),
        Role::Developer => ("Developer", "What a program's maker needs: API keys, templates, messages."),
        Role::Viewer => ("Viewer", "Reads."),
        Role::Custom(_) => return None,
    };
    let (name, description) = (name.to_owned(), Some(description.to_owned()));
    let permissions = role.permissions()?;
    Some(ListedRole { id: role, name, description, built_in: true, permissions, members: None, updated_at: None, version: None })
}
