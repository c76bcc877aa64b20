//! The messages on the queues. Each type has one queue, named by [`QueueMessage::QUEUE`].
//!
//! A message is a hint: it may come twice, late, or never; the ledger and the tables are the truth.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::id::{CampaignId, ExportId, ImportId, InvitationId, ListId, OrganizationId, RoleId, SecurityEventId, UserId, VerificationId};
use crate::run::{EntryRef, Run};

/// A message type and the setting that holds the address of its queue.
pub trait QueueMessage: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The setting with the queue's URL, for example `IMPORT_CHUNKS_QUEUE_URL`.
    const QUEUE: &'static str;
}

/// A queue by the name that operators know it by, and what it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedQueue {
    /// The name, such as `import-chunks`: the last part of the queue's name in AWS.
    pub name: &'static str,
    /// The type of its messages.
    pub message: &'static str,
}

macro_rules! on_queue {
    ($($message:ident => $name:literal, $queue:literal;)* @others { $($foreign:ident => $foreign_name:literal;)* }) => {
        $(impl QueueMessage for $message { const QUEUE: &'static str = $queue; })*

        /// The settings of all queues that carry these messages.
        pub const QUEUES: &[&str] = &[$($queue,)*];

        /// All queues: those of these messages, and those that AWS itself sends to.
        pub const NAMED_QUEUES: &[NamedQueue] = &[
            $(NamedQueue { name: $name, message: stringify!($message) },)*
            $(NamedQueue { name: $foreign_name, message: stringify!($foreign) },)*
        ];
    };
}

on_queue! {
    ImportChunkRequested => "import-chunks", "IMPORT_CHUNKS_QUEUE_URL";
    AudienceExpansionRequested => "audience-expansions", "AUDIENCE_EXPANSIONS_QUEUE_URL";
    ReleaseRequested => "releases", "RELEASES_QUEUE_URL";
    EmailDeliveryRequested => "email-deliveries", "EMAIL_DELIVERIES_QUEUE_URL";
    SmsDeliveryRequested => "sms-deliveries", "SMS_DELIVERIES_QUEUE_URL";
    MessageDeliveryRequested => "message-deliveries", "MESSAGE_DELIVERIES_QUEUE_URL";
    FoldRequested => "figures", "FIGURES_QUEUE_URL";
    FinishRequested => "finishes", "FINISHES_QUEUE_URL";
    TwilioStatusReceived => "twilio-statuses", "TWILIO_STATUSES_QUEUE_URL";
    InboundSmsReceived => "inbound-sms", "INBOUND_SMS_QUEUE_URL";
    NoticeRequested => "notices", "NOTICES_QUEUE_URL";
    ListDeletionRequested => "list-deletions", "LIST_DELETIONS_QUEUE_URL";
    RoleChanged => "role-changes", "ROLE_CHANGES_QUEUE_URL";
    UserExportRequested => "user-exports", "USER_EXPORTS_QUEUE_URL";
    UserErasureRequested => "user-erasures", "USER_ERASURES_QUEUE_URL";
    TrailExportRequested => "trail-exports", "TRAIL_EXPORTS_QUEUE_URL";
    TrailVerificationRequested => "trail-verifications", "TRAIL_VERIFICATIONS_QUEUE_URL";
    @others {
        SnsNotification => "ses-exceptions";
        S3Notification => "ses-events";
    }
}

/// Asks to import the rows of one chunk of an uploaded file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportChunkRequested {
    /// The organization.
    pub organization: OrganizationId,
    /// The import.
    pub import: ImportId,
    /// The number of the chunk, from 0.
    pub chunk: u32,
    /// Where the chunk starts in the file, in bytes.
    pub offset: u64,
    /// The number of the chunk's first data row, from 1.
    pub first_row: u64,
}

/// Asks to write the next plans of a campaign's audience.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudienceExpansionRequested {
    /// The organization.
    pub organization: OrganizationId,
    /// The campaign.
    pub campaign: CampaignId,
    /// The number of the plan to write next.
    pub plan: u32,
}

/// Asks the pacer to look for work now instead of at its next turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRequested {
    /// What made the request, for the log.
    pub reason: String,
}

/// Asks to deliver one plan of a campaign by email.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailDeliveryRequested {
    /// The organization.
    pub organization: OrganizationId,
    /// The run.
    pub run: Run,
    /// The plan.
    pub plan: u32,
}

/// Asks to deliver one plan of a campaign by SMS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmsDeliveryRequested {
    /// The organization.
    pub organization: OrganizationId,
    /// The run.
    pub run: Run,
    /// The plan.
    pub plan: u32,
}

/// Asks to deliver one transactional message, on the channel that its frozen content names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageDeliveryRequested {
    /// The organization.
    pub organization: OrganizationId,
    /// The run.
    pub run: Run,
    /// The plan, always 0.
    pub plan: u32,
}

/// Asks to sum up pages of a run anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldRequested {
    /// The organization.
    pub organization: OrganizationId,
    /// The run.
    pub run: Run,
    /// The pages of plans to sum up.
    pub pages: Vec<u32>,
}

/// Asks to see whether a campaign has ended, and to end it if so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishRequested {
    /// The organization.
    pub organization: OrganizationId,
    /// The campaign.
    pub campaign: CampaignId,
}

/// A status callback of Twilio, its signature and ours verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TwilioStatusReceived {
    /// The attempt that the callback speaks of.
    pub entry: EntryRef,
    /// The organization.
    pub organization: OrganizationId,
    /// The `MessageSid`.
    pub sid: String,
    /// The `MessageStatus`: queued, sending, sent, delivered, undelivered, failed, canceled, read.
    pub status: String,
    /// The `ErrorCode`, for undelivered and failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<u32>,
}

/// An inbound SMS, its signature verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundSmsReceived {
    /// The `MessageSid`, by which it is recognised when it comes again.
    pub sid: String,
    /// Who wrote, in E.164.
    pub from: String,
    /// The number that was written to, in E.164.
    pub to: String,
    /// The text.
    pub body: String,
    /// Twilio's own reading of opt-out words: `STOP`, `START` or `HELP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt_out_type: Option<String>,
}

/// Asks to remove the memberships of a deleted list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListDeletionRequested {
    /// The organization.
    pub organization: OrganizationId,
    /// The list.
    pub list: ListId,
}

/// A role of an organization's own has other permissions now, and more members than one transaction could give them to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleChanged {
    /// The organization.
    pub organization: OrganizationId,
    /// The role.
    pub role: RoleId,
}

/// Asks to write the file with everything that is kept about a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserExportRequested {
    /// The user.
    pub user: UserId,
    /// The export.
    pub export: ExportId,
}

/// Asks to erase everything that is kept about a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserErasureRequested {
    /// The user.
    pub user: UserId,
}

/// Asks to write the next files of an export of an audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailExportRequested {
    /// The organization.
    pub organization: OrganizationId,
    /// The export.
    pub export: ExportId,
}

/// Asks to go on with the verification of an audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailVerificationRequested {
    /// The organization.
    pub organization: OrganizationId,
    /// The verification.
    pub verification: VerificationId,
}

/// Asks to write to a user, or to somebody who was invited, by mail. It holds no secret: links are made when the mail is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeRequested {
    /// What makes this notice itself: the same one asked for twice is sent once.
    pub id: String,
    /// What to write.
    pub notice: Notice,
}

/// What a notice says, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// A link by which a user proves that the address is theirs; the challenge by its id.
    VerifyEmail {
        /// The user.
        user: UserId,
        /// The challenge.
        challenge: String,
    },
    /// Somebody signed up with an address that has an account: its owner is told instead of the one who asked.
    AlreadySignedUp {
        /// The user.
        user: UserId,
    },
    /// A link by which a user sets a new password; the challenge by its id.
    ResetPassword {
        /// The user.
        user: UserId,
        /// The challenge.
        challenge: String,
    },
    /// A code by which a user confirms a login that looks unlike the earlier ones; the challenge by its id.
    ConfirmLogin {
        /// The user.
        user: UserId,
        /// The challenge.
        challenge: String,
    },
    /// A user's password, second factor or address was changed.
    AccountChanged {
        /// The user.
        user: UserId,
        /// What was changed, in words that fit into a sentence.
        what: String,
    },
    /// An invitation to an organization.
    Invitation {
        /// The organization.
        organization: OrganizationId,
        /// The invitation.
        invitation: InvitationId,
    },
    /// Something suspicious happened; to the user whom it concerns, or to the organization's owner.
    SecurityEvent {
        /// The organization.
        organization: OrganizationId,
        /// The event.
        event: SecurityEventId,
        /// Who is told.
        user: UserId,
    },
}
