//! The first organization of a platform in AWS: its key is the operator's, and no route makes it.

use carillon_identity::{OrganizationName, Organizations};
use carillon_kernel::{Failure, Kind, Secret, Setup};

/// Makes an organization, and gives the secret of its API key, which may also operate the platform.
///
/// Settings: `ENTITIES_TABLE`, `CREDENTIAL_KEY`, and those of AWS (`AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`).
///
/// # Errors
/// [`Failure`] when a setting is missing, the name is none, or the table does not answer.
pub async fn first_key(setup: &Setup, name: &str) -> Result<Secret, Failure> {
    let name = OrganizationName::try_from(name.to_owned());
    let name = name.map_err(|problem| Failure::new(Kind::Invalid, "organizations.name", problem.to_string()))?;
    let founded = Organizations::from_setup(setup)?.bootstrap(name, setup.clock().now(), &setup.ids()).await?;
    Ok(founded.api_key.secret)
}
