//! The use cases of API keys.

use std::sync::Arc;

use carillon_contracts::{ApiKeyId, Caller, OrganizationId};
use carillon_dynamo::{Cursor, Page, Table, Trail, Write};
use carillon_kernel::{IdSource, KeyedHash, Setup, SetupError};
use jiff::{SignedDuration, Timestamp};

use crate::api_key::{ApiKey, IssuedApiKey, NewApiKey};
use crate::api_key_store::ApiKeyStore;
use crate::error::IdentityError;

/// How often a key is revoked that is used at the same moment.
const TRIES: u32 = 3;

/// The API keys of organizations.
#[derive(Debug, Clone)]
pub struct ApiKeys {
    store: ApiKeyStore,
    key: KeyedHash,
}

impl ApiKeys {
    /// Opens the keys; needs the settings `ENTITIES_TABLE` and `CREDENTIAL_KEY`.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        let key = KeyedHash::new(&setup.secret("CREDENTIAL_KEY")?);
        Ok(Self { store: ApiKeyStore(Table::from_setup(setup, "ENTITIES_TABLE")?), key })
    }

    /// Opens the keys for one call's use: what they change is left in its trail.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: ApiKeyStore(self.store.0.by(trail)), key: self.key.clone() }
    }

    /// Makes a key of the caller's organization with permissions that the caller has.
    ///
    /// # Errors
    /// [`IdentityError::PermissionsNotHeld`], [`IdentityError::ApiKeyOver`], or [`IdentityError::Store`] when the table fails.
    pub async fn create(
        &self,
        maker: &Caller,
        new: NewApiKey,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<IssuedApiKey, IdentityError> {
        let granted = new.granted_by(maker, moment)?;
        let issued = IssuedApiKey::issue(maker.organization, granted, &self.key, (moment, ids));
        self.store.insert(&issued.credential).await?;
        Ok(issued)
    }

    /// Makes a key of an organization that is made in the same transaction, and its writes; nobody gives it its permissions.
    ///
    /// # Errors
    /// [`IdentityError::Store`] when the key cannot be written as an item.
    pub fn first_writes(
        &self,
        organization: OrganizationId,
        new: NewApiKey,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<(IssuedApiKey, Vec<Write>), IdentityError> {
        let issued = IssuedApiKey::issue(organization, new, &self.key, (moment, ids));
        let writes = self.store.insert_writes(&issued.credential)?;
        Ok((issued, writes))
    }

    /// Lists an organization's keys, oldest first, those that are over included.
    ///
    /// # Errors
    /// [`IdentityError::Cursor`], or [`IdentityError::Store`] when the table fails.
    pub async fn page(&self, organization: OrganizationId, cursor: Option<Cursor>, limit: u32) -> Result<Page<ApiKey>, IdentityError> {
        Ok(self.store.page(organization, (cursor, limit)).await?.map(ApiKey::from))
    }

    /// Gives a key of the caller's organization a new text; the old one holds for the overlap.
    ///
    /// # Errors
    /// [`IdentityError::ApiKeyAbsent`], [`IdentityError::ApiKeyOver`], [`IdentityError::PermissionsNotHeld`], [`IdentityError::Raced`],
    /// or [`IdentityError::Store`] when the table fails.
    pub async fn rotate(
        &self,
        caller: &Caller,
        (id, overlap): (ApiKeyId, SignedDuration),
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<IssuedApiKey, IdentityError> {
        let before = self.store.find(caller.organization, id).await?.ok_or(IdentityError::ApiKeyAbsent)?;
        let issued = IssuedApiKey::rotate(before.clone(), (caller, overlap), &self.key, (moment, ids))?;
        self.store.replace(&before, &issued.credential).await?;
        Ok(issued)
    }

    /// Revokes a key from now on; a key that was revoked stays as it is.
    ///
    /// # Errors
    /// [`IdentityError::ApiKeyAbsent`], [`IdentityError::Raced`], or [`IdentityError::Store`] when the table fails.
    pub async fn revoke(&self, organization: OrganizationId, id: ApiKeyId, moment: Timestamp) -> Result<(), IdentityError> {
        for _ in 0..TRIES {
            let before = self.store.find(organization, id).await?.ok_or(IdentityError::ApiKeyAbsent)?;
            if before.revoked_at.is_some() {
                return Ok(());
            }
            let mut after = before.clone();
            (after.revoked_at, after.previous, after.version) = (Some(moment), None, before.version + 1);
            match self.store.replace(&before, &after).await.map_err(IdentityError::from) {
                Err(IdentityError::Raced) => {}
                done => return done,
            }
        }
        Err(IdentityError::Raced)
    }
}
