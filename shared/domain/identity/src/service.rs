//! The use cases of organizations and keys.

use std::collections::BTreeSet;

use carillon_contracts::{ApiKeyId, Caller, Credential, OrganizationId, Permission};
use carillon_dynamo::{Cursor, Page};
use carillon_kernel::{IdSource, Setup, SetupError};
use jiff::Timestamp;

use crate::api_key::{ApiKeyName, IssuedApiKey, NewApiKey};
use crate::error::IdentityError;
use crate::organization::{NewOrganization, Organization, OrganizationPatch};
use crate::store::IdentityStore;

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
    store: IdentityStore,
}

/// The API keys of organizations.
#[derive(Debug, Clone)]
pub struct ApiKeys {
    store: IdentityStore,
}

impl Organizations {
    /// Opens the organizations; needs the setting `ENTITIES_TABLE`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: IdentityStore::from_setup(setup)? })
    }

    /// Makes an organization and its first key, which may do everything but operate the platform.
    ///
    /// # Errors
    /// [`IdentityError::Store`] when the table fails.
    pub async fn create(&self, new: NewOrganization, moment: Timestamp, ids: &IdSource) -> Result<FoundedOrganization, IdentityError> {
        let members = Permission::ALL.iter().copied().filter(|permission| *permission != Permission::PlatformOperate);
        self.found(new, members.collect(), (moment, ids)).await
    }

    /// Makes the first organization of a platform, whose key may also operate it; nothing that a caller can reach does this.
    ///
    /// # Errors
    /// [`IdentityError::Store`] when the table fails.
    pub async fn bootstrap(&self, new: NewOrganization, moment: Timestamp, ids: &IdSource) -> Result<FoundedOrganization, IdentityError> {
        self.found(new, Permission::ALL.iter().copied().collect(), (moment, ids)).await
    }

    /// Gives an organization.
    ///
    /// # Errors
    /// [`IdentityError::OrganizationAbsent`], or [`IdentityError::Store`] when the table fails.
    pub async fn get(&self, id: OrganizationId) -> Result<Organization, IdentityError> {
        self.store.find_organization(id).await?.ok_or(IdentityError::OrganizationAbsent)
    }

    /// Changes an organization, if it is still at the version that the caller saw (`If-Match`), when that is given.
    ///
    /// # Errors
    /// [`IdentityError::Changed`] or [`IdentityError::Raced`] when somebody was faster, or as [`Organizations::get`].
    pub async fn update(
        &self,
        (id, seen): (OrganizationId, Option<u64>),
        patch: OrganizationPatch,
        moment: Timestamp,
    ) -> Result<Organization, IdentityError> {
        let organization = self.get(id).await?;
        if seen.is_some_and(|version| version != organization.version) {
            return Err(IdentityError::Changed(organization.version));
        }
        let changed = organization.changed(patch, moment);
        self.store.replace_organization(&changed).await?;
        Ok(changed)
    }

    async fn found(
        &self,
        new: NewOrganization,
        permissions: BTreeSet<Permission>,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<FoundedOrganization, IdentityError> {
        let organization = Organization::new(ids.id(moment), new, moment);
        let key = NewApiKey { name: ApiKeyName::first(), permissions };
        let api_key = IssuedApiKey::issue(organization.id, key, moment, ids);
        self.store.insert_organization(&organization, &api_key).await?;
        Ok(FoundedOrganization { organization, api_key })
    }
}

impl ApiKeys {
    /// Opens the keys; needs the setting `ENTITIES_TABLE`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: IdentityStore::from_setup(setup)? })
    }

    /// Makes a key of the caller's organization with permissions that the caller has.
    ///
    /// # Errors
    /// [`IdentityError::PermissionsNotHeld`], or [`IdentityError::Store`] when the table fails.
    pub async fn create(
        &self,
        maker: &Caller,
        new: NewApiKey,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<IssuedApiKey, IdentityError> {
        let issued = IssuedApiKey::issue(maker.organization, new.granted_by(maker)?, moment, ids);
        self.store.insert_api_key(&issued).await?;
        Ok(issued)
    }

    /// Lists an organization's keys, oldest first, the revoked ones included.
    ///
    /// # Errors
    /// [`IdentityError::Cursor`], or [`IdentityError::Store`] when the table fails.
    pub async fn page(&self, organization: OrganizationId, cursor: Option<Cursor>, limit: u32) -> Result<Page<Credential>, IdentityError> {
        Ok(self.store.page_api_keys(organization, cursor, limit).await?)
    }

    /// Revokes a key from now on; a key that was revoked stays as it is.
    ///
    /// # Errors
    /// [`IdentityError::ApiKeyAbsent`], or [`IdentityError::Store`] when the table fails.
    pub async fn revoke(&self, organization: OrganizationId, id: ApiKeyId, moment: Timestamp) -> Result<(), IdentityError> {
        let stored = self.store.find_api_key(organization, id).await?.ok_or(IdentityError::ApiKeyAbsent)?;
        if stored.is_revoked() {
            return Ok(());
        }
        Ok(self.store.revoke_api_key(stored, moment).await?)
    }
}
