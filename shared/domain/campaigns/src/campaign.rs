//! A campaign and its states, which move forward only: each transition consumes the campaign and gives its next version.
//!
//! ```text
//! draft ── start ──> sending <── pause, resume ──> paused
//!                       │  └──────── cancel ────────┴──> cancelled
//!                       └── finish ──> sent, or failed when nobody got it ── retry ──> sending
//! ```

use carillon_contracts::{CampaignId, OrganizationId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::composition::Composition;
use crate::error::CampaignError;
use crate::patch::CompositionPatch;

/// A campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// Its id, which is also the id of its run in the ledger.
    pub id: CampaignId,
    /// The organization.
    pub organization: OrganizationId,
    /// Who writes what to whom; frozen when the campaign starts.
    #[serde(flatten)]
    pub composition: Composition,
    /// How far it is.
    pub status: CampaignStatus,
    /// Counts its changes, from 1.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended or was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// What became of its recipients, when it was sent to its end. The statistics tell more, earlier, and of cancelled campaigns, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
}

/// How far a campaign is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignStatus {
    /// It is written.
    Draft,
    /// It is sent.
    Sending,
    /// It rests until it is resumed.
    Paused,
    /// It was stopped for good; what was with a provider then is still accounted for.
    Cancelled,
    /// Everybody has an outcome.
    Sent,
    /// Everybody has an outcome, and whoever was tried failed.
    Failed,
}

/// What became of everybody whom a campaign was for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Everybody who was planned to get it.
    pub recipients: u64,
    /// Taken by the provider.
    pub sent: u64,
    /// Refused by the provider.
    pub failed: u64,
    /// Excluded after they were planned: suppressed or unsubscribed in the meantime.
    pub suppressed: u64,
    /// Not known whether the provider took it.
    pub in_doubt: u64,
    /// Members of the audience who were left out from the beginning.
    pub skipped: u64,
}

impl CampaignStatus {
    /// The name used in JSON and in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Sending => "sending",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }

    /// Tells whether nothing more happens by itself.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Cancelled | Self::Sent | Self::Failed)
    }
}

impl Campaign {
    /// Makes a draft.
    ///
    /// # Errors
    /// [`CampaignError::Invalid`] with all that is wrong with the composition.
    pub fn draft(
        (organization, id): (OrganizationId, CampaignId),
        composition: Composition,
        moment: Timestamp,
    ) -> Result<Self, CampaignError> {
        let campaign = Self {
            id,
            organization,
            composition,
            status: CampaignStatus::Draft,
            version: 1,
            created_at: moment,
            updated_at: moment,
            started_at: None,
            finished_at: None,
            totals: None,
        };
        campaign.checked()
    }

    /// Gives the campaign if it is at the version that a caller saw, or the caller does not say (`If-Match`).
    ///
    /// # Errors
    /// [`CampaignError::Changed`].
    pub fn unchanged_since(self, seen: Option<u64>) -> Result<Self, CampaignError> {
        if seen.is_none_or(|version| version == self.version) { Ok(self) } else { Err(CampaignError::Changed(self.version)) }
    }

    /// Changes a draft.
    ///
    /// # Errors
    /// [`CampaignError::NotDraft`], or [`CampaignError::Invalid`] with all that would be wrong.
    pub fn edit(self, patch: CompositionPatch, moment: Timestamp) -> Result<Self, CampaignError> {
        let mut next = self.only_from(&[CampaignStatus::Draft], CampaignError::NotDraft)?.next(moment);
        next.composition = patch.apply(next.composition);
        next.checked()
    }

    /// Starts sending a draft; whether everything that it needs is there was checked before.
    ///
    /// # Errors
    /// [`CampaignError::NotDraft`].
    pub fn start(self, moment: Timestamp) -> Result<Self, CampaignError> {
        let next = self.only_from(&[CampaignStatus::Draft], CampaignError::NotDraft)?.next(moment);
        Ok(Self { status: CampaignStatus::Sending, started_at: Some(moment), ..next })
    }

    /// Lets a campaign rest.
    ///
    /// # Errors
    /// [`CampaignError::NotSending`].
    pub fn pause(self, moment: Timestamp) -> Result<Self, CampaignError> {
        let next = self.only_from(&[CampaignStatus::Sending], CampaignError::NotSending)?.next(moment);
        Ok(Self { status: CampaignStatus::Paused, ..next })
    }

    /// Goes on with a campaign that rests.
    ///
    /// # Errors
    /// [`CampaignError::NotPaused`].
    pub fn resume(self, moment: Timestamp) -> Result<Self, CampaignError> {
        let next = self.only_from(&[CampaignStatus::Paused], CampaignError::NotPaused)?.next(moment);
        Ok(Self { status: CampaignStatus::Sending, ..next })
    }

    /// Stops a campaign for good.
    ///
    /// # Errors
    /// [`CampaignError::NotUnderWay`].
    pub fn cancel(self, moment: Timestamp) -> Result<Self, CampaignError> {
        let next = self.only_from(&[CampaignStatus::Sending, CampaignStatus::Paused], CampaignError::NotUnderWay)?.next(moment);
        Ok(Self { status: CampaignStatus::Cancelled, finished_at: Some(moment), ..next })
    }

    /// Ends a campaign whose recipients all have an outcome.
    ///
    /// # Errors
    /// [`CampaignError::NotSending`].
    pub fn finish(self, totals: Totals, moment: Timestamp) -> Result<Self, CampaignError> {
        let next = self.only_from(&[CampaignStatus::Sending], CampaignError::NotSending)?.next(moment);
        let nobody_got_it = totals.sent == 0 && totals.in_doubt == 0 && totals.failed > 0;
        let status = if nobody_got_it { CampaignStatus::Failed } else { CampaignStatus::Sent };
        Ok(Self { status, totals: Some(totals), finished_at: Some(moment), ..next })
    }

    /// Sends again to those for whom it failed.
    ///
    /// # Errors
    /// [`CampaignError::NotEnded`] unless the campaign was sent or failed.
    pub fn retry(self, moment: Timestamp) -> Result<Self, CampaignError> {
        let next = self.only_from(&[CampaignStatus::Sent, CampaignStatus::Failed], CampaignError::NotEnded)?.next(moment);
        Ok(Self { status: CampaignStatus::Sending, finished_at: None, totals: None, ..next })
    }

    /// Gives the campaign if it may be deleted: a draft, or one that has ended.
    ///
    /// # Errors
    /// [`CampaignError::UnderWay`] while it is sent or rests.
    pub fn deletable(self) -> Result<Self, CampaignError> {
        if self.status == CampaignStatus::Draft || self.status.has_ended() { Ok(self) } else { Err(CampaignError::UnderWay(self.status)) }
    }

    fn only_from(self, allowed: &[CampaignStatus], refusal: fn(CampaignStatus) -> CampaignError) -> Result<Self, CampaignError> {
        if allowed.contains(&self.status) { Ok(self) } else { Err(refusal(self.status)) }
    }

    fn next(self, moment: Timestamp) -> Self {
        Self { version: self.version + 1, updated_at: moment, ..self }
    }

    fn checked(mut self) -> Result<Self, CampaignError> {
        let problems = self.composition.problems();
        if !problems.is_empty() {
            return Err(CampaignError::Invalid(problems));
        }
        self.composition.name = self.composition.name.trim().to_owned();
        Ok(self)
    }
}

#[cfg(test)]
#[path = "campaign_tests.rs"]
mod tests;
