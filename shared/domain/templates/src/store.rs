//! Where templates are kept: the table of entities.
//!
//! | access pattern | key |
//! | --- | --- |
//! | the templates of an organization, one of them | `ORG#{org}#TEMPLATES` / `{template}` |

use carillon_contracts::{OrganizationId, TemplateId};
use carillon_dynamo::{Condition, Cursor, Key, Page, Query, StoreError, Table, number, text};
use carillon_kernel::{Setup, SetupError};

use crate::template::{Template, TemplateSummary};

const SCHEMA: u32 = 1;

#[derive(Debug, Clone)]
pub(crate) struct TemplateStore {
    entities: Table,
}

impl TemplateStore {
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { entities: Table::from_setup(setup, "ENTITIES_TABLE")? })
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
        self.put(template, Condition::Absent).await
    }

    /// Replaces a template by its next version.
    pub async fn replace(&self, template: &Template) -> Result<(), StoreError> {
        self.put(template, Condition::version(template.version.saturating_sub(1))).await
    }

    pub async fn delete(&self, template: &Template) -> Result<(), StoreError> {
        let unchanged = Condition::version(template.version);
        self.entities.commit(vec![self.entities.delete(key(template.organization, template.id), unchanged)]).await
    }

    async fn put(&self, template: &Template, condition: Condition) -> Result<(), StoreError> {
        let put = self.entities.put(key(template.organization, template.id), template, condition)?;
        self.entities.commit(vec![put.with("entity", text("template")).with("schema", number(SCHEMA))]).await
    }
}

fn key(organization: OrganizationId, id: TemplateId) -> Key {
    Key::new(partition(organization), id.to_string())
}

fn partition(organization: OrganizationId) -> String {
    format!("ORG#{organization}#TEMPLATES")
}
