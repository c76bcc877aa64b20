//! Keys in KMS: data keys are made, unwrapped and wrapped anew by calls, with the owner as the encryption context.
//!
//! Source: <https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html>, `API_Decrypt.html`, `API_ReEncrypt.html`.

use std::sync::Arc;

use aws_sdk_kms::Client;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use carillon_aws::told;
use carillon_kernel::Meter;
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::keys::{NewKey, Wrapped};
use crate::scope::Owner;

#[cfg(test)]
mod tests;

/// The member of the encryption context; CloudTrail shows it, and a key's policy may demand it.
const CONTEXT: &str = "carillon:owner";

/// The keys in KMS, the newest first.
#[derive(Debug, Clone)]
pub(crate) struct Kms {
    client: Client,
    ids: Arc<[String]>,
    meter: Meter,
}

impl Kms {
    /// Reads the ids of keys, divided by commas; nothing where one is malformed or there is none.
    pub(crate) fn new(client: Client, ids: &str, meter: Meter) -> Option<Self> {
        let ids: Vec<String> = ids.split(',').map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect();
        let is_id = |id: &String| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'/'));
        (!ids.is_empty() && ids.iter().all(is_id)).then(|| Self { client, ids: ids.into(), meter })
    }

    pub(crate) fn ids(&self) -> Vec<&str> {
        self.ids.iter().map(String::as_str).collect()
    }

    pub(crate) async fn generate(&self, owner: Owner) -> Result<NewKey, VaultError> {
        self.meter.request("kms.GenerateDataKey");
        let id = self.newest()?;
        let request = self.client.generate_data_key().key_id(id).key_spec(DataKeySpec::Aes256);
        let answer = request.encryption_context(CONTEXT, owner.to_string()).send().await.map_err(failed)?;
        let plain = answer.plaintext.map(|blob| Zeroizing::new(blob.into_inner()));
        let bytes = answer.ciphertext_blob.map(Blob::into_inner);
        let (plain, bytes) = plain.zip(bytes).ok_or_else(|| VaultError::Unavailable("no key in the answer".to_owned()))?;
        Ok(NewKey { plain, wrapped: Wrapped { key: id.to_owned(), owner, bytes } })
    }

    pub(crate) async fn unwrap(&self, wrapped: &Wrapped) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.meter.request("kms.Decrypt");
        let request = self.client.decrypt().key_id(&wrapped.key).ciphertext_blob(Blob::new(wrapped.bytes.clone()));
        let answer = request.encryption_context(CONTEXT, wrapped.owner.to_string()).send().await.map_err(failed)?;
        answer.plaintext.map(|blob| Zeroizing::new(blob.into_inner())).ok_or(VaultError::NotOpened)
    }

    pub(crate) async fn rewrap(&self, wrapped: &Wrapped) -> Result<Wrapped, VaultError> {
        self.meter.request("kms.ReEncrypt");
        let (id, owner) = (self.newest()?, wrapped.owner.to_string());
        let request = self.client.re_encrypt().source_key_id(&wrapped.key).ciphertext_blob(Blob::new(wrapped.bytes.clone()));
        let request = request.source_encryption_context(CONTEXT, &owner).destination_encryption_context(CONTEXT, &owner);
        let answer = request.destination_key_id(id).send().await.map_err(failed)?;
        let bytes = answer.ciphertext_blob.map(Blob::into_inner).ok_or(VaultError::NotOpened)?;
        Ok(Wrapped { key: id.to_owned(), owner: wrapped.owner, bytes })
    }

    fn newest(&self) -> Result<&str, VaultError> {
        self.ids.first().map(String::as_str).ok_or(VaultError::KeyUnknown)
    }
}

/// A wrapped key that KMS refuses was changed or belongs to another owner; everything else may go well later.
fn failed<E, R>(error: SdkError<E, R>) -> VaultError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match error.code() {
        Some("InvalidCiphertextException" | "IncorrectKeyException") => VaultError::NotOpened,
        _ => VaultError::Unavailable(told(&error)),
    }
}
