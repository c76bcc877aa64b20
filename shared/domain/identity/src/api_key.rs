//! An API key: the form of its secret text, and which permissions it may be given.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carillon_contracts::{Caller, Credential, OrganizationId, Permission};
use carillon_kernel::{IdSource, Secret};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::IdentityError;
use crate::organization::one_line;

/// How many characters of a key's text are kept to recognise it by.
const HINT_CHARACTERS: usize = 12;
const BASE_62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The name of a key: 1 to 120 characters in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiKeyName(String);

impl ApiKeyName {
    /// The name of the key that an organization is made with.
    #[must_use]
    pub fn first() -> Self {
        Self("First key".to_owned())
    }
}

impl TryFrom<String> for ApiKeyName {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        one_line(&text).map(Self)
    }
}

impl From<ApiKeyName> for String {
    fn from(name: ApiKeyName) -> Self {
        name.0
    }
}

/// What a new key is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// Its name.
    pub name: ApiKeyName,
    /// What it may do.
    pub permissions: BTreeSet<Permission>,
}

/// A key that was just made: the only time that its secret text is known.
#[derive(Debug, Clone)]
pub struct IssuedApiKey {
    /// The key as it is stored.
    pub credential: Credential,
    /// The text that callers send, to be shown once.
    pub secret: Secret,
}

impl NewApiKey {
    /// Checks that nobody gives away what they do not have: a key has no permission that its maker lacks.
    ///
    /// The operator's permission is never given on; it comes from founding a platform only.
    ///
    /// # Errors
    /// [`IdentityError::PermissionsNotHeld`] with the permissions in question.
    pub fn granted_by(self, maker: &Caller) -> Result<Self, IdentityError> {
        let may_give = |permission: &Permission| maker.may(*permission) && *permission != Permission::PlatformOperate;
        let refused: Vec<Permission> = self.permissions.iter().copied().filter(|permission| !may_give(permission)).collect();
        if refused.is_empty() { Ok(self) } else { Err(IdentityError::PermissionsNotHeld(refused)) }
    }
}

impl IssuedApiKey {
    /// Makes a key with a new secret text.
    #[must_use]
    pub fn issue(organization: OrganizationId, new: NewApiKey, moment: Timestamp, ids: &IdSource) -> Self {
        let secret = secret_text(&ids.bytes());
        let credential = Credential {
            id: ids.id(moment),
            organization,
            name: new.name.into(),
            permissions: new.permissions,
            hint: secret.chars().take(HINT_CHARACTERS).collect(),
            created_at: moment,
            revoked_at: None,
        };
        Self { credential, secret: Secret::new(secret) }
    }
}

/// Writes 256 random bits as a key's text: `car_`, 43 characters of base 64 (URL-safe), 6 of a checksum in base 62.
///
/// The prefix and the checksum let a scanner for leaked secrets tell a key from other text without asking us.
fn secret_text(random: &[u8; 32]) -> String {
    let body = format!("{}{}", Credential::PREFIX, URL_SAFE_NO_PAD.encode(random));
    let checksum = checksum(&body);
    body + &checksum
}

/// Gives the CRC-32 of a text as six digits in base 62.
fn checksum(text: &str) -> String {
    let mut rest = crc32(text.as_bytes());
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        let place = usize::try_from(rest % 62).unwrap_or_default();
        *digit = BASE_62.get(place).copied().unwrap_or(b'0');
        rest /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

/// Gives the CRC-32 of IEEE 802.3 (polynomial 0xEDB88320, reflected).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_contracts::{ApiKeyId, Principal};

    use super::*;

    fn maker(permissions: &[Permission]) -> Caller {
        Caller {
            organization: OrganizationId::from_bytes([1; 16]),
            principal: Principal::ApiKey(ApiKeyId::from_bytes([2; 16])),
            permissions: permissions.iter().copied().collect(),
        }
    }

    fn key(permissions: &[Permission]) -> NewApiKey {
        NewApiKey { name: ApiKeyName::try_from("import".to_owned()).unwrap(), permissions: permissions.iter().copied().collect() }
    }

    /// The check value of CRC-32/ISO-HDLC in the catalogue of CRC algorithms.
    #[test]
    fn the_checksum_is_the_usual_crc() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(checksum("123456789").len(), 6);
    }

    #[test]
    fn a_secret_text_has_a_prefix_256_random_bits_and_a_checksum() {
        let issued = IssuedApiKey::issue(OrganizationId::from_bytes([1; 16]), key(&[]), Timestamp::UNIX_EPOCH, &IdSource::seeded(1));

        let text = issued.secret.expose();
        let (body, sum) = text.split_at(47);
        assert_eq!(text.len(), 53);
        assert_eq!(URL_SAFE_NO_PAD.decode(body.strip_prefix("car_").unwrap()).unwrap().len(), 32);
        assert_eq!(sum, checksum(body));
        assert_eq!(issued.credential.hint, text[..12]);
    }

    #[test]
    fn the_stored_key_does_not_hold_the_secret() {
        let issued = IssuedApiKey::issue(OrganizationId::from_bytes([1; 16]), key(&[]), Timestamp::UNIX_EPOCH, &IdSource::seeded(1));

        let stored = serde_json::to_string(&issued.credential).unwrap();

        assert!(!stored.contains(&issued.secret.expose()[12..]));
        assert!(!format!("{issued:?}").contains(&issued.secret.expose()[12..]));
    }

    #[test]
    fn a_key_gets_no_permission_that_its_maker_lacks() {
        let refused = key(&[Permission::ContactsRead, Permission::CampaignsSend]).granted_by(&maker(&[Permission::ContactsRead]));

        assert!(matches!(refused, Err(IdentityError::PermissionsNotHeld(list)) if list == [Permission::CampaignsSend]));
        assert!(key(&[Permission::ContactsRead]).granted_by(&maker(&[Permission::ContactsRead])).is_ok());
    }

    #[test]
    fn the_operators_permission_is_never_given_on() {
        assert!(key(&[Permission::PlatformOperate]).granted_by(&maker(Permission::ALL)).is_err());
    }
}
