//! Where campaigns are kept: the table of entities.
//!
//! | access pattern | key |
//! | --- | --- |
//! | the campaigns of an organization, latest first; one of them | `ORG#{org}#CAMPAIGNS` / `{campaign}` |
//! | the content of a campaign | `ORG#{org}#CAMPAIGN#{campaign}` / `CONTENT` |
//!
//! The content is an item of its own, because it may be 390 KB and a list would read a hundred of them. Both change in one
//! transaction under the campaign's version, so whoever writes what it read sees a torn read refused.

use std::sync::Arc;

use carillon_contracts::{CampaignId, OrganizationId};
use carillon_dynamo::{Audited, Condition, Cursor, Key, Page, Query, StoreError, Table, Trail, Write, number, text};
use carillon_kernel::{Setup, SetupError};
use serde::{Deserialize, Serialize};

use crate::campaign::Campaign;
use crate::content::Content;

const SCHEMA: u32 = 1;
/// The kind of campaigns in the audit trail.
const KIND: &str = "campaign";

#[derive(Debug, Clone)]
pub(crate) struct CampaignStore {
    entities: Table,
}

#[derive(Debug, Serialize, Deserialize)]
struct ContentItem {
    content: Content,
    version: u64,
}

impl CampaignStore {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { entities: Table::from_setup(setup, "ENTITIES_TABLE")? })
    }

    pub(crate) fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { entities: self.entities.by(trail) }
    }

    pub(crate) async fn find(&self, organization: OrganizationId, id: CampaignId) -> Result<Option<Campaign>, StoreError> {
        let found: Option<Campaign> = self.entities.find(campaign_key(organization, id)).await?;
        let Some(mut campaign) = found else { return Ok(None) };
        if campaign.composition.template_id.is_none() {
            let item: Option<ContentItem> = self.entities.find(content_key(organization, id)).await?;
            campaign.composition.content = item.map(|item| item.content);
        }
        Ok(Some(campaign))
    }

    pub(crate) async fn page(
        &self,
        organization: OrganizationId,
        cursor: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Campaign>, StoreError> {
        let partition = campaigns_partition(organization);
        if cursor.as_ref().is_some_and(|cursor| cursor.partition() != Some(&partition)) {
            return Err(StoreError::Cursor);
        }
        self.entities.query(Query::partition(partition).backwards().strong().limit(limit).start(cursor)).await
    }

    pub(crate) async fn insert(&self, campaign: &Campaign) -> Result<(), StoreError> {
        let mut writes = vec![self.put(campaign, Condition::Absent)?.audited(Audited::created(KIND, campaign.id, campaign))];
        if campaign.composition.content.is_some() {
            writes.push(self.put_content(campaign)?);
        }
        self.commit(writes).await
    }

    pub(crate) async fn replace_with_content(&self, before: &Campaign, campaign: &Campaign) -> Result<(), StoreError> {
        self.commit(vec![self.replace(before, campaign)?, self.put_content(campaign)?]).await
    }

    pub(crate) async fn delete(&self, campaign: &Campaign) -> Result<(), StoreError> {
        let key = campaign_key(campaign.organization, campaign.id);
        let content = content_key(campaign.organization, campaign.id);
        let delete = self.entities.delete(key, Condition::version(campaign.version));
        let delete = delete.audited(Audited::deleted(KIND, campaign.id, campaign));
        let writes = [delete, self.entities.delete(content, Condition::Always)];
        self.commit(writes.into()).await
    }

    /// Writes the next version of a campaign without touching its content.
    pub(crate) fn replace(&self, before: &Campaign, campaign: &Campaign) -> Result<Write, StoreError> {
        let put = self.put(campaign, Condition::version(campaign.version.saturating_sub(1)))?;
        Ok(put.audited(Audited::changed(KIND, campaign.id, (before, campaign))))
    }

    pub(crate) async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.entities.commit(writes).await
    }

    fn put(&self, campaign: &Campaign, condition: Condition) -> Result<Write, StoreError> {
        let mut item = campaign.clone();
        item.composition.content = None;
        let put = self.entities.put(campaign_key(campaign.organization, campaign.id), &item, condition)?;
        Ok(put.with("entity", text("campaign")).with("schema", number(SCHEMA)))
    }

    /// Writes the content beside the campaign, or removes what was there.
    fn put_content(&self, campaign: &Campaign) -> Result<Write, StoreError> {
        let key = content_key(campaign.organization, campaign.id);
        let Some(content) = &campaign.composition.content else { return Ok(self.entities.delete(key, Condition::Always)) };
        let item = ContentItem { content: content.clone(), version: campaign.version };
        let put = self.entities.put(key, &item, Condition::Always)?;
        Ok(put.with("entity", text("campaign_content")).with("schema", number(SCHEMA)))
    }
}

fn campaigns_partition(organization: OrganizationId) -> String {
    format!("ORG#{organization}#CAMPAIGNS")
}

fn campaign_key(organization: OrganizationId, id: CampaignId) -> Key {
    Key::new(campaigns_partition(organization), id.to_string())
}

fn content_key(organization: OrganizationId, id: CampaignId) -> Key {
    Key::new(format!("ORG#{organization}#CAMPAIGN#{id}"), "CONTENT")
}
