//! What can go wrong with campaigns.

use carillon_dynamo::StoreError;
use carillon_kernel::{Fault, Kind, Problem};

use crate::campaign::CampaignStatus;

/// A failure of the campaigns area.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// There is no such campaign in the organization.
    #[error("there is no such campaign")]
    Absent,
    /// The campaign is not at the version that the caller saw.
    #[error("the campaign was changed meanwhile: it is at version {0}")]
    Changed(u64),
    /// The composition breaks rules.
    #[error("the campaign has {} problems", .0.len())]
    Invalid(Vec<Problem>),
    /// Only a draft can be changed or sent.
    #[error("the campaign is {} and no draft any more", .0.name())]
    NotDraft(CampaignStatus),
    /// Only a campaign that is being sent can be paused, or come to its end.
    #[error("the campaign is {} and not being sent", .0.name())]
    NotSending(CampaignStatus),
    /// Only a paused campaign can be resumed.
    #[error("the campaign is {} and not paused", .0.name())]
    NotPaused(CampaignStatus),
    /// Only a campaign that is sent or paused can be cancelled.
    #[error("the campaign is {} and not under way", .0.name())]
    NotUnderWay(CampaignStatus),
    /// Only a campaign that has ended can be retried.
    #[error("the campaign is {}: only one that was sent or has failed can be retried", .0.name())]
    NotEnded(CampaignStatus),
    /// A campaign that is sent or paused cannot be deleted.
    #[error("the campaign is {}: cancel it first", .0.name())]
    UnderWay(CampaignStatus),
    /// Somebody else changed the same things at the same moment.
    #[error("somebody else changed the campaign at the same moment: read it again")]
    Raced,
    /// The cursor is not one that a page of campaigns gave.
    #[error("the cursor is not one that a page gave")]
    Cursor,
    /// The table failed.
    #[error("the campaigns cannot be read or written")]
    Store(#[source] StoreError),
}

impl From<StoreError> for CampaignError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(_) | StoreError::Contended => Self::Raced,
            StoreError::Cursor => Self::Cursor,
            failed => Self::Store(failed),
        }
    }
}

impl Fault for CampaignError {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent => Kind::Absent,
            Self::Invalid(_) | Self::Cursor => Kind::Invalid,
            Self::Store(error) => error.kind(),
            _ => Kind::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Absent => "campaigns.absent",
            Self::Changed(_) | Self::Raced => "campaigns.changed_meanwhile",
            Self::Cursor => "request.cursor",
            Self::Invalid(_) => "request.invalid",
            Self::NotDraft(_) => "campaigns.not_draft",
            Self::NotSending(_) => "campaigns.not_sending",
            Self::NotPaused(_) => "campaigns.not_paused",
            Self::NotUnderWay(_) => "campaigns.not_under_way",
            Self::NotEnded(_) => "campaigns.not_ended",
            Self::UnderWay(_) => "campaigns.under_way",
            Self::Store(error) => error.code(),
        }
    }

    fn problems(&self) -> Vec<Problem> {
        match self {
            Self::Invalid(problems) => problems.clone(),
            Self::Cursor => vec![Problem::new("?cursor", self.code(), self.to_string())],
            _ => Vec::new(),
        }
    }
}
