//! Identity: organizations, and the API keys that act for them.
//!
//! An organization is made together with its first key, in one transaction, so that none is unreachable. A key's secret text is
//! shown once and stored as a hash only; the harness finds the caller by that hash (`carillon_contracts::Credential`).
//!
//! Reading order: [`organization`], [`api_key`], [`error`], [`service`], `store`.

pub mod api_key;
pub mod error;
pub mod organization;
pub mod service;

mod store;

pub use api_key::{ApiKeyName, IssuedApiKey, NewApiKey};
pub use error::IdentityError;
pub use organization::{Locale, NewOrganization, Organization, OrganizationName, OrganizationPatch, TimeZoneName};
pub use service::{ApiKeys, FoundedOrganization, Organizations};
