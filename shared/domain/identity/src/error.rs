//! What can go wrong with organizations and keys.

use std::time::Duration;

use carillon_contracts::Permission;
use carillon_dynamo::StoreError;
use carillon_kernel::{Fault, Kind, Problem};
use carillon_outbox::OutboxError;

/// A failure of the identity area.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is no such organization.
    #[error("there is no such organization")]
    OrganizationAbsent,
    /// There is no such key in the organization.
    #[error("there is no such API key")]
    ApiKeyAbsent,
    /// The key was revoked or has expired, or would be over before it begins.
    #[error("the API key is over: it was revoked, or its time has passed")]
    ApiKeyOver,
    /// The thing is not at the version that the caller saw.
    #[error("it was changed meanwhile: it is at version {0}")]
    Changed(u64),
    /// A key or a role was to get permissions that its maker lacks.
    #[error("nobody can give permissions that they lack: {}", names(.0))]
    PermissionsNotHeld(Vec<Permission>),
    /// A member was to get a role with permissions that the giver lacks.
    #[error("nobody can give a role with permissions that they lack: {}", names(.0))]
    RoleNotHeld(Vec<Permission>),
    /// The ownership was to be given like a role.
    #[error("the ownership is transferred, not given as a role")]
    OwnershipIsTransferred,
    /// Somebody else than the owner was to transfer the ownership.
    #[error("only the owner, logged in, can transfer the ownership")]
    OwnerOnly,
    /// The owner was to be changed or removed.
    #[error("the owner stays as long as the ownership is not transferred")]
    OwnerStays,
    /// The last proof of who the caller is is too old for what is dangerous.
    #[error("this needs a proof of the last {0} minutes of who you are: send your password or a code to /v1/auth/step-up")]
    StepUpNeeded(u32),
    /// There is no such member.
    #[error("there is no such member")]
    MemberAbsent,
    /// The body names a user who is no member.
    #[error("this user is no member of the organization")]
    MemberUnknown,
    /// The member may do what the caller may not.
    #[error("a member who may do more than you cannot be changed by you")]
    MemberAboveCaller,
    /// The address or user is a member already.
    #[error("who has this address is a member already")]
    AlreadyMember,
    /// There is no such role.
    #[error("there is no such role")]
    RoleAbsent,
    /// The body names a role that is none.
    #[error("this role is neither built in nor one of the organization")]
    RoleUnknown,
    /// Members have the role.
    #[error("{0} members have this role: give them another one first")]
    RoleInUse(u64),
    /// The role may do what the caller may not.
    #[error("a role that may do more than you cannot be changed by you")]
    RoleAboveCaller,
    /// The organization has as many roles of its own as it may.
    #[error("an organization has at most {} roles of its own", crate::role::MOST_ROLES)]
    TooManyRoles,
    /// There is no such invitation.
    #[error("there is no such invitation")]
    InvitationAbsent,
    /// The link of an invitation is none, was used, was withdrawn or replaced, or is too old.
    #[error("the invitation is not valid, or not any more: ask for a new one")]
    InvitationNotValid,
    /// As many invitations are open as may be.
    #[error("at most {} invitations are open at the same time", crate::invitation::MOST_OPEN)]
    TooManyInvitations,
    /// The address was invited so often that the next mail must wait.
    #[error("this address was invited several times: try again later")]
    TooManyMails(Duration),
    /// The invited address has an account, and nobody has proven yet that the address is theirs.
    #[error("the address has an account that was never verified: reset its password first, then accept")]
    InvitedAddressUnproven,
    /// The allowed ranges would shut the caller out.
    #[error("your own address lies outside these ranges")]
    OwnAddressOutside,
    /// The operator's own organization was to be suspended.
    #[error("the organization that you act for cannot be suspended by you")]
    OwnOrganization,
    /// Somebody else changed the same things at the same moment.
    #[error("somebody else changed it at the same moment: read it again")]
    Raced,
    /// A message cannot be left in the outbox.
    #[error("a message cannot be left in the outbox")]
    Outbox(#[from] OutboxError),
    /// The cursor is not one that a page of keys gave.
    #[error("the cursor is not one that a page gave")]
    Cursor,
    /// The table failed.
    #[error("the organizations and keys cannot be read or written")]
    Store(#[source] StoreError),
}

impl From<StoreError> for IdentityError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(_) | StoreError::Contended => Self::Raced,
            StoreError::Cursor => Self::Cursor,
            failed => Self::Store(failed),
        }
    }
}

fn names(permissions: &[Permission]) -> String {
    permissions.iter().map(|permission| permission.name()).collect::<Vec<_>>().join(", ")
}

impl Fault for IdentityError {
    fn kind(&self) -> Kind {
        match self {
            Self::OrganizationAbsent | Self::ApiKeyAbsent | Self::MemberAbsent | Self::RoleAbsent | Self::InvitationAbsent => Kind::Absent,
            Self::Changed(_) | Self::Raced | Self::OwnerStays | Self::AlreadyMember | Self::RoleInUse(_) => Kind::Conflict,
            Self::TooManyRoles | Self::TooManyInvitations | Self::InvitedAddressUnproven | Self::OwnOrganization => Kind::Conflict,
            Self::Cursor | Self::OwnershipIsTransferred | Self::MemberUnknown | Self::RoleUnknown => Kind::Invalid,
            Self::InvitationNotValid | Self::OwnAddressOutside => Kind::Invalid,
            Self::PermissionsNotHeld(_) | Self::RoleNotHeld(_) | Self::OwnerOnly | Self::StepUpNeeded(_) => Kind::Forbidden,
            Self::MemberAboveCaller | Self::RoleAboveCaller => Kind::Forbidden,
            Self::ApiKeyOver => Kind::Conflict,
            Self::TooManyMails(_) => Kind::Limited,
            Self::Store(error) => error.kind(),
            Self::Outbox(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::OrganizationAbsent => "identity.organization_absent",
            Self::ApiKeyAbsent => "identity.api_key_absent",
            Self::ApiKeyOver => "identity.api_key_over",
            Self::Changed(_) | Self::Raced => "identity.changed_meanwhile",
            Self::Cursor => "request.cursor",
            Self::PermissionsNotHeld(_) | Self::RoleNotHeld(_) => "identity.permissions_not_held",
            Self::OwnershipIsTransferred => "identity.ownership_is_transferred",
            Self::OwnerOnly => "identity.owner_only",
            Self::OwnerStays => "identity.owner_stays",
            Self::StepUpNeeded(_) => "accounts.step_up_needed",
            Self::MemberAbsent => "identity.member_absent",
            Self::MemberUnknown => "identity.member_unknown",
            Self::MemberAboveCaller => "identity.member_above_caller",
            Self::AlreadyMember => "identity.already_member",
            Self::RoleAbsent => "identity.role_absent",
            Self::RoleUnknown => "identity.role_unknown",
            Self::RoleInUse(_) => "identity.role_in_use",
            Self::RoleAboveCaller => "identity.role_above_caller",
            Self::TooManyRoles => "identity.too_many_roles",
            Self::InvitationAbsent => "identity.invitation_absent",
            Self::InvitationNotValid => "identity.invitation_not_valid",
            Self::TooManyInvitations => "identity.too_many_invitations",
            Self::TooManyMails(_) => "identity.too_many_mails",
            Self::InvitedAddressUnproven => "identity.invited_address_unproven",
            Self::OwnAddressOutside => "organizations.own_address_outside",
            Self::OwnOrganization => "operator.own_organization",
            Self::Store(error) => error.code(),
            Self::Outbox(error) => error.code(),
        }
    }

    fn problems(&self) -> Vec<Problem> {
        match self {
            Self::PermissionsNotHeld(refused) => {
                let problem = |permission: &Permission| {
                    Problem::new("/permissions", self.code(), format!("the permission {permission} cannot be given by this caller"))
                };
                refused.iter().map(problem).collect()
            }
            Self::Cursor => vec![Problem::new("?cursor", self.code(), self.to_string())],
            Self::OwnershipIsTransferred | Self::RoleUnknown | Self::RoleNotHeld(_) => {
                vec![Problem::new("/role", self.code(), self.to_string())]
            }
            Self::MemberUnknown => vec![Problem::new("/user_id", self.code(), self.to_string())],
            Self::InvitationNotValid => vec![Problem::new("/token", self.code(), self.to_string())],
            Self::OwnAddressOutside => vec![Problem::new("/allowed_ip_ranges", self.code(), self.to_string())],
            _ => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyMails(wait) => Some(*wait),
            _ => None,
        }
    }
}
