//! The ids of things, one type each.

use carillon_kernel::{Id, IdKind};

macro_rules! ids {
    ($($kind:ident $alias:ident $prefix:literal $doc:literal;)*) => {$(
        #[doc = concat!("Marks the id of ", $doc, ".")]
        #[derive(Debug)]
        pub struct $kind;
        impl IdKind for $kind {
            const PREFIX: &'static str = $prefix;
        }
        #[doc = concat!("Identifies ", $doc, " (`", $prefix, "_…`).")]
        pub type $alias = Id<$kind>;
    )*};
}

ids! {
    OrganizationKind OrganizationId "org" "an organization, the tenant";
    ApiKeyKind ApiKeyId "key" "an API key";
    ContactKind ContactId "con" "a contact";
    ListKind ListId "lst" "a list of contacts";
    ImportKind ImportId "imp" "an import of contacts";
    TemplateKind TemplateId "tpl" "a template";
    SenderKind SenderId "snd" "a sender: a verified address or number";
    CampaignKind CampaignId "cmp" "a campaign";
    MessageKind MessageId "msg" "a single, transactional message";
    UserKind UserId "usr" "a user, a person who may be a member of several organizations";
    SessionKind SessionId "ses" "a session: one login on one device";
    RoleKind RoleId "rol" "a role that an organization made";
    InvitationKind InvitationId "inv" "an invitation to become a member";
    AuditRecordKind AuditRecordId "aud" "a record of the audit trail";
    SecurityEventKind SecurityEventId "sev" "a security event";
    ExportKind ExportId "exp" "an export of data into a file";
    VerificationKind VerificationId "vrf" "a verification of the audit trail";
    RequestKind RequestId "req" "one request to the API";
    ChallengeKind ChallengeId "chl" "a challenge: something that a person must still prove, once";
    ClearingKind ClearingId "clr" "a clearing of dead letters by the operator";
}

/// The organization of the platform itself, in whose name identity writes its mails; nobody is a member of it.
pub const PLATFORM_ORGANIZATION: OrganizationId = Id::from_bytes([0; 16]);
