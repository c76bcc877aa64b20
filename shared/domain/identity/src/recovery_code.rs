//! Recovery codes: what a person keeps on paper for the day that the device with the second factor is lost.
//!
//! A code has 50 random bits, too few for a plain hash (OWASP ASVS 5.0, 6.5.2), so it is stored as a password is, by Argon2id.
//! The codes of a set share their salt, which costs one hash a try and not ten.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use carillon_kernel::secret::equal_in_constant_time;
use carillon_kernel::{IdSource, Secret};
use serde::{Deserialize, Serialize};

use crate::account_error::AccountError;
use crate::password::Hasher;

/// How many codes a set has.
pub const CODES: usize = 10;
/// How many characters a code has, in two groups.
const CHARACTERS: usize = 10;
/// Crockford's base 32: no letter that is taken for another.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The codes of a user that were not used yet, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryCodes {
    /// The cost of the hashes: codes outlive a change of it.
    cost: String,
    salt: String,
    hashes: Vec<String>,
    /// Counts the changes of the set, from 1.
    pub version: u64,
}

impl RecoveryCodes {
    /// Draws a set; the texts are shown once.
    ///
    /// # Errors
    /// [`AccountError::Unhashed`] when there is no memory for hashing.
    pub fn draw(hasher: &Hasher, ids: &IdSource) -> Result<(Self, Vec<Secret>), AccountError> {
        let salt = ids.bytes::<16>();
        let texts: Vec<String> = (0..CODES).map(|_| text(&ids.bytes())).collect();
        let hashes = texts.iter().map(|text| hash(hasher, text, &salt)).collect::<Result<_, _>>()?;
        let shown = texts.iter().map(|text| Secret::new(grouped(text))).collect();
        Ok((Self { cost: hasher.cost(), salt: STANDARD_NO_PAD.encode(salt), hashes, version: 1 }, shown))
    }

    /// Uses a code: gives the set without it, or nothing where it is none of the set. The case and the hyphen do not matter.
    ///
    /// # Errors
    /// [`AccountError::Unhashed`] when there is no memory for hashing.
    pub fn without(&self, hasher: &Hasher, typed: &str) -> Result<Option<Self>, AccountError> {
        let typed: String = typed.chars().filter(char::is_ascii_alphanumeric).take(CHARACTERS + 1).collect::<String>().to_ascii_lowercase();
        let salt = STANDARD_NO_PAD.decode(&self.salt).ok().and_then(|salt| salt.try_into().ok()).unwrap_or_default();
        let typed = hash(&hasher.at(&self.cost), &typed, &salt)?;
        let left: Vec<String> =
            self.hashes.iter().filter(|hash| !equal_in_constant_time(hash.as_bytes(), typed.as_bytes())).cloned().collect();
        let used = left.len() < self.hashes.len();
        Ok(used.then(|| Self { hashes: left, version: self.version + 1, ..self.clone() }))
    }

    /// How many codes are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.hashes.len()
    }
}

/// Writes ten characters of random bytes, five bits of each byte.
fn text(random: &[u8; CHARACTERS]) -> String {
    random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32))).copied().map(char::from).collect()
}

fn grouped(text: &str) -> String {
    let (first, second) = text.split_at_checked(CHARACTERS / 2).unwrap_or((text, ""));
    format!("{first}-{second}")
}

fn hash(hasher: &Hasher, text: &str, salt: &[u8; 16]) -> Result<String, AccountError> {
    Ok(STANDARD_NO_PAD.encode(hasher.derive(text.as_bytes(), salt)?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn drawn() -> (Hasher, RecoveryCodes, Vec<Secret>) {
        let hasher = Hasher::cheap();
        let (codes, texts) = RecoveryCodes::draw(&hasher, &IdSource::seeded(1)).unwrap();
        (hasher, codes, texts)
    }

    #[test]
    fn a_code_is_used_once() {
        let (hasher, codes, texts) = drawn();

        let left = codes.without(&hasher, texts[3].expose()).unwrap().unwrap();

        assert_eq!((codes.left(), left.left()), (10, 9));
        assert_eq!(left.without(&hasher, texts[3].expose()).unwrap(), None);
        assert!(left.without(&hasher, texts[4].expose()).unwrap().is_some());
    }

    #[test]
    fn codes_outlive_a_change_of_the_cost() {
        let (hasher, codes, texts) = drawn();

        let dearer = hasher.at("m=16,t=2,p=1");

        assert!(codes.without(&dearer, texts[0].expose()).unwrap().is_some());
    }

    #[test]
    fn case_and_hyphen_do_not_matter() {
        let (hasher, codes, texts) = drawn();

        let typed = texts[0].expose().replace('-', " ").to_uppercase();

        assert!(codes.without(&hasher, &typed).unwrap().is_some());
    }

    #[test]
    fn other_texts_are_no_codes() {
        let (hasher, codes, texts) = drawn();

        for other in ["", "-", "00000-00000", &texts[0].expose()[..10], &format!("{}0", texts[0].expose())] {
            assert_eq!(codes.without(&hasher, other).unwrap(), None, "{other}");
        }
    }

    #[test]
    fn the_stored_set_does_not_hold_the_codes() {
        let (_, codes, texts) = drawn();

        let stored = serde_json::to_string(&codes).unwrap();

        assert_eq!(texts.len(), CODES);
        for text in texts {
            assert_eq!(text.expose().len(), 11);
            assert!(!stored.contains(text.expose()) && !stored.contains(&text.expose().replace('-', "")));
        }
    }
}
