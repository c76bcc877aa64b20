//! The first organization of a platform, whose key is the operator's; no route makes it.

use carillon_identity::{OrganizationName, Organizations};
use carillon_kernel::{Secret, Setup};

use super::PlatformError;

/// Makes an organization whose key may also operate the platform, with the setup of a function that makes organizations; gives the key's secret text.
pub(crate) async fn first_key(setup: &Setup, name: &str) -> Result<Secret, PlatformError> {
    let name = OrganizationName::try_from(name.to_owned()).map_err(PlatformError::Name)?;
    let founded = Organizations::from_setup(setup)?.bootstrap(name, setup.clock().now(), &setup.ids()).await?;
    Ok(founded.api_key.secret)
}
