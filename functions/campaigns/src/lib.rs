//! The functions of the campaigns area.
//!
//! What a campaign needs before it is sent is asked in `check` (with `content` and `estimate`), what people do with one that is under
//! way goes through `steering`; everything else stands in the function's own file.

use carillon_harness::Entry;

mod cancel_campaign;
mod check;
mod content;
mod create_campaign;
mod delete_campaign;
mod estimate;
mod finish_campaign;
mod get_campaign;
mod get_campaign_statistics;
mod list_campaign_recipients;
mod list_campaigns;
mod pause_campaign;
mod resume_campaign;
mod retry_failed_campaign;
mod sample;
mod send_campaign;
mod steering;
mod update_campaign;
mod validate_campaign;

pub use cancel_campaign::CampaignsCancel;
pub use create_campaign::CampaignsCreate;
pub use delete_campaign::CampaignsDelete;
pub use finish_campaign::CampaignsFinish;
pub use get_campaign::CampaignsGet;
pub use get_campaign_statistics::CampaignsGetStatistics;
pub use list_campaign_recipients::CampaignsListRecipients;
pub use list_campaigns::CampaignsList;
pub use pause_campaign::CampaignsPause;
pub use resume_campaign::CampaignsResume;
pub use retry_failed_campaign::CampaignsRetryFailed;
pub use send_campaign::CampaignsSend;
pub use update_campaign::CampaignsUpdate;
pub use validate_campaign::CampaignsValidate;

/// The functions of this area.
pub static ENTRIES: &[Entry] = &[
    Entry::http::<CampaignsCreate>(),
    Entry::http::<CampaignsGet>(),
    Entry::http::<CampaignsList>(),
    Entry::http::<CampaignsUpdate>(),
    Entry::http::<CampaignsDelete>(),
    Entry::http::<CampaignsValidate>(),
    Entry::http::<CampaignsSend>(),
    Entry::http::<CampaignsPause>(),
    Entry::http::<CampaignsResume>(),
    Entry::http::<CampaignsCancel>(),
    Entry::http::<CampaignsRetryFailed>(),
    Entry::http::<CampaignsGetStatistics>(),
    Entry::http::<CampaignsListRecipients>(),
    Entry::queue::<CampaignsFinish>(),
];
