//! Keys of a setting or a file, for a platform without KMS: they wrap data keys by AES-256-GCM.

use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use carillon_kernel::{Ear, IdSource, Setup};
use zeroize::Zeroizing;

use crate::cipher::{Cipher, KEY_BYTES};
use crate::error::VaultError;
use crate::keys::{NewKey, Wrapped};
use crate::scope::Owner;

/// With or without padding: people write both.
const BASE_64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// The resource that is told: who uses these keys here needs the same of the vault's keys in KMS.
const KEYS: &str = "VaultKeys";

/// The keys, the newest first.
#[derive(Debug, Clone)]
pub(crate) struct LocalKeys {
    keys: Arc<[(String, Cipher)]>,
    ids: IdSource,
    ear: Ear,
}

impl LocalKeys {
    /// Reads `id:key` parts, divided by commas or lines, the newest first; nothing where one is malformed or there is none.
    pub(crate) fn parse(text: &str, setup: &Setup) -> Option<Self> {
        let parts = text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
        let read = |part: &str| {
            let (id, key) = part.split_once(':')?;
            let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            let key = Zeroizing::new(BASE_64.decode(key.trim()).ok()?);
            (is_id && key.len() == KEY_BYTES).then(|| Cipher::new(&key).ok().map(|cipher| (id.to_owned(), cipher))).flatten()
        };
        let keys = parts.map(read).collect::<Option<Vec<_>>>()?;
        (!keys.is_empty()).then(|| Self { keys: keys.into(), ids: setup.ids(), ear: setup.ear() })
    }

    pub(crate) fn ids(&self) -> Vec<&str> {
        self.keys.iter().map(|(id, _)| id.as_str()).collect()
    }

    pub(crate) fn generate(&self, owner: Owner) -> Result<NewKey, VaultError> {
        self.ear.hear("kms:GenerateDataKey", KEYS);
        let plain = Zeroizing::new(self.ids.bytes::<KEY_BYTES>().to_vec());
        Ok(NewKey { wrapped: self.wrap(owner, &plain)?, plain })
    }

    pub(crate) fn unwrap(&self, wrapped: &Wrapped) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.ear.hear("kms:Decrypt", KEYS);
        self.open(wrapped)
    }

    pub(crate) fn rewrap(&self, wrapped: &Wrapped) -> Result<Wrapped, VaultError> {
        self.ear.hear("kms:ReEncryptFrom", KEYS);
        self.ear.hear("kms:ReEncryptTo", KEYS);
        self.wrap(wrapped.owner, &self.open(wrapped)?)
    }

    fn open(&self, wrapped: &Wrapped) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (id, cipher) = self.keys.iter().find(|(id, _)| *id == wrapped.key).ok_or(VaultError::KeyUnknown)?;
        cipher.open(&associated_data(id, wrapped.owner), &wrapped.bytes).map(Zeroizing::new)
    }

    fn wrap(&self, owner: Owner, plain: &[u8]) -> Result<Wrapped, VaultError> {
        let (id, cipher) = self.keys.first().ok_or(VaultError::KeyUnknown)?;
        let bytes = cipher.seal(&associated_data(id, owner), plain, &self.ids)?;
        Ok(Wrapped { key: id.clone(), owner, bytes })
    }
}

fn associated_data(id: &str, owner: Owner) -> Vec<u8> {
    format!("carillon-vault/wrap/1\u{1f}{id}\u{1f}{owner}").into_bytes()
}
