//! The use cases of members and of the ownership.

use std::sync::Arc;

use carillon_contracts::{Caller, OrganizationId, Permission, Principal, Role, UserId};
use carillon_dynamo::{Cursor, Page, Trail, Write};
use carillon_kernel::{Setup, SetupError};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::error::IdentityError;
use crate::member::{Member, Membership};
use crate::member_store::{MemberStore, Profile};
use crate::organization::Organization;
use crate::organization_store::OrganizationStore;
use crate::role::ResolvedRole;
use crate::user::{EmailAddress, PersonName};

/// How many sessions end in the transaction that removes a member; the gate refuses all of them, because the member is gone.
const SESSIONS_ENDED: usize = 80;

/// A member as lists show it: with the name and the address of the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedMember {
    /// The user.
    pub user_id: UserId,
    /// The user's name; absent when the account is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<PersonName>,
    /// The user's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailAddress>,
    /// The role.
    pub role: Role,
    /// What the role allows.
    pub permissions: std::collections::BTreeSet<Permission>,
    /// Who invited the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invited_by: Option<UserId>,
    /// When the user became a member.
    pub joined_at: Timestamp,
    /// When the member was changed last.
    pub updated_at: Timestamp,
    /// Counts its changes.
    pub version: u64,
}

/// The members of organizations.
#[derive(Debug, Clone)]
pub struct Members {
    store: MemberStore,
    organizations: OrganizationStore,
}

impl Members {
    /// Opens the members; needs the setting `ENTITIES_TABLE`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: MemberStore::from_setup(setup)?, organizations: OrganizationStore::from_setup(setup)? })
    }

    /// Gives the members for one call's use: what it changes is recorded.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail), organizations: self.organizations.by(trail) }
    }

    /// Lists an organization's members by their users' ids.
    ///
    /// # Errors
    /// [`IdentityError::Cursor`], or [`IdentityError::Store`] when the table fails.
    pub async fn page(
        &self,
        organization: OrganizationId,
        cursor: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<ListedMember>, IdentityError> {
        let page = self.store.page_members(organization, cursor, limit).await?;
        let users: Vec<UserId> = page.items.iter().map(|member| member.user).collect();
        let mut profiles = self.store.profiles(&users).await?;
        Ok(page.map(|member| {
            let profile = profiles.remove(&member.user);
            listed(member, profile)
        }))
    }

    /// Gives a member; nothing when the user is none.
    ///
    /// # Errors
    /// [`IdentityError::Store`] when the table fails.
    pub async fn find(&self, organization: OrganizationId, user: UserId) -> Result<Option<Member>, IdentityError> {
        Ok(self.store.find_member(organization, user).await?)
    }

    /// Lists the organizations that a user is a member of, by their ids: the oldest first.
    ///
    /// # Errors
    /// [`IdentityError::Store`] when the table fails.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<Membership>, IdentityError> {
        Ok(self.store.memberships(user).await?)
    }

    /// Makes the writes of an organization's owner, for the transaction that founds it.
    ///
    /// # Errors
    /// [`IdentityError::Store`] when the member cannot be written as an item.
    pub fn owner_writes(&self, organization: OrganizationId, owner: UserId, moment: Timestamp) -> Result<Vec<Write>, IdentityError> {
        let member = Member::new((organization, owner), resolved(Role::Owner)?, moment);
        Ok(self.store.insert_member(&member)?.into())
    }

    /// Gives a member another role, if the member is still at the version that the caller saw, when that is given.
    ///
    /// # Errors
    /// [`IdentityError::MemberAbsent`], [`IdentityError::OwnerStays`], [`IdentityError::MemberAboveCaller`], [`IdentityError::RoleUnknown`],
    /// [`IdentityError::RoleNotHeld`], [`IdentityError::OwnershipIsTransferred`], [`IdentityError::Changed`], [`IdentityError::Raced`].
    pub async fn change_role(
        &self,
        caller: &Caller,
        (user, seen): (UserId, Option<u64>),
        (role, moment): (Role, Timestamp),
    ) -> Result<ListedMember, IdentityError> {
        let organization = caller.organization;
        let before = self.store.find_member(organization, user).await?.ok_or(IdentityError::MemberAbsent)?;
        if seen.is_some_and(|version| version != before.version) {
            return Err(IdentityError::Changed(before.version));
        }
        before.may_be_changed_by(caller)?;
        let role = self.store.resolve(organization, role).await?.ok_or(IdentityError::RoleUnknown)?.given_by(caller)?;
        let mut after = before.clone();
        if role.role != before.role {
            let mut writes: Vec<Write> = self.store.give_role(organization, &role).into_iter().collect();
            writes.extend(self.store.take_role(organization, before.role));
            after = after.with_role(role, moment);
            writes.push(self.store.replace_member(&before, &after)?);
            self.store.commit(writes).await?;
        }
        let profile = self.store.profiles(&[user]).await?.remove(&user);
        Ok(listed(after, profile))
    }

    /// Removes a member, and ends the sessions that the user has in the organization.
    ///
    /// # Errors
    /// [`IdentityError::MemberAbsent`], [`IdentityError::OwnerStays`], [`IdentityError::MemberAboveCaller`], [`IdentityError::Raced`].
    pub async fn remove(&self, caller: &Caller, user: UserId, moment: Timestamp) -> Result<(), IdentityError> {
        let member = self.store.find_member(caller.organization, user).await?.ok_or(IdentityError::MemberAbsent)?;
        member.may_be_changed_by(caller)?;
        Ok(self.store.commit(self.removal_writes(&member, moment).await?).await?)
    }

    /// Ends the sessions that a member has in the organization, at once; they stay a member.
    ///
    /// # Errors
    /// [`IdentityError::MemberAbsent`], [`IdentityError::OwnerStays`], [`IdentityError::MemberAboveCaller`], [`IdentityError::Raced`].
    pub async fn log_out(&self, caller: &Caller, user: UserId, moment: Timestamp) -> Result<(), IdentityError> {
        let member = self.store.find_member(caller.organization, user).await?.ok_or(IdentityError::MemberAbsent)?;
        member.may_be_changed_by(caller)?;
        let writes = self.store.end_sessions((member.organization, member.user), SESSIONS_ENDED, moment).await?;
        Ok(self.store.commit(writes).await?)
    }

    /// Transfers the ownership to another member; who owned the organization is an admin afterwards.
    ///
    /// # Errors
    /// [`IdentityError::OwnerOnly`], [`IdentityError::StepUpNeeded`], [`IdentityError::MemberUnknown`], [`IdentityError::Raced`].
    pub async fn transfer(&self, caller: &Caller, heir: UserId, moment: Timestamp) -> Result<Organization, IdentityError> {
        let id = caller.organization;
        let organization = self.organizations.find(id).await?.ok_or(IdentityError::OrganizationAbsent)?;
        let owner = self.logged_in_owner(caller, &organization, moment).await?;
        let owning = self.store.find_member(id, owner).await?.filter(Member::is_owner).ok_or(IdentityError::OwnerOnly)?;
        let heir = self.store.find_member(id, heir).await?.ok_or(IdentityError::MemberUnknown)?;
        if heir.user == owner {
            return Ok(organization);
        }
        let after = organization.clone().transferred(heir.user, moment);
        let mut writes = vec![
            self.organizations.replace(&organization, &after)?,
            self.store.replace_member(&owning, &owning.clone().with_role(resolved(Role::Admin)?, moment))?,
            self.store.replace_member(&heir, &heir.clone().with_role(resolved(Role::Owner)?, moment))?,
        ];
        writes.extend(self.store.take_role(id, heir.role));
        self.store.commit(writes).await?;
        Ok(after)
    }

    /// Makes the writes that remove a user from all organizations, for the transaction that erases the account.
    ///
    /// # Errors
    /// [`IdentityError::OwnerStays`] when the user owns an organization, or [`IdentityError::Store`] when the table fails.
    pub async fn erasure_writes(&self, user: UserId, moment: Timestamp) -> Result<Vec<Write>, IdentityError> {
        let mut writes = Vec::new();
        for membership in self.store.memberships(user).await? {
            let Some(member) = self.store.find_member(membership.organization, user).await? else { continue };
            if member.is_owner() {
                return Err(IdentityError::OwnerStays);
            }
            writes.extend(self.removal_writes(&member, moment).await?);
        }
        Ok(writes)
    }

    /// Removes a member who is erased from an organization; nothing for who is none.
    ///
    /// # Errors
    /// [`IdentityError::OwnerStays`], [`IdentityError::Raced`], or [`IdentityError::Store`] when the table fails.
    pub async fn erase(&self, (organization, user): (OrganizationId, UserId), moment: Timestamp) -> Result<(), IdentityError> {
        let Some(member) = self.store.find_member(organization, user).await? else { return Ok(()) };
        if member.is_owner() {
            return Err(IdentityError::OwnerStays);
        }
        Ok(self.store.commit(self.removal_writes(&member, moment).await?).await?)
    }

    async fn removal_writes(&self, member: &Member, moment: Timestamp) -> Result<Vec<Write>, IdentityError> {
        let mut writes: Vec<Write> = self.store.delete_member(member).into();
        writes.extend(self.store.take_role(member.organization, member.role));
        writes.extend(self.store.end_sessions((member.organization, member.user), SESSIONS_ENDED, moment).await?);
        Ok(writes)
    }

    /// Gives the owner, when it is who calls, and logged in as lately as the organization's policy wants it.
    async fn logged_in_owner(&self, caller: &Caller, organization: &Organization, moment: Timestamp) -> Result<UserId, IdentityError> {
        let Principal::User(user, session) = caller.principal else { return Err(IdentityError::OwnerOnly) };
        if organization.owner != Some(user) {
            return Err(IdentityError::OwnerOnly);
        }
        let session = self.store.find_session(user, session).await?.ok_or(IdentityError::OwnerOnly)?;
        let minutes = organization.security.step_up_minutes.get();
        let is_fresh = moment.duration_since(session.authenticated_at) <= SignedDuration::from_mins(minutes.into());
        if is_fresh { Ok(user) } else { Err(IdentityError::StepUpNeeded(minutes)) }
    }
}

/// Gives a role that is known to be built in.
fn resolved(role: Role) -> Result<ResolvedRole, IdentityError> {
    ResolvedRole::built_in(role).ok_or(IdentityError::RoleUnknown)
}

fn listed(member: Member, profile: Option<Profile>) -> ListedMember {
    let (name, email) = profile.map_or((None, None), |profile| (Some(profile.name), Some(profile.email)));
    let Member { user, role, permissions, invited_by, joined_at, updated_at, version, .. } = member;
    ListedMember { user_id: user, name, email, role, permissions, invited_by, joined_at, updated_at, version }
}
