//! The functions of the identity area: organizations, their members, roles and invitations, and API keys.

use carillon_harness::Entry;

mod accept_invitation;
mod acknowledge_security_event;
mod address;
mod apply_role;
mod change_password;
mod confirm_totp;
mod create_api_key;
mod create_audit_export;
mod create_audit_verification;
mod create_invitation;
mod create_organization;
mod create_role;
mod delete_invitation;
mod delete_role;
mod disable_totp;
mod enrol_totp;
mod erase_me;
mod erase_user;
mod export_me;
mod export_trail;
mod export_user;
mod finish_provider;
mod get_audit_export;
mod get_audit_verification;
mod get_keys;
mod get_me;
mod get_my_export;
mod get_organization;
mod inspect_organization;
mod link_login;
mod list_api_keys;
mod list_audit_records;
mod list_invitations;
mod list_logins;
mod list_members;
mod list_organizations;
mod list_permissions;
mod list_roles;
mod list_security_events;
mod list_sessions;
mod log_in_account;
mod log_out_everywhere;
mod log_out_member;
mod log_out_session;
mod mailed;
mod mails;
mod me;
mod notices;
mod part_of_time;
mod prove_login;
mod provider;
mod recovery_codes;
mod refresh_session;
mod remove_member;
mod renew_recovery_codes;
mod request_password_reset;
mod resend_verification;
mod reset_password;
mod revoke_api_key;
mod revoke_session;
mod rewrap_secrets;
mod rotate_api_key;
mod seal_trail;
mod send_notice;
mod session_answer;
mod sign_up_account;
mod sign_up_gate;
mod start_provider;
mod steer_organization;
mod step_up_session;
mod take_security_signals;
mod transfer_organization;
mod unlink_login;
mod update_me;
mod update_member;
mod update_organization;
mod update_role;
mod verify_email;
mod verify_trail;

pub use accept_invitation::InvitationsAccept;
pub use acknowledge_security_event::SecurityEventsAcknowledge;
pub use apply_role::RolesApply;
pub use change_password::PasswordsChange;
pub use confirm_totp::TotpConfirm;
pub use create_api_key::ApiKeysCreate;
pub use create_audit_export::AuditExportsCreate;
pub use create_audit_verification::AuditVerificationsCreate;
pub use create_invitation::InvitationsCreate;
pub use create_organization::OrganizationsCreate;
pub use create_role::RolesCreate;
pub use delete_invitation::InvitationsDelete;
pub use delete_role::RolesDelete;
pub use disable_totp::TotpDisable;
pub use enrol_totp::TotpEnrol;
pub use erase_me::MeErase;
pub use erase_user::IdentityEraseUser;
pub use export_me::MeExport;
pub use export_trail::IdentityExportTrail;
pub use export_user::IdentityExportUser;
pub use finish_provider::ProvidersFinish;
pub use get_audit_export::AuditExportsGet;
pub use get_audit_verification::AuditVerificationsGet;
pub use get_keys::KeysGet;
pub use get_me::MeGet;
pub use get_my_export::MeGetExport;
pub use get_organization::OrganizationsGet;
pub use inspect_organization::OrganizationsInspect;
pub use link_login::LoginsLink;
pub use list_api_keys::ApiKeysList;
pub use list_audit_records::AuditRecordsList;
pub use list_invitations::InvitationsList;
pub use list_logins::LoginsList;
pub use list_members::MembersList;
pub use list_organizations::OrganizationsList;
pub use list_permissions::PermissionsList;
pub use list_roles::RolesList;
pub use list_security_events::SecurityEventsList;
pub use list_sessions::SessionsList;
pub use log_in_account::AccountsLogIn;
pub use log_out_everywhere::SessionsLogOutEverywhere;
pub use log_out_member::MembersLogOut;
pub use log_out_session::SessionsLogOut;
pub use prove_login::AccountsProveLogin;
pub use refresh_session::SessionsRefresh;
pub use remove_member::MembersRemove;
pub use renew_recovery_codes::RecoveryCodesRenew;
pub use request_password_reset::PasswordsRequestReset;
pub use resend_verification::AccountsResendVerification;
pub use reset_password::PasswordsReset;
pub use revoke_api_key::ApiKeysRevoke;
pub use revoke_session::SessionsRevoke;
pub use rewrap_secrets::IdentityRewrapSecrets;
pub use rotate_api_key::ApiKeysRotate;
pub use seal_trail::IdentitySealTrail;
pub use send_notice::IdentitySendNotice;
pub use sign_up_account::AccountsSignUp;
pub use start_provider::ProvidersStart;
pub use steer_organization::OrganizationsSteer;
pub use step_up_session::SessionsStepUp;
pub use take_security_signals::IdentityTakeSecuritySignals;
pub use transfer_organization::OrganizationsTransfer;
pub use unlink_login::LoginsUnlink;
pub use update_me::MeUpdate;
pub use update_member::MembersUpdate;
pub use update_organization::OrganizationsUpdate;
pub use update_role::RolesUpdate;
pub use verify_email::AccountsVerifyEmail;
pub use verify_trail::IdentityVerifyTrail;

/// The functions of this area.
pub static ENTRIES: &[Entry] = &[
    Entry::http::<OrganizationsCreate>(),
    Entry::http::<OrganizationsGet>(),
    Entry::http::<OrganizationsUpdate>(),
    Entry::http::<MembersList>(),
    Entry::http::<MembersUpdate>(),
    Entry::http::<MembersRemove>(),
    Entry::http::<MembersLogOut>(),
    Entry::http::<OrganizationsTransfer>(),
    Entry::http::<InvitationsCreate>(),
    Entry::http::<InvitationsList>(),
    Entry::http::<InvitationsDelete>(),
    Entry::public::<InvitationsAccept>(),
    Entry::http::<RolesList>(),
    Entry::http::<RolesCreate>(),
    Entry::http::<RolesUpdate>(),
    Entry::http::<RolesDelete>(),
    Entry::http::<PermissionsList>(),
    Entry::http::<OrganizationsList>(),
    Entry::http::<OrganizationsInspect>(),
    Entry::http::<OrganizationsSteer>(),
    Entry::queue::<RolesApply>(),
    Entry::http::<ApiKeysCreate>(),
    Entry::http::<ApiKeysList>(),
    Entry::http::<ApiKeysRotate>(),
    Entry::http::<ApiKeysRevoke>(),
    Entry::public::<KeysGet>(),
    Entry::public::<ProvidersStart>(),
    Entry::http::<LoginsList>(),
    Entry::http::<LoginsLink>(),
    Entry::http::<LoginsUnlink>(),
    Entry::http::<MeExport>(),
    Entry::http::<MeGetExport>(),
    Entry::http::<MeErase>(),
    Entry::queue::<IdentityExportUser>(),
    Entry::queue::<IdentityEraseUser>(),
    Entry::schedule::<IdentityRewrapSecrets>(),
    Entry::public::<ProvidersFinish>(),
    Entry::public::<AccountsSignUp>(),
    Entry::public::<AccountsVerifyEmail>(),
    Entry::public::<AccountsResendVerification>(),
    Entry::public::<AccountsLogIn>(),
    Entry::public::<AccountsProveLogin>(),
    Entry::public::<SessionsRefresh>(),
    Entry::public::<PasswordsRequestReset>(),
    Entry::public::<PasswordsReset>(),
    Entry::http::<SessionsLogOut>(),
    Entry::http::<SessionsLogOutEverywhere>(),
    Entry::http::<SessionsStepUp>(),
    Entry::http::<MeGet>(),
    Entry::http::<MeUpdate>(),
    Entry::http::<PasswordsChange>(),
    Entry::http::<SessionsList>(),
    Entry::http::<SessionsRevoke>(),
    Entry::http::<TotpEnrol>(),
    Entry::http::<TotpConfirm>(),
    Entry::http::<TotpDisable>(),
    Entry::http::<RecoveryCodesRenew>(),
    Entry::queue::<IdentitySendNotice>(),
    Entry::http::<AuditRecordsList>(),
    Entry::http::<AuditExportsCreate>(),
    Entry::http::<AuditExportsGet>(),
    Entry::http::<AuditVerificationsCreate>(),
    Entry::http::<AuditVerificationsGet>(),
    Entry::queue::<IdentityExportTrail>(),
    Entry::queue::<IdentityVerifyTrail>(),
    Entry::schedule::<IdentitySealTrail>(),
    Entry::http::<SecurityEventsList>(),
    Entry::http::<SecurityEventsAcknowledge>(),
    Entry::schedule::<IdentityTakeSecuritySignals>(),
];
