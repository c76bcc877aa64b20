//! The use cases of campaigns.
//!
//! A transition that the ledger must follow gives its write to the caller, who commits it together with the ledger's: both
//! happen or none.

use std::sync::Arc;

use carillon_contracts::{CampaignId, OrganizationId};
use carillon_dynamo::{Cursor, Page, Trail, Write};
use carillon_kernel::{Setup, SetupError};
use jiff::Timestamp;

use crate::campaign::Campaign;
use crate::error::CampaignError;
use crate::patch::CompositionPatch;
use crate::store::CampaignStore;

/// The campaign that a caller speaks of, and the version that it saw, if it says so (`If-Match`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The caller's organization.
    pub organization: OrganizationId,
    /// The campaign.
    pub id: CampaignId,
    /// The version that the caller saw.
    pub version: Option<u64>,
}

/// The campaigns.
#[derive(Debug, Clone)]
pub struct Campaigns {
    store: CampaignStore,
}

impl Campaigns {
    /// Opens the campaigns; needs the setting `ENTITIES_TABLE`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: CampaignStore::from_setup(setup)? })
    }

    /// Gives the campaigns for one call's use: what it changes is told in the audit trail.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail) }
    }

    /// Keeps a new draft. One that is there already under this id was made by the same request before, and is given instead.
    ///
    /// # Errors
    /// [`CampaignError::Store`] when the table fails.
    pub async fn create(&self, draft: Campaign) -> Result<Campaign, CampaignError> {
        match self.store.insert(&draft).await {
            Ok(()) => Ok(draft),
            Err(error) if error.is_refused() => self.get(draft.organization, draft.id).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a campaign with its content.
    ///
    /// # Errors
    /// [`CampaignError::Absent`], or [`CampaignError::Store`] when the table fails.
    pub async fn get(&self, organization: OrganizationId, id: CampaignId) -> Result<Campaign, CampaignError> {
        self.store.find(organization, id).await?.ok_or(CampaignError::Absent)
    }

    /// Lists campaigns without their content, the latest first.
    ///
    /// # Errors
    /// [`CampaignError::Cursor`], or [`CampaignError::Store`] when the table fails.
    pub async fn page(&self, organization: OrganizationId, cursor: Option<Cursor>, limit: u32) -> Result<Page<Campaign>, CampaignError> {
        Ok(self.store.page(organization, cursor, limit).await?)
    }

    /// Changes a draft.
    ///
    /// # Errors
    /// [`CampaignError::Absent`], [`CampaignError::Changed`], and as [`Campaign::edit`].
    pub async fn update(&self, seen: Seen, patch: CompositionPatch, moment: Timestamp) -> Result<Campaign, CampaignError> {
        let before = self.get(seen.organization, seen.id).await?.unchanged_since(seen.version)?;
        let edited = before.clone().edit(patch, moment)?;
        self.store.replace_with_content(&before, &edited).await?;
        Ok(edited)
    }

    /// Deletes a draft, or a campaign that has ended; what the ledger knows of it expires by itself.
    ///
    /// # Errors
    /// [`CampaignError::Absent`], [`CampaignError::Changed`], and as [`Campaign::deletable`].
    pub async fn delete(&self, seen: Seen) -> Result<(), CampaignError> {
        let campaign = self.get(seen.organization, seen.id).await?.unchanged_since(seen.version)?.deletable()?;
        Ok(self.store.delete(&campaign).await?)
    }

    /// Makes the write that keeps a campaign after a transition, if it was not changed since it was read as `before`.
    ///
    /// # Errors
    /// [`CampaignError::Store`] when the campaign cannot be written as an item.
    pub fn replace(&self, before: &Campaign, campaign: &Campaign) -> Result<Write, CampaignError> {
        Ok(self.store.replace(before, campaign)?)
    }

    /// Carries out the writes of a transition as one transaction, those of other areas among them.
    ///
    /// # Errors
    /// [`CampaignError::Raced`] when somebody was faster, or [`CampaignError::Store`] when the table fails.
    pub async fn commit(&self, writes: Vec<Write>) -> Result<(), CampaignError> {
        Ok(self.store.commit(writes).await?)
    }
}
