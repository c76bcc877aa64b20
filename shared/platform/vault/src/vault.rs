//! Seals and opens.

use std::sync::Arc;

use carillon_kernel::{Clock, IdSource, Setup, SetupError};
use zeroize::Zeroizing;

use crate::cache::Cache;
use crate::cipher::Cipher;
use crate::error::VaultError;
use crate::keys::{Keys, Wrapped};
use crate::scope::Scope;
use crate::sealed::SealedSecret;

#[cfg(test)]
mod tests;

/// Seals secrets, and opens them for their owner and purpose.
#[derive(Debug, Clone)]
pub struct Vault {
    keys: Keys,
    cache: Cache,
    clock: Clock,
    ids: IdSource,
}

/// An opened secret: it does not print itself, and is wiped when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Unsealed(Zeroizing<Vec<u8>>);

impl Unsealed {
    /// Gives the secret to the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Unsealed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Unsealed(…)")
    }
}

impl Vault {
    /// Opens the vault: its keys are KMS's, listed in `VAULT_KMS_KEYS` with the newest first, unless `VAULT_KEYS` or `VAULT_KEY_FILE` gives
    /// local ones as `id:key`, which is for a platform on one's own machine.
    ///
    /// # Errors
    /// [`SetupError`] when there are no keys, or they cannot be read.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        let keys = Keys::from_setup(setup)?;
        // Data keys are never shared between different sets of keys.
        let cache = setup.shared(&keys.ids().join(","), Cache::default);
        Ok(Self { keys, cache, clock: setup.clock(), ids: setup.ids() })
    }

    /// Seals a secret for an owner and purpose.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`] when KMS does not answer.
    pub async fn seal(&self, scope: &Scope, secret: &[u8]) -> Result<SealedSecret, VaultError> {
        let (wrapped, cipher) = self.sealing_key(scope).await?;
        let sealed = cipher.seal(&scope.associated_data(), secret, &self.ids)?;
        Ok(SealedSecret { key: wrapped.key, owner: wrapped.owner, wrapped: wrapped.bytes, sealed })
    }

    /// Opens a secret.
    ///
    /// # Errors
    /// [`VaultError::NotOpened`] when it was changed or belongs to another owner or purpose, [`VaultError::KeyUnknown`] when its key is not
    /// among the settings, [`VaultError::Unavailable`] when KMS does not answer.
    pub async fn open(&self, scope: &Scope, sealed: &SealedSecret) -> Result<Unsealed, VaultError> {
        if sealed.owner != scope.owner {
            return Err(VaultError::NotOpened);
        }
        let wrapped = sealed.wrapped_key();
        let cipher = self.opening_key(&wrapped).await?;
        cipher.open(&scope.associated_data(), &sealed.sealed).map(|plain| Unsealed(Zeroizing::new(plain)))
    }

    /// Wraps the data key of a secret under the newest key; nothing when it is so already. The secret itself stays sealed.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub async fn rewrap(&self, sealed: &SealedSecret) -> Result<Option<SealedSecret>, VaultError> {
        if self.keys.ids().first() == Some(&sealed.key.as_str()) {
            return Ok(None);
        }
        let wrapped = self.keys.rewrap(&sealed.wrapped_key()).await?;
        Ok(Some(SealedSecret { key: wrapped.key, wrapped: wrapped.bytes, ..sealed.clone() }))
    }

    /// The keys that are on their way out: they open, and wrap nothing any more.
    pub(crate) fn old_keys(&self) -> Vec<String> {
        self.keys.ids().into_iter().skip(1).map(str::to_owned).collect()
    }

    async fn sealing_key(&self, scope: &Scope) -> Result<(Wrapped, Arc<Cipher>), VaultError> {
        let newest = self.keys.ids().first().copied().unwrap_or_default().to_owned();
        if let Some(kept) = self.cache.sealing(scope.owner, &newest, self.clock.now()) {
            return Ok(kept);
        }
        let made = self.keys.generate(scope.owner).await?;
        let cipher = Arc::new(Cipher::new(&made.plain)?);
        self.cache.seal_with(&made.wrapped, &cipher, self.clock.now());
        Ok((made.wrapped, cipher))
    }

    async fn opening_key(&self, wrapped: &Wrapped) -> Result<Arc<Cipher>, VaultError> {
        if let Some(kept) = self.cache.find(wrapped, self.clock.now()) {
            return Ok(kept);
        }
        let cipher = Arc::new(Cipher::new(&self.keys.unwrap(wrapped).await?)?);
        self.cache.keep(wrapped, &cipher, self.clock.now());
        Ok(cipher)
    }
}

impl SealedSecret {
    fn wrapped_key(&self) -> Wrapped {
        Wrapped { key: self.key.clone(), owner: self.owner, bytes: self.wrapped.clone() }
    }
}
