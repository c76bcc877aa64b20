//! Typed, prefixed, time-ordered ids: `con_01jd…`.
//!
//! An id is a UUID v7 (RFC 9562) written as a prefix, an underscore and 26 characters of lower-case Crockford base 32.
//! The text sorts as the bytes do, so that ids made later sort later, in every table key.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 26;

/// What an [`Id`] identifies, with the prefix that its text carries.
pub trait IdKind: 'static {
    /// The letters before the underscore, for example `con`.
    const PREFIX: &'static str;
}

/// A typed id: 16 bytes in memory, prefix and base 32 in every text.
pub struct Id<K> {
    bytes: [u8; 16],
    kind: PhantomData<fn() -> K>,
}

/// Says why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not an id of the form {prefix}_ followed by 26 characters")]
pub struct ParseIdError {
    prefix: &'static str,
}

impl<K: IdKind> Id<K> {
    /// Makes the id of a UUID.
    #[must_use]
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self::from_bytes(uuid.into_bytes())
    }

    /// Makes the id of 16 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self { bytes, kind: PhantomData }
    }

    /// Gives the 16 bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.bytes
    }

    /// Gives the number of the shard, out of `shards` (a power of two up to 256), that this id belongs to for ever.
    ///
    /// It is taken from the random tail, so that ids made in one second spread over all shards.
    #[must_use]
    pub fn shard(self, shards: u8) -> u8 {
        let [.., last] = self.bytes;
        last % shards.max(1)
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Id<K> {}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl<K> Eq for Id<K> {}

impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes.cmp(&other.bytes)
    }
}

impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl<K: IdKind> fmt::Display for Id<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = u128::from_be_bytes(self.bytes);
        write!(formatter, "{}_", K::PREFIX)?;
        for place in (0..LENGTH).rev() {
            let digit = usize::try_from((value >> (5 * place)) & 31).unwrap_or_default();
            let letter = ALPHABET.get(digit).copied().unwrap_or(b'0');
            fmt::Write::write_char(formatter, char::from(letter))?;
        }
        Ok(())
    }
}

impl<K: IdKind> fmt::Debug for Id<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl<K: IdKind> FromStr for Id<K> {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = ParseIdError { prefix: K::PREFIX };
        let digits = text.strip_prefix(K::PREFIX).and_then(|rest| rest.strip_prefix('_')).ok_or(refused.clone())?;
        if digits.len() != LENGTH || digits.as_bytes().first().is_some_and(|first| *first > b'7') {
            return Err(refused);
        }
        let mut value = 0_u128;
        for letter in digits.bytes() {
            let digit = ALPHABET.iter().position(|known| *known == letter).ok_or(refused.clone())?;
            value = (value << 5) | u128::try_from(digit).unwrap_or_default();
        }
        Ok(Self::from_bytes(value.to_be_bytes()))
    }
}

impl<K: IdKind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: IdKind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Thing;
    impl IdKind for Thing {
        const PREFIX: &'static str = "thg";
    }

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = Id::<Thing>::from_bytes([1, 146, 3, 4, 5, 118, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255]);

        let text = id.to_string();

        assert_eq!(text.len(), 30);
        assert_eq!(text.parse::<Id<Thing>>().unwrap(), id);
    }

    #[test]
    fn the_largest_id_reads_back_and_a_larger_text_is_refused() {
        let id = Id::<Thing>::from_bytes([255; 16]);

        assert_eq!(id.to_string(), "thg_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        assert_eq!(id.to_string().parse::<Id<Thing>>().unwrap(), id);
        assert!("thg_8zzzzzzzzzzzzzzzzzzzzzzzzz".parse::<Id<Thing>>().is_err());
    }

    #[test]
    fn texts_sort_as_the_bytes_do() {
        let early = Id::<Thing>::from_bytes([0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
        let late = Id::<Thing>::from_bytes([0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

        assert!(early < late);
        assert!(early.to_string() < late.to_string());
    }

    #[test]
    fn foreign_prefixes_wrong_lengths_and_odd_letters_are_refused() {
        for text in
            ["con_00000000000000000000000000", "thg_0", "thg_0000000000000000000000000u", "", "thg_", "thg-00000000000000000000000000"]
        {
            assert!(text.parse::<Id<Thing>>().is_err(), "{text}");
        }
    }
}
