//! What callers prove themselves with: access tokens, API keys and refresh tokens as texts, cookies and what guards them.
//!
//! The harness reads all of it and the identity area writes it, so it stands below both. Reading order: [`claims`], [`keys`], [`sign`],
//! [`verify`] (access tokens), [`bearer`] (texts with a secret), [`cookie`], [`csrf`].
//!
//! | setting | who needs it | what it is |
//! | --- | --- | --- |
//! | `TOKEN_KEYS` | who verifies | the public keys as a JSON list of JWKs; several while the signing key is changed |
//! | `TOKEN_SIGNING_KEY` | who signs | the private key: Ed25519, PKCS#8, base 64 |
//! | `CREDENTIAL_KEY` | who verifies | keys the stored hashes and the CSRF tokens |
//! | `ALLOWED_ORIGINS` | who takes cookies | the origins of the web applications, with commas between; none where it is empty |

pub mod bearer;
pub mod claims;
pub mod cookie;
pub mod csrf;
pub mod keys;
pub mod sign;
pub mod verify;

pub use bearer::{ApiKeyText, Bearer, RefreshText};
pub use claims::{Claims, Grant};
pub use cookie::Cookie;
pub use csrf::{CsrfDefence, Origins};
pub use keys::{KeySet, PublicKey};
pub use sign::{AccessToken, Tokens};
pub use verify::{TokenError, Verifier};
