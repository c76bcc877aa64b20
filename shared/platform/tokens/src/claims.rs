//! What an access token says.

use std::collections::BTreeSet;
use std::time::Duration;

use carillon_contracts::{AuthenticationMethod, OrganizationId, SessionId, UserId};
use serde::{Deserialize, Serialize};

/// Who makes the tokens (`iss`).
pub const ISSUER: &str = "carillon";
/// Whom they are for (`aud`).
pub const AUDIENCE: &str = "carillon-api";
/// How long a token holds; a session that is revoked ends it at once.
pub const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// The media type of access tokens (`typ`). Source: RFC 9068, section 2.1.
pub(crate) const TYPE: &str = "at+jwt";

/// The session that a token is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The user.
    pub user: UserId,
    /// The organization that the session acts in.
    pub organization: OrganizationId,
    /// The session.
    pub session: SessionId,
    /// How the user proved who they are.
    pub methods: BTreeSet<AuthenticationMethod>,
}

/// The claims of an access token, which are nobody's secret: they hold ids only (RFC 7519, RFC 8176 for `amr`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// [`ISSUER`].
    pub iss: String,
    /// [`AUDIENCE`].
    pub aud: String,
    /// The user.
    pub sub: UserId,
    /// The organization that the session acts in.
    pub org: OrganizationId,
    /// The session.
    pub sid: SessionId,
    /// When it was made, in seconds since 1970; it is not valid before.
    pub iat: i64,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// How the user proved who they are.
    pub amr: BTreeSet<AuthenticationMethod>,
}
