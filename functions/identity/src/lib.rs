//! The functions of the identity area: organizations and their API keys.

use carillon_harness::Entry;

mod create_api_key;
mod create_organization;
mod get_organization;
mod list_api_keys;
mod revoke_api_key;
mod update_organization;

pub use create_api_key::ApiKeysCreate;
pub use create_organization::OrganizationsCreate;
pub use get_organization::OrganizationsGet;
pub use list_api_keys::ApiKeysList;
pub use revoke_api_key::ApiKeysRevoke;
pub use update_organization::OrganizationsUpdate;

/// The functions of this area.
pub const ENTRIES: &[Entry] = &[
    Entry::http::<OrganizationsCreate>(),
    Entry::http::<OrganizationsGet>(),
    Entry::http::<OrganizationsUpdate>(),
    Entry::http::<ApiKeysCreate>(),
    Entry::http::<ApiKeysList>(),
    Entry::http::<ApiKeysRevoke>(),
];
