//! The operator's view across organizations, and what only the operator can set: the stop, and the plan.

use std::sync::Arc;

use carillon_contracts::OrganizationId;
use carillon_dynamo::{Cursor, Page, Table, Trail};
use carillon_kernel::{Setup, SetupError};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;

use crate::api_key_store::ApiKeyStore;
use crate::error::IdentityError;
use crate::member_store::MemberStore;
use crate::organization::{Organization, Steering};
use crate::organization_store::OrganizationStore;

/// How many organizations are counted at the same time.
const COUNTED_AT_ONCE: usize = 10;

/// An organization as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OverseenOrganization {
    /// The organization.
    #[serde(flatten)]
    pub organization: Organization,
    /// How large it is.
    pub figures: OrganizationFigures,
}

/// How large an organization is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OrganizationFigures {
    /// Its members.
    pub members: u64,
    /// The invitations that are open.
    pub open_invitations: u64,
    /// The roles of its own.
    pub roles: u64,
    /// Its API keys, those that are over included.
    pub api_keys: u64,
}

/// The oversight over all organizations.
#[derive(Debug, Clone)]
pub struct Oversight {
    store: OrganizationStore,
    members: MemberStore,
    keys: ApiKeyStore,
}

impl Oversight {
    /// Opens the oversight; needs the setting `ENTITIES_TABLE`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        let (store, members) = (OrganizationStore::from_setup(setup)?, MemberStore::from_setup(setup)?);
        Ok(Self { store, members, keys: ApiKeyStore(Table::from_setup(setup, "ENTITIES_TABLE")?) })
    }

    /// Gives the oversight for one call's use: what it changes is recorded, in the trail of the organization that is changed.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>, organization: OrganizationId) -> Self {
        let trail = Trail { organization: organization.to_string(), ..Trail::clone(trail) };
        Self { store: self.store.by(&Arc::new(trail)), ..self.clone() }
    }

    /// Lists all organizations with their figures, the oldest first.
    ///
    /// # Errors
    /// [`IdentityError::Cursor`], or [`IdentityError::Store`] when the table fails.
    pub async fn page(
        &self,
        (cursor, limit): (Option<Cursor>, u32),
        moment: Timestamp,
    ) -> Result<Page<OverseenOrganization>, IdentityError> {
        let page = self.store.page(cursor, limit).await?;
        let overseen = stream::iter(page.items).map(|organization| self.counted(organization, moment)).buffered(COUNTED_AT_ONCE);
        Ok(Page { items: overseen.try_collect().await?, next: page.next })
    }

    /// Gives an organization with its figures.
    ///
    /// # Errors
    /// [`IdentityError::OrganizationAbsent`], or [`IdentityError::Store`] when the table fails.
    pub async fn inspect(&self, id: OrganizationId, moment: Timestamp) -> Result<OverseenOrganization, IdentityError> {
        self.counted(self.get(id).await?, moment).await
    }

    async fn counted(&self, organization: Organization, moment: Timestamp) -> Result<OverseenOrganization, IdentityError> {
        let id = organization.id;
        let (members, open, roles, api_keys) = futures::try_join!(
            self.members.count_members(id),
            self.members.count_invitations(id, moment),
            self.members.count_roles(id),
            self.keys.count(id),
        )?;
        let open_invitations = u64::try_from(open).unwrap_or(u64::MAX);
        Ok(OverseenOrganization { organization, figures: OrganizationFigures { members, open_invitations, roles, api_keys } })
    }

    async fn get(&self, id: OrganizationId) -> Result<Organization, IdentityError> {
        self.store.find(id).await?.ok_or(IdentityError::OrganizationAbsent)
    }

    /// Suspends an organization for a reason, whose callers are all refused from then on, lets it go on, or gives it another plan.
    ///
    /// # Errors
    /// [`IdentityError::OwnOrganization`] when the operator suspends the organization that they act for, [`IdentityError::Changed`],
    /// [`IdentityError::Raced`], or as [`Oversight::inspect`].
    pub async fn steer(
        &self,
        (own, id): (OrganizationId, OrganizationId),
        (steering, seen): (Steering, Option<u64>),
        moment: Timestamp,
    ) -> Result<Organization, IdentityError> {
        let before = self.get(id).await?;
        if own == id && steering.standing.is_some() {
            return Err(IdentityError::OwnOrganization);
        }
        if seen.is_some_and(|version| version != before.version) {
            return Err(IdentityError::Changed(before.version));
        }
        let after = before.clone().steered(steering, moment);
        if (&after.suspended, &after.plan) == (&before.suspended, &before.plan) {
            return Ok(before);
        }
        self.store.commit(vec![self.store.replace(&before, &after)?]).await?;
        Ok(after)
    }
}
