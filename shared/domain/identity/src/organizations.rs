//! The use cases of organizations.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use carillon_contracts::{OrganizationId, Permission, Role, UserId};
use carillon_dynamo::{Trail, Write};
use carillon_kernel::{IdSource, Setup, SetupError};
use jiff::Timestamp;

use crate::api_key::{IssuedApiKey, NewApiKey};
use crate::api_keys::ApiKeys;
use crate::error::IdentityError;
use crate::member::Member;
use crate::member_store::MemberStore;
use crate::organization::{NewOrganization, Organization, OrganizationName, OrganizationPatch};
use crate::organization_store::OrganizationStore;
use crate::role::ResolvedRole;

/// An organization that was just made, with its first key.
#[derive(Debug, Clone)]
pub struct FoundedOrganization {
    /// The organization.
    pub organization: Organization,
    /// The key to go on with.
    pub api_key: IssuedApiKey,
}

/// The organizations.
#[derive(Debug, Clone)]
pub struct Organizations {
    store: OrganizationStore,
    members: MemberStore,
    keys: ApiKeys,
}

impl Organizations {
    /// Opens the organizations; needs the setting `ENTITIES_TABLE`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        let (store, members) = (OrganizationStore::from_setup(setup)?, MemberStore::from_setup(setup)?);
        Ok(Self { store, members, keys: ApiKeys::from_setup(setup)? })
    }

    /// Gives the organizations for one call's use: what it changes is recorded.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail), members: self.members.by(trail), keys: self.keys.clone() }
    }

    /// Gives the organizations for a call of the operator, which is recorded in the trail of the organization that it concerns.
    #[must_use]
    pub fn by_operator(&self, trail: &Arc<Trail>, organization: OrganizationId) -> Self {
        self.by(&Arc::new(Trail { organization: organization.to_string(), ..Trail::clone(trail) }))
    }

    /// Makes an organization and its first key, which may do everything but own the organization and operate the platform.
    ///
    /// `with` are further writes of the same transaction, such as the invitation of its owner; they are made for the organization's id.
    ///
    /// # Errors
    /// [`IdentityError::Store`] when the table fails.
    pub async fn create(
        &self,
        (id, new): (OrganizationId, NewOrganization),
        with: Vec<Write>,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<FoundedOrganization, IdentityError> {
        let organization = Organization::new(id, new, moment);
        self.found(organization, of_keys().collect(), (with, moment, ids)).await
    }

    /// Makes the first organization of a platform, whose key may also operate it; nothing that a caller can reach does this.
    ///
    /// # Errors
    /// [`IdentityError::Store`] when the table fails.
    pub async fn bootstrap(&self, name: OrganizationName, moment: Timestamp, ids: &IdSource) -> Result<FoundedOrganization, IdentityError> {
        let every =
            Permission::ALL.iter().copied().filter(|permission| permission.is_for_keys() || *permission == Permission::PlatformOperate);
        let organization = Organization::new(ids.id(moment), NewOrganization::named(name), moment);
        self.found(organization, every.collect(), (Vec::new(), moment, ids)).await
    }

    /// Makes the writes of an organization and its owner's membership, for the transaction in which somebody signs up.
    ///
    /// # Errors
    /// [`IdentityError::Store`] when something cannot be written as an item.
    pub fn founding_writes(
        &self,
        new: NewOrganization,
        owner: UserId,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<(Organization, Vec<Write>), IdentityError> {
        let organization = Organization::new(ids.id(moment), new, moment).owned_by(owner);
        let role = ResolvedRole::built_in(Role::Owner).ok_or(IdentityError::RoleUnknown)?;
        let mut writes = vec![self.store.insert(&organization)?];
        writes.extend(self.members.insert_member(&Member::new((organization.id, owner), role, moment))?);
        Ok((organization, writes))
    }

    /// Gives an organization.
    ///
    /// # Errors
    /// [`IdentityError::OrganizationAbsent`], or [`IdentityError::Store`] when the table fails.
    pub async fn get(&self, id: OrganizationId) -> Result<Organization, IdentityError> {
        self.store.find(id).await?.ok_or(IdentityError::OrganizationAbsent)
    }

    /// Gives those of some organizations that there are.
    ///
    /// # Errors
    /// [`IdentityError::Store`] when the table fails.
    pub async fn find_many(&self, ids: &[OrganizationId]) -> Result<Vec<Organization>, IdentityError> {
        Ok(self.store.find_many(ids).await?)
    }

    /// Gives the owner of an organization; nobody while it only has API keys.
    ///
    /// # Errors
    /// As [`Organizations::get`].
    pub async fn owner(&self, id: OrganizationId) -> Result<Option<UserId>, IdentityError> {
        Ok(self.get(id).await?.owner)
    }

    /// Changes an organization, if it is still at the version that the caller saw (`If-Match`), when that is given.
    ///
    /// Whoever changes the allowed address ranges must stay inside them.
    ///
    /// # Errors
    /// [`IdentityError::Changed`] or [`IdentityError::Raced`] when somebody was faster, [`IdentityError::OwnAddressOutside`], or as
    /// [`Organizations::get`].
    pub async fn update(
        &self,
        (id, seen): (OrganizationId, Option<u64>),
        patch: OrganizationPatch,
        (moment, address): (Timestamp, Option<IpAddr>),
    ) -> Result<Organization, IdentityError> {
        let before = self.get(id).await?;
        if seen.is_some_and(|version| version != before.version) {
            return Err(IdentityError::Changed(before.version));
        }
        if patch.allowed_ip_ranges.as_ref().is_some_and(|ranges| !ranges.let_in(address)) {
            return Err(IdentityError::OwnAddressOutside);
        }
        let after = before.clone().changed(patch, moment);
        self.store.commit(vec![self.store.replace(&before, &after)?]).await?;
        Ok(after)
    }

    async fn found(
        &self,
        organization: Organization,
        permissions: BTreeSet<Permission>,
        (with, moment, ids): (Vec<Write>, Timestamp, &IdSource),
    ) -> Result<FoundedOrganization, IdentityError> {
        let (api_key, key_writes) = self.keys.first_writes(organization.id, NewApiKey::first(permissions), (moment, ids))?;
        let mut writes = vec![self.store.insert(&organization)?];
        writes.extend(key_writes);
        writes.extend(with);
        self.store.commit(writes).await?;
        Ok(FoundedOrganization { organization, api_key })
    }
}

/// The permissions that keys may be given.
fn of_keys() -> impl Iterator<Item = Permission> {
    Permission::ALL.iter().copied().filter(|permission| permission.is_for_keys())
}
