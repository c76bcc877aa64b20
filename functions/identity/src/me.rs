//! A user as the user sees it.

use carillon_contracts::UserId;
use carillon_identity::{EmailAddress, Locale, PersonName, TimeZoneName, User};
use jiff::Timestamp;
use serde::Serialize;

/// One's own account, without what is secret.
#[derive(Debug, Serialize)]
pub(crate) struct MeView {
    id: UserId,
    email: EmailAddress,
    email_verified_at: Option<Timestamp>,
    name: PersonName,
    locale: Locale,
    time_zone: TimeZoneName,
    has_password: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl MeView {
    /// Shows a user.
    pub(crate) fn of(user: User) -> Self {
        let User { id, email, email_verified_at, name, locale, time_zone, password_hash, created_at, updated_at, .. } = user;
        Self { id, email, email_verified_at, name, locale, time_zone, has_password: password_hash.is_some(), created_at, updated_at }
    }
}
