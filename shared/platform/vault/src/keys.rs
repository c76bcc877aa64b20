//! The keepers of the keys that wrap data keys: KMS, or a key file.

use aws_sdk_kms::Client;
use carillon_kernel::{Setup, SetupError};
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::kms::Kms;
use crate::local::LocalKeys;
use crate::scope::Owner;

/// A data key, plain and wrapped.
pub(crate) struct NewKey {
    pub(crate) plain: Zeroizing<Vec<u8>>,
    pub(crate) wrapped: Wrapped,
}

/// A data key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Wrapped {
    /// The key that wrapped it.
    pub(crate) key: String,
    /// Whose it is.
    pub(crate) owner: Owner,
    /// The wrapped key.
    pub(crate) bytes: Vec<u8>,
}

/// Who keeps the keys.
#[derive(Debug, Clone)]
pub(crate) enum Keys {
    Kms(Kms),
    Local(LocalKeys),
}

impl Keys {
    /// Finds the keys: those of `VAULT_KEYS` or of the file `VAULT_KEY_FILE`, which the local platform gives, else KMS's.
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        if let Some(text) = setup.find("VAULT_KEYS") {
            return LocalKeys::parse(&text, setup).map(Self::Local).ok_or_else(|| unreadable("VAULT_KEYS"));
        }
        if let Some(file) = setup.find("VAULT_KEY_FILE") {
            let text = std::fs::read_to_string(file).map_err(|_| unreadable("VAULT_KEY_FILE"))?;
            return LocalKeys::parse(&text, setup).map(Self::Local).ok_or_else(|| unreadable("VAULT_KEY_FILE"));
        }
        let ids = setup.text("VAULT_KMS_KEYS")?;
        let config = carillon_aws::config(setup, "KMS")?;
        let endpoint = carillon_aws::endpoint(setup, "KMS").unwrap_or_default();
        let client = setup.shared(&endpoint, || Client::new(&config));
        let unreadable = SetupError::Unreadable { name: "VAULT_KMS_KEYS".to_owned(), wanted: "a list of ARNs of KMS keys" };
        Kms::new(client, &ids, setup.meter()).map(Self::Kms).ok_or(unreadable)
    }

    /// The ids of all keys, the one that wraps first.
    pub(crate) fn ids(&self) -> Vec<&str> {
        match self {
            Self::Kms(kms) => kms.ids(),
            Self::Local(local) => local.ids(),
        }
    }

    pub(crate) async fn generate(&self, owner: Owner) -> Result<NewKey, VaultError> {
        match self {
            Self::Kms(kms) => kms.generate(owner).await,
            Self::Local(local) => local.generate(owner),
        }
    }

    pub(crate) async fn unwrap(&self, wrapped: &Wrapped) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.must_know(wrapped)?;
        match self {
            Self::Kms(kms) => kms.unwrap(wrapped).await,
            Self::Local(local) => local.unwrap(wrapped),
        }
    }

    /// Wraps a data key under the newest key.
    pub(crate) async fn rewrap(&self, wrapped: &Wrapped) -> Result<Wrapped, VaultError> {
        self.must_know(wrapped)?;
        match self {
            Self::Kms(kms) => kms.rewrap(wrapped).await,
            Self::Local(local) => local.rewrap(wrapped),
        }
    }

    /// A key that the settings do not name is never asked, whatever a stored text says.
    fn must_know(&self, wrapped: &Wrapped) -> Result<(), VaultError> {
        if self.ids().contains(&wrapped.key.as_str()) { Ok(()) } else { Err(VaultError::KeyUnknown) }
    }
}

fn unreadable(name: &str) -> SetupError {
    SetupError::Unreadable { name: name.to_owned(), wanted: "a list of id:key, the key 32 bytes in base 64" }
}
