//! The vault: seals the secrets of organizations and users, so that the tables hold nothing that their reader could use.
//!
//! Envelope encryption: a secret is sealed by AES-256-GCM under a data key, with its owner and purpose as associated data, so that
//! it opens for that owner and purpose only. The data key is wrapped by a key that never leaves its keeper, bound to the same owner:
//! KMS in production, a key file locally ([`Vault::from_setup`]).
//!
//! One data key serves an owner's seals in one process for five minutes, and unwrapped ones are kept as long: KMS bills every call
//! ($0.03 for 10,000) and takes milliseconds for it, while a fresh data key for every secret would protect nobody further, because whoever
//! may unwrap one of an owner's keys may unwrap all of them.
//!
//! Rotation: the first of the configured keys wraps, all of them open. [`Rotation`] finds what is wrapped under the others and wraps it
//! anew, without opening the secrets; when it finds nothing any more, an old key can go. KMS's own yearly rotation needs none of this.
//!
//! Reading order: [`scope`], [`sealed`], [`vault`], `cipher`, `keys`, `local`, `kms`, [`rotation`].

pub mod error;
pub mod rotation;
pub mod scope;
pub mod sealed;
pub mod vault;

mod cache;
mod cipher;
mod keys;
mod kms;
mod local;

pub use error::VaultError;
pub use rotation::{Rewrapped, Rotation};
pub use scope::{Owner, Purpose, Scope};
pub use sealed::SealedSecret;
pub use vault::{Unsealed, Vault};

/// Keys for tests, as the setting `VAULT_KEYS` wants them: they protect nothing.
pub const TEST_KEYS: &str = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
