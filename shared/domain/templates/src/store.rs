//! Where templates are kept: the table of entities.
//!
//! | access pattern | key |
//! | --- | --- |
//! | the templates of an organization, one of them | `ORG#{org}#TEMPLATES` / `{template}` |

use std::sync::Arc;

use carillon_contracts::{OrganizationId, TemplateId};
use carillon_dynamo::{Audited, Condition, Cursor, Key, Page, Query, StoreError, Table, Trail, number, text};
use carillon_kernel::{Setup, SetupError};

use crate::template::{Template, TemplateSummary};

const SCHEMA: u32 = 1;
/// The kind of templates in the audit trail.
const KIND: &str = "template";

#[derive(Debug, Clone)]
pub(crate) struct TemplateStore {
    entities: Table,
}

impl TemplateStore {
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { entities: Table::from_setup(setup, "ENTITIES_TABLE")? })
    }

    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { entities: self.entities.by(trail) }
    }

    pub async fn find(&self, organization: OrganizationId, id: TemplateId) -> Result<Option<Template>, StoreError> {
        self.entities.find(key(organization, id)).await
    }

    pub async fn page(
        &self,
        organization: OrganizationId,
        cursor: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<TemplateSummary>, StoreError> {
        let partition = partition(organization);
        if cursor.as_ref().is_some_and(|cursor| cursor.partition() != Some(&partition)) {
            return Err(StoreError::Cursor);
        }
        self.entities.query(Query::partition(partition).strong().limit(limit).start(cursor)).await
    }

    pub async fn insert(&self, template: &Template) -> Result<(), StoreError> {
        self.put(template, Condition::Absent, Some(Audited::created(KIND, template.id, template))).await
    }

    /// Replaces a template by its next version.
    pub async fn replace(&self, before: &Template, template: &Template) -> Result<(), StoreError> {
        let told = Audited::changed(KIND, template.id, (before, template));
        self.put(template, Condition::version(template.version.saturating_sub(1)), told).await
    }

    pub async fn delete(&self, template: &Template) -> Result<(), StoreError> {
        let unchanged = Condition::version(template.version);
        let delete = self.entities.delete(key(template.organization, template.id), unchanged);
        self.entities.commit(vec![delete.audited(Audited::deleted(KIND, template.id, template))]).await
    }

    async fn put(&self, template: &Template, condition: Condition, told: Option<Audited>) -> Result<(), StoreError> {
        let put = self.entities.put(key(template.organization, template.id), template, condition)?.audited(told);
        self.entities.commit(vec![put.with("entity", text("template")).with("schema", number(SCHEMA))]).await
    }
}

fn key(organization: OrganizationId, id: TemplateId) -> Key {
    Key::new(partition(organization), id.to_string())
}

fn partition(organization: OrganizationId) -> String {
    format!("ORG#{organization}#TEMPLATES")
}
