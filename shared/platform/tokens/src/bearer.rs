//! Texts with a secret that callers send: API keys (`car_…`) and refresh tokens (`crt_…`).
//!
//! A text has four letters, 22 characters of the id's bytes, 43 of a secret with 256 random bits (both base 64 URL), and 6 of a checksum. The
//! letters and the checksum let a scanner for leaked secrets tell such a text from others without asking anybody, and let us
//! refuse a mistyped one without a look into the table. Stored is a keyed hash of the whole text.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carillon_contracts::id::{ApiKeyKind, SessionKind};
use carillon_kernel::{Id, IdKind, IdSource, KeyedHash, Secret};

const BASE_62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_CHARACTERS: usize = 22;
const SECRET_CHARACTERS: usize = 43;
const CHECKSUM_CHARACTERS: usize = 6;
/// How many characters of a text are kept to recognise it by: none of them is of the secret.
const HINT_CHARACTERS: usize = 12;

/// A kind of text with a secret.
pub trait BearerKind: IdKind {
    /// The four letters that it starts with.
    const LETTERS: &'static str;
}

impl BearerKind for ApiKeyKind {
    const LETTERS: &'static str = "car_";
}

impl BearerKind for SessionKind {
    const LETTERS: &'static str = "crt_";
}

/// The text of an API key: it names the key.
pub type ApiKeyText = Bearer<ApiKeyKind>;
/// The text of a refresh token: it names the session.
pub type RefreshText = Bearer<SessionKind>;

/// A text with a secret, and the id that it names.
#[derive(Debug)]
pub struct Bearer<K: BearerKind> {
    /// What the text names.
    pub id: Id<K>,
    text: Secret,
}

impl<K: BearerKind> Bearer<K> {
    /// Makes a text with a new secret.
    #[must_use]
    pub fn draw(id: Id<K>, ids: &IdSource) -> Self {
        Self::of(id, ids.bytes())
    }

    /// Makes a text with a secret of 256 bits that nobody can guess.
    #[must_use]
    pub fn of(id: Id<K>, secret: [u8; 32]) -> Self {
        let body = format!("{}{}{}", K::LETTERS, URL_SAFE_NO_PAD.encode(id.to_bytes()), URL_SAFE_NO_PAD.encode(secret));
        let checksum = checksum(&body);
        Self { id, text: Secret::new(body + &checksum) }
    }

    /// Tells whether a text claims to be of this kind.
    #[must_use]
    pub fn looks_like(text: &str) -> bool {
        text.starts_with(K::LETTERS)
    }

    /// Reads a text; none when it cannot be one that was ever made.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(K::LETTERS)?;
        let (id, rest) = rest.split_at_checked(ID_CHARACTERS)?;
        let (secret, sum) = rest.split_at_checked(SECRET_CHARACTERS)?;
        let id: [u8; 16] = URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()?;
        let secret = URL_SAFE_NO_PAD.decode(secret).ok()?;
        let body = text.get(..text.len().checked_sub(CHECKSUM_CHARACTERS)?)?;
        let sound = secret.len() == 32 && sum.len() == CHECKSUM_CHARACTERS && sum == checksum(body);
        sound.then(|| Self { id: Id::from_bytes(id), text: Secret::new(text) })
    }

    /// The secret's bytes.
    #[must_use]
    pub fn secret_bytes(&self) -> [u8; 32] {
        let place = K::LETTERS.len() + ID_CHARACTERS;
        let secret = self.text.expose().get(place..place + SECRET_CHARACTERS).unwrap_or_default();
        URL_SAFE_NO_PAD.decode(secret).ok().and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
    }

    /// The whole text, to be given to the caller once.
    #[must_use]
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// The first characters, to recognise it by.
    #[must_use]
    pub fn hint(&self) -> String {
        self.text.expose().chars().take(HINT_CHARACTERS).collect()
    }

    /// The hash to be stored.
    #[must_use]
    pub fn hash(&self, key: &KeyedHash) -> String {
        key.hash(K::LETTERS, &self.text)
    }

    /// Tells, in constant time, whether this is the text whose hash was stored.
    #[must_use]
    pub fn is(&self, key: &KeyedHash, stored: &str) -> bool {
        key.matches(K::LETTERS, &self.text, stored)
    }
}

/// Gives the CRC-32 of a text as six digits in base 62.
fn checksum(text: &str) -> String {
    let mut rest = crc32(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM_CHARACTERS];
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
    use carillon_contracts::ApiKeyId;
    use proptest::prelude::*;

    use super::*;

    fn draw(seed: u64) -> ApiKeyText {
        ApiKeyText::draw(ApiKeyId::from_bytes([7; 16]), &IdSource::seeded(seed))
    }

    /// The check value of CRC-32/ISO-HDLC in the catalogue of CRC algorithms.
    #[test]
    fn the_checksum_is_the_usual_crc() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_text_has_letters_an_id_a_secret_and_a_checksum() {
        let key = draw(1);

        let text = key.text().expose();
        assert!(text.starts_with("car_"));
        assert_eq!(text.len(), 4 + 22 + 43 + 6);
        assert_eq!(key.hint(), text[..12]);
        assert!(!format!("{key:?}").contains(&text[26..]));
    }

    #[test]
    fn a_text_of_one_kind_is_none_of_the_other() {
        assert!(RefreshText::parse(draw(1).text().expose()).is_none());
        assert!(RefreshText::parse(&draw(1).text().expose().replace("car_", "crt_")).is_none(), "the checksum covers the letters");
    }

    #[test]
    fn a_stored_hash_is_that_of_one_text_under_one_key() {
        let (key, other) = (KeyedHash::new(&Secret::new("one")), KeyedHash::new(&Secret::new("other")));

        let stored = draw(1).hash(&key);

        assert!(draw(1).is(&key, &stored));
        assert!(!draw(2).is(&key, &stored));
        assert!(!draw(1).is(&other, &stored));
        assert!(!draw(1).is(&key, ""));
        assert!(!stored.contains(&draw(1).text().expose()[26..]));
    }

    proptest! {
        #[test]
        fn what_was_drawn_is_read_back(id: [u8; 16], seed: u64) {
            let made = ApiKeyText::draw(ApiKeyId::from_bytes(id), &IdSource::seeded(seed));

            let read = ApiKeyText::parse(made.text().expose()).unwrap();

            prop_assert_eq!((read.id, read.text()), (made.id, made.text()));
        }

        #[test]
        fn a_text_with_one_changed_character_is_refused(seed: u64, place in 0_usize..75, letter in "[0-9A-Za-z_-]") {
            let text = draw(seed).text().expose().to_owned();
            let mut changed = text.clone();
            changed.replace_range(place..=place, &letter);

            prop_assert_eq!(ApiKeyText::parse(&changed).is_some(), changed == text);
        }

        #[test]
        fn no_text_breaks_the_reader(text in "(car_)?.{0,100}") {
            prop_assert!(ApiKeyText::parse(&text).is_none());
        }
    }
}
