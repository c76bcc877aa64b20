//! What crosses an area's border: ids, channels, permissions and callers, queue messages, and the run that a send is.
//!
//! Reading order: [`id`], [`channel`], [`permission`], [`caller`], [`run`], [`fact`], [`message`].

pub mod audience;
pub mod caller;
pub mod channel;
pub mod fact;
pub mod id;
pub mod message;
pub mod permission;
pub mod run;

pub use audience::Audience;
pub use caller::{Caller, Credential, Principal};
pub use channel::Channel;
pub use fact::FactKind;
pub use id::{ApiKeyId, CampaignId, ContactId, ImportId, ListId, MessageId, OrganizationId, RequestId, SenderId, TemplateId};
pub use permission::Permission;
pub use run::{EntryRef, Run};
