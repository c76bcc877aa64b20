//! Where organizations and keys are kept: the table of entities.
//!
//! | access pattern | key |
//! | --- | --- |
//! | an organization | `ORG#{org}#ORGANIZATION` / `ORGANIZATION` |
//! | the keys of an organization, one of them | `ORG#{org}#KEYS` / `{key}` |
//! | the credential of a secret text (read by the harness) | `CREDENTIAL#{sha256}` / `CREDENTIAL` |
//!
//! A key is two items, written in one transaction: the credential, which has no organization in its key because the caller is not
//! known yet when it is read, and the listed key, which knows where its credential is.

use carillon_contracts::{ApiKeyId, Credential, OrganizationId};
use carillon_dynamo::{Condition, Cursor, Key, Page, Query, StoreError, Table, Write, number, text};
use carillon_kernel::{Setup, SetupError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::api_key::IssuedApiKey;
use crate::organization::Organization;

const SCHEMA: u32 = 1;

#[derive(Debug, Clone)]
pub(crate) struct IdentityStore {
    entities: Table,
}

/// A listed key: the credential, and the partition under which the harness finds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ListedKey {
    credential: Credential,
    credential_partition: String,
}

impl ListedKey {
    pub(crate) fn is_revoked(&self) -> bool {
        self.credential.revoked_at.is_some()
    }
}

impl IdentityStore {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { entities: Table::from_setup(setup, "ENTITIES_TABLE")? })
    }

    pub(crate) async fn find_organization(&self, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
        self.entities.find(organization_key(id)).await
    }

    pub(crate) async fn insert_organization(&self, organization: &Organization, key: &IssuedApiKey) -> Result<(), StoreError> {
        let mut writes = vec![self.put_organization(organization, Condition::Absent)?];
        writes.extend(self.put_key(&listed(key), &Condition::Absent)?);
        self.entities.commit(writes).await
    }

    /// Replaces the organization by its next version.
    pub(crate) async fn replace_organization(&self, organization: &Organization) -> Result<(), StoreError> {
        let unchanged = Condition::version(organization.version.saturating_sub(1));
        self.entities.commit(vec![self.put_organization(organization, unchanged)?]).await
    }

    pub(crate) async fn find_api_key(&self, organization: OrganizationId, id: ApiKeyId) -> Result<Option<ListedKey>, StoreError> {
        self.entities.find(Key::new(keys_partition(organization), id.to_string())).await
    }

    pub(crate) async fn insert_api_key(&self, key: &IssuedApiKey) -> Result<(), StoreError> {
        self.entities.commit(self.put_key(&listed(key), &Condition::Absent)?.into()).await
    }

    pub(crate) async fn revoke_api_key(&self, mut key: ListedKey, moment: Timestamp) -> Result<(), StoreError> {
        key.credential.revoked_at = Some(moment);
        self.entities.commit(self.put_key(&key, &Condition::Present)?.into()).await
    }

    pub(crate) async fn page_api_keys(
        &self,
        organization: OrganizationId,
        cursor: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Credential>, StoreError> {
        let partition = keys_partition(organization);
        if cursor.as_ref().is_some_and(|cursor| cursor.partition() != Some(&partition)) {
            return Err(StoreError::Cursor);
        }
        let page: Page<ListedKey> = self.entities.query(Query::partition(partition).strong().limit(limit).start(cursor)).await?;
        Ok(page.map(|listed| listed.credential))
    }

    fn put_organization(&self, organization: &Organization, condition: Condition) -> Result<Write, StoreError> {
        let put = self.entities.put(organization_key(organization.id), organization, condition)?;
        Ok(put.with("entity", text("organization")).with("schema", number(SCHEMA)))
    }

    fn put_key(&self, key: &ListedKey, condition: &Condition) -> Result<[Write; 2], StoreError> {
        let credential_key = Key::new(key.credential_partition.clone(), Credential::SORT_KEY);
        let listed_key = Key::new(keys_partition(key.credential.organization), key.credential.id.to_string());
        let credential = self.entities.put(credential_key, &key.credential, condition.clone())?;
        let listed = self.entities.put(listed_key, key, condition.clone())?;
        Ok([
            credential.with("entity", text("credential")).with("schema", number(SCHEMA)),
            listed.with("entity", text("api_key")).with("schema", number(SCHEMA)),
        ])
    }
}

fn listed(key: &IssuedApiKey) -> ListedKey {
    ListedKey { credential: key.credential.clone(), credential_partition: Credential::partition_key(key.secret.expose()) }
}

fn organization_key(id: OrganizationId) -> Key {
    Key::new(format!("ORG#{id}#ORGANIZATION"), "ORGANIZATION")
}

fn keys_partition(organization: OrganizationId) -> String {
    format!("ORG#{organization}#KEYS")
}
