//! What crosses an area's border: ids, channels, permissions and callers, queue messages, and the run that a send is.
//!
//! Reading order: [`id`], [`channel`], [`permission`], [`role`], [`caller`], [`run`], [`fact`], [`message`], [`signal`].

pub mod audience;
pub mod caller;
pub mod channel;
pub mod external;
pub mod fact;
pub mod id;
pub mod ip_range;
pub mod message;
pub mod permission;
pub mod role;
pub mod run;
pub mod signal;

pub use audience::Audience;
pub use caller::{
    AuthenticationMethod, Caller, Credential, MemberRecord, Origin, PolicyRecord, PreviousText, Principal, RetentionRecord, SecurityRecord,
    SessionRecord, SuspensionRecord,
};
pub use channel::Channel;
pub use external::{ExternalIdentity, LoginProvider};
pub use fact::FactKind;
pub use id::{
    ApiKeyId, AuditRecordId, CampaignId, ChallengeId, ClearingId, ContactId, ExportId, ImportId, InvitationId, ListId, MessageId,
    OrganizationId, PLATFORM_ORGANIZATION, RequestId, RoleId, SecurityEventId, SenderId, SessionId, TemplateId, UserId, VerificationId,
};
pub use ip_range::IpRange;
pub use permission::Permission;
pub use role::Role;
pub use run::{EntryRef, Run};
pub use signal::{SecuritySignal, Signal};
