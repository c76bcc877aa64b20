//! Campaigns: who writes what to whom, and how far it got.
//!
//! A campaign is written as a draft, checked, and sent once; from then on the ledger of the sending area is the truth about every
//! recipient, and the campaign only knows its status and, at the end, its totals.
//!
//! Reading order: [`composition`] (what people write), [`content`], [`patch`] (how drafts change), [`campaign`] (the states and
//! their transitions), [`error`], [`service`], `store`.

pub mod campaign;
pub mod composition;
pub mod content;
pub mod error;
pub mod patch;
pub mod service;

mod store;

pub use campaign::{Campaign, CampaignStatus, Totals};
pub use composition::{Composition, DoubtPolicy};
pub use content::Content;
pub use error::CampaignError;
pub use patch::{AudiencePatch, CompositionPatch, ContentPatch};
pub use service::{Campaigns, Seen};
