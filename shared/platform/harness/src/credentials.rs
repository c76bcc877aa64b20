//! Finds the caller of a request: the seam that the identity area's credentials fill.

use std::collections::BTreeMap;

use carillon_contracts::{Caller, Credential};
use carillon_dynamo::{Key, Table};
use carillon_kernel::{Failure, Kind, Setup, SetupError};

/// Reads credentials from the table of entities: one read per request.
pub(crate) struct Credentials {
    table: Table,
}

impl Credentials {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { table: Table::from_setup(setup, "ENTITIES_TABLE")? })
    }

    /// Gives the caller whose key the headers carry: `Authorization: Bearer car_…`.
    pub(crate) async fn caller(&self, headers: &BTreeMap<String, String>) -> Result<Caller, Failure> {
        let unknown = |detail: &str| Failure::new(Kind::Unauthenticated, "caller.unknown", detail);
        let header = headers.get("authorization").ok_or_else(|| unknown("send an API key: Authorization: Bearer car_…"))?;
        let (scheme, secret) = header.split_once(' ').unwrap_or_default();
        let secret = secret.trim();
        if !scheme.eq_ignore_ascii_case("bearer") || !secret.starts_with(Credential::PREFIX) || secret.len() > 100 {
            return Err(unknown("the Authorization header is not of the form: Bearer car_…"));
        }
        let key = Key::new(Credential::partition_key(secret), Credential::SORT_KEY);
        let credential: Option<Credential> = self.table.find(key).await?;
        credential.and_then(Credential::caller).ok_or_else(|| unknown("the API key is unknown or was revoked"))
    }
}
