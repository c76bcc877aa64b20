//! The address by which somebody without a session says whose account it is about.

use carillon_harness::{Failure, Input, Problem};
use carillon_identity::EmailAddress;
use serde::Deserialize;

/// The body that names nothing but the address.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AddressBody {
    email: Option<EmailAddress>,
}

impl Input for AddressBody {
    fn problems(&self) -> Vec<Problem> {
        if self.email.is_some() { Vec::new() } else { vec![no_email()] }
    }
}

impl AddressBody {
    /// Gives the address.
    pub(crate) fn email(self) -> Result<EmailAddress, Failure> {
        needed(self.email)
    }
}

/// Gives the address that a body must name.
pub(crate) fn needed(email: Option<EmailAddress>) -> Result<EmailAddress, Failure> {
    email.ok_or_else(|| Failure::invalid(vec![no_email()]))
}

/// Says that the address is missing.
pub(crate) fn no_email() -> Problem {
    Problem::new("/email", "accounts.missing", "an email address is needed")
}
