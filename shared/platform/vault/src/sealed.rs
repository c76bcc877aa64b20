//! A sealed secret: one text that holds all that is needed to open it, but the key.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carillon_dynamo::{Key, Write, text};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::scope::Owner;

/// Over how many partitions of the index the sealed things of one key spread.
pub const SHARDS: u8 = 8;

const FORM: &str = "v1";

/// A secret under seal; it stands in an item as one text, `v1.{key}.{owner}.{wrapped data key}.{box}`.
///
/// The item's member is named `sealed`, and the item is [listed](SealedSecret::list), so that a rotation of keys finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// The key that wrapped the data key.
    pub(crate) key: String,
    /// Whom the data key was made for.
    pub(crate) owner: Owner,
    /// The data key, wrapped.
    pub(crate) wrapped: Vec<u8>,
    /// The nonce, the encrypted secret, the tag.
    pub(crate) sealed: Vec<u8>,
}

impl SealedSecret {
    /// Lists the item that holds this secret: adds the key of the index by which a rotation finds it.
    #[must_use]
    pub fn list(&self, write: Write, item: &Key) -> Write {
        write.with("gsi1pk", text(self.partition())).with("gsi1sk", text(format!("{}#{}", item.pk, item.sk)))
    }

    /// The partition of the index that lists the secret.
    pub(crate) fn partition(&self) -> String {
        partition(&self.key, self.owner.shard(SHARDS))
    }
}

/// The partition of the index that lists what one key wrapped.
pub(crate) fn partition(key: &str, shard: u8) -> String {
    format!("SEALED#{key}#{shard}")
}

impl fmt::Display for SealedSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (wrapped, sealed) = (URL_SAFE_NO_PAD.encode(&self.wrapped), URL_SAFE_NO_PAD.encode(&self.sealed));
        write!(formatter, "{FORM}.{}.{}.{wrapped}.{sealed}", self.key, self.owner)
    }
}

impl FromStr for SealedSecret {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = "not a sealed secret";
        let parts: Vec<&str> = text.split('.').collect();
        let [FORM, key, owner, wrapped, sealed] = parts.as_slice() else { return Err(malformed) };
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed);
        Ok(Self { key: (*key).to_owned(), owner: owner.parse()?, wrapped: bytes(wrapped)?, sealed: bytes(sealed)? })
    }
}

impl Serialize for SealedSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SealedSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_contracts::UserId;

    use super::*;

    #[test]
    fn a_sealed_secret_reads_back_from_its_text() {
        let owner = UserId::from_bytes([7; 16]).into();
        let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab".to_owned();
        let sealed = SealedSecret { key, owner, wrapped: vec![1, 2, 3], sealed: vec![4; 40] };

        let json = serde_json::to_string(&sealed).unwrap();

        assert_eq!(serde_json::from_str::<SealedSecret>(&json).unwrap(), sealed);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "v1", "v1.k.o.AA.AA", "v2.k.usr_00000000000000000000000000.AA.AA", "v1.k.usr_00000000000000000000000000.=.AA"] {
            assert!(text.parse::<SealedSecret>().is_err(), "{text}");
        }
    }
}
