//! The use cases of templates.

use std::sync::Arc;

use carillon_contracts::{OrganizationId, TemplateId};
use carillon_dynamo::{Cursor, Page, StoreError, Trail};
use carillon_kernel::{Setup, SetupError};
use jiff::Timestamp;

use crate::context::Context;
use crate::draft::TemplateDraft;
use crate::error::TemplateError;
use crate::store::TemplateStore;
use crate::template::{NewTemplate, Preview, Template, TemplateSummary};

/// The templates of organizations.
#[derive(Debug, Clone)]
pub struct Templates {
    store: TemplateStore,
}

impl Templates {
    /// Opens the templates; needs the setting `ENTITIES_TABLE`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: TemplateStore::from_setup(setup)? })
    }

    /// Gives the templates for one call's use: what it changes is told in the audit trail.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail) }
    }

    /// Keeps a new template; when it is there already, because the same request ran before, gives what is there.
    ///
    /// # Errors
    /// [`TemplateError::Store`] when the table fails.
    pub async fn create(&self, ids: (OrganizationId, TemplateId), new: NewTemplate, moment: Timestamp) -> Result<Template, TemplateError> {
        let template = Template::new(ids, new, moment);
        match self.store.insert(&template).await {
            Ok(()) => Ok(template),
            Err(StoreError::Refused(_)) => self.get(ids).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a template of the organization.
    ///
    /// # Errors
    /// [`TemplateError::Absent`], or [`TemplateError::Store`] when the table fails.
    pub async fn get(&self, (organization, id): (OrganizationId, TemplateId)) -> Result<Template, TemplateError> {
        self.store.find(organization, id).await?.ok_or(TemplateError::Absent)
    }

    /// Lists an organization's templates without their contents, oldest first.
    ///
    /// # Errors
    /// [`TemplateError::Store`] when the table fails or the cursor is not one that a page gave.
    pub async fn page(
        &self,
        organization: OrganizationId,
        cursor: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<TemplateSummary>, TemplateError> {
        Ok(self.store.page(organization, cursor, limit).await?)
    }

    /// Changes a template, if it is still at the version that the caller saw (`If-Match`), when that is given.
    ///
    /// # Errors
    /// [`TemplateError::Changed`] when somebody was faster, [`TemplateError::Invalid`] when the changed template would
    /// break rules, or as [`Templates::get`].
    pub async fn update(
        &self,
        ids: (OrganizationId, TemplateId),
        seen: Option<u64>,
        change: TemplateDraft,
        moment: Timestamp,
    ) -> Result<Template, TemplateError> {
        let template = self.get(ids).await?;
        if seen.is_some_and(|version| version != template.version) {
            return Err(TemplateError::Changed(template.version));
        }
        let new = change.into_change(&template)?;
        let changed = template.clone().changed(new, moment);
        self.store.replace(&template, &changed).await?;
        Ok(changed)
    }

    /// Deletes a template, if it is still at the version that the caller saw (`If-Match`), when that is given.
    ///
    /// Campaigns that were sent keep what they froze.
    ///
    /// # Errors
    /// [`TemplateError::Changed`] when somebody was faster, or as [`Templates::get`].
    pub async fn delete(&self, ids: (OrganizationId, TemplateId), seen: Option<u64>) -> Result<(), TemplateError> {
        let template = self.get(ids).await?;
        if seen.is_some_and(|version| version != template.version) {
            return Err(TemplateError::Changed(template.version));
        }
        Ok(self.store.delete(&template).await?)
    }

    /// Renders a template for one recipient.
    ///
    /// # Errors
    /// [`TemplateError::Render`] when the recipient's data do not fit, or as [`Templates::get`].
    pub async fn preview(&self, ids: (OrganizationId, TemplateId), context: &Context) -> Result<Preview, TemplateError> {
        self.get(ids).await?.content.preview(context)
    }
}
