//! Where API keys are kept: the table of entities.
//!
//! | access pattern | key |
//! | --- | --- |
//! | a key by the id that its text names (read by the harness, too) | `CREDENTIAL#{key}` / `CREDENTIAL` |
//! | the keys of an organization | `ORG#{org}#KEYS` / `{key}` |
//!
//! The key of a credential has no organization in it, because the caller is not known yet when it is read. The list holds ids only.

use carillon_contracts::{ApiKeyId, Credential, OrganizationId};
use carillon_dynamo::{Audited, Condition, Cursor, Key, Page, Query, StoreError, Table, Write, number, text};
use serde::{Deserialize, Serialize};

use crate::api_key::ApiKey;

const SCHEMA: u32 = 2;

#[derive(Debug, Clone)]
pub(crate) struct ApiKeyStore(pub(crate) Table);

/// A key in the list of its organization.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Listed {
    key: ApiKeyId,
}

impl ApiKeyStore {
    /// Makes the writes of a key that is new.
    pub(crate) fn insert_writes(&self, credential: &Credential) -> Result<Vec<Write>, StoreError> {
        let listed = Key::new(keys_partition(credential.organization), credential.id.to_string());
        let listed = self.0.put(listed, &Listed { key: credential.id }, Condition::Absent)?;
        let put = self.0.put(key(credential.id), credential, Condition::Absent)?;
        let audited = Audited::created("api_key", credential.id, &ApiKey::from(credential.clone()));
        Ok(vec![
            put.with("entity", text("credential")).with("schema", number(SCHEMA)).audited(audited),
            listed.with("entity", text("api_key")).with("schema", number(SCHEMA)),
        ])
    }

    pub(crate) async fn insert(&self, credential: &Credential) -> Result<(), StoreError> {
        self.0.commit(self.insert_writes(credential)?).await
    }

    /// Finds a key of an organization; another organization's is none.
    pub(crate) async fn find(&self, organization: OrganizationId, id: ApiKeyId) -> Result<Option<Credential>, StoreError> {
        let found: Option<Credential> = self.0.find(key(id)).await?;
        Ok(found.filter(|credential| credential.organization == organization))
    }

    /// Replaces a key by its next version, if it was not used meanwhile: its uses are noted without a version, and none is lost.
    pub(crate) async fn replace(&self, before: &Credential, after: &Credential) -> Result<(), StoreError> {
        let unused = before.last_used_at.map_or(Condition::Without("last_used_at"), |last| Condition::Equals("last_used_at", text(last)));
        let put = self.0.put(key(after.id), after, Condition::All(vec![Condition::version(before.version), unused]))?;
        let [old, new] = [before, after].map(|credential| ApiKey::from(credential.clone()));
        let audited = Audited::changed("api_key", after.id, (&old, &new));
        self.0.commit(vec![put.with("entity", text("credential")).with("schema", number(SCHEMA)).audited(audited)]).await
    }

    /// Counts an organization's keys, those that are over included.
    pub(crate) async fn count(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        self.0.count(Query::partition(keys_partition(organization))).await
    }

    /// Lists an organization's keys, oldest first.
    pub(crate) async fn page(
        &self,
        organization: OrganizationId,
        (cursor, limit): (Option<Cursor>, u32),
    ) -> Result<Page<Credential>, StoreError> {
        let partition = keys_partition(organization);
        if cursor.as_ref().is_some_and(|cursor| cursor.partition() != Some(&partition)) {
            return Err(StoreError::Cursor);
        }
        let page: Page<Listed> = self.0.query(Query::partition(partition).strong().limit(limit).start(cursor)).await?;
        let keys: Vec<Key> = page.items.iter().map(|listed| key(listed.key)).collect();
        let mut items: Vec<Credential> = self.0.find_many(&keys).await?;
        items.sort_by_key(|credential| credential.id);
        Ok(Page { items, next: page.next })
    }
}

fn key(id: ApiKeyId) -> Key {
    Key::new(Credential::partition_key(id), Credential::SORT_KEY)
}

fn keys_partition(organization: OrganizationId) -> String {
    format!("ORG#{organization}#KEYS")
}
