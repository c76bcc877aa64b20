//! Recovery codes as their user sees them, once.

use carillon_kernel::Secret;
use serde::Serialize;

/// A set of codes.
#[derive(Serialize)]
pub(crate) struct RecoveryCodesView<'a> {
    recovery_codes: Vec<&'a str>,
}

impl<'a> RecoveryCodesView<'a> {
    /// Shows the codes.
    pub(crate) fn of(codes: &'a [Secret]) -> Self {
        Self { recovery_codes: codes.iter().map(Secret::expose).collect() }
    }
}
