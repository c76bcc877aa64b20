//! What can go wrong with organizations and keys.

use carillon_contracts::Permission;
use carillon_dynamo::StoreError;
use carillon_kernel::{Fault, Kind, Problem};

/// A failure of the identity area.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is no such organization.
    #[error("there is no such organization")]
    OrganizationAbsent,
    /// There is no such key in the organization.
    #[error("there is no such API key")]
    ApiKeyAbsent,
    /// The organization is not at the version that the caller saw.
    #[error("the organization was changed meanwhile: it is at version {0}")]
    Changed(u64),
    /// A key was to get permissions that its maker lacks.
    #[error("a key cannot be given permissions that its maker lacks: {}", names(.0))]
    PermissionsNotHeld(Vec<Permission>),
    /// Somebody else changed the same things at the same moment.
    #[error("somebody else changed it at the same moment: read it again")]
    Raced,
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
            Self::OrganizationAbsent | Self::ApiKeyAbsent => Kind::Absent,
            Self::Changed(_) | Self::Raced => Kind::Conflict,
            Self::Cursor => Kind::Invalid,
            Self::PermissionsNotHeld(_) => Kind::Forbidden,
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::OrganizationAbsent => "identity.organization_absent",
            Self::ApiKeyAbsent => "identity.api_key_absent",
            Self::Changed(_) | Self::Raced => "identity.changed_meanwhile",
            Self::Cursor => "request.cursor",
            Self::PermissionsNotHeld(_) => "identity.permissions_not_held",
            Self::Store(error) => error.code(),
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
            _ => Vec::new(),
        }
    }
}
