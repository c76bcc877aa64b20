//! Where organizations are kept: the table of entities.
//!
//! | access pattern | key |
//! | --- | --- |
//! | an organization; several | `ORG#{org}#ORGANIZATION` / `ORGANIZATION` |
//! | all organizations, the oldest first (the operator's) | index: `ORGANIZATIONS` / `{org}` |

use std::sync::Arc;

use carillon_contracts::{OrganizationId, PolicyRecord};
use carillon_dynamo::{Audited, Condition, Cursor, Key, Page, Query, StoreError, Table, Trail, Write, number, text};
use carillon_kernel::{Setup, SetupError};

use crate::organization::Organization;

const SCHEMA: u32 = 1;
/// The partition of the index that lists all organizations: they are made and changed too seldom to need several.
const INDEX: &str = "ORGANIZATIONS";

#[derive(Debug, Clone)]
pub(crate) struct OrganizationStore {
    entities: Table,
}

impl OrganizationStore {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { entities: Table::from_setup(setup, "ENTITIES_TABLE")? })
    }

    pub(crate) fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { entities: self.entities.by(trail) }
    }

    /// Carries out writes of this store and others as one transaction.
    pub(crate) async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.entities.commit(writes).await
    }

    pub(crate) async fn find(&self, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
        self.entities.find(key(id)).await
    }

    pub(crate) async fn find_many(&self, ids: &[OrganizationId]) -> Result<Vec<Organization>, StoreError> {
        let keys: Vec<Key> = ids.iter().map(|id| key(*id)).collect();
        self.entities.find_many(&keys).await
    }

    pub(crate) async fn page(&self, cursor: Option<Cursor>, limit: u32) -> Result<Page<Organization>, StoreError> {
        if cursor.as_ref().is_some_and(|cursor| cursor.attribute("gsi1pk") != Some(INDEX)) {
            return Err(StoreError::Cursor);
        }
        self.entities.query(Query::index(INDEX).limit(limit).start(cursor)).await
    }

    pub(crate) fn insert(&self, organization: &Organization) -> Result<Write, StoreError> {
        let put = self.put(organization, Condition::Absent)?;
        Ok(put.audited(Audited::created("organization", organization.id, organization)))
    }

    /// Makes the write of an organization's next version.
    pub(crate) fn replace(&self, before: &Organization, after: &Organization) -> Result<Write, StoreError> {
        let put = self.put(after, Condition::version(before.version))?;
        Ok(put.audited(Audited::changed("organization", after.id, (before, after))))
    }

    /// Makes the part of a commit that demands that an organization is there and not suspended.
    pub(crate) fn check_open(&self, id: OrganizationId) -> Write {
        self.entities.check(key(id), Condition::All(vec![Condition::Present, Condition::Without("suspended")]))
    }

    fn put(&self, organization: &Organization, condition: Condition) -> Result<Write, StoreError> {
        let put = self.entities.put(key(organization.id), organization, condition)?;
        let put = put.with("entity", text("organization")).with("schema", number(SCHEMA));
        Ok(put.with("gsi1pk", text(INDEX)).with("gsi1sk", text(organization.id)))
    }
}

fn key(id: OrganizationId) -> Key {
    let (partition, sort) = PolicyRecord::key(id);
    Key::new(partition, sort)
}
