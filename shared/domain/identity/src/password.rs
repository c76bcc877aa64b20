//! Passwords: what may be one, and how it is kept.
//!
//! Rules: OWASP ASVS 5.0, 6.2: length counts, nothing else is demanded of the characters; what is common, guessable, or made of the
//! address or the organization is refused. A password is taken exactly as it was typed.

use std::fmt;
use std::str::FromStr as _;

use argon2::{Algorithm, Argon2, Params, PasswordHash as Phc, PasswordVerifier as _, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use carillon_kernel::{IdSource, Meter, Problem, Setup, SetupError};
use serde::{Deserialize, Serialize};
use zxcvbn::{Score, zxcvbn};

use crate::account_error::AccountError;

/// The fewest and the most characters of a password.
const CHARACTERS: std::ops::RangeInclusive<usize> = 10..=128;
/// What the service itself is called is no secret.
const OWN_WORDS: [&str; 1] = ["carillon"];

/// A password as it was typed; its `Debug` shows nothing of it.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

/// A password that may be a user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPassword(Password);

/// Why a text may not be a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordRefusal {
    /// It is too short or too long.
    Length,
    /// It is common, easy to guess, or made of the user's own data.
    Guessable,
}

/// A password as it is stored: Argon2id (RFC 9106) in the PHC string format, with its salt and cost.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

/// What comparing a password brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is another one.
    Wrong,
    /// It is the one.
    Right,
    /// It is the one, and its hash has an older cost than new ones get.
    RightButOutdated,
}

/// Hashes passwords at the cost that the setting `PASSWORD_HASH_COST` names, as `m=19456,t=2,p=1` (KiB, passes, lanes).
#[derive(Debug, Clone)]
pub struct Hasher {
    params: Params,
    meter: Meter,
}

impl Password {
    /// Takes a text as a password.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Tells whether nothing was typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether it is longer than any password, so that nobody makes us hash a novel.
    fn is_too_long(&self) -> bool {
        self.0.chars().count() > *CHARACTERS.end()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(…)")
    }
}

impl NewPassword {
    /// Checks a password; `words` are the user's address, names and organizations, of which it must not be made.
    ///
    /// # Errors
    /// [`PasswordRefusal`] when it may not be one.
    pub fn parse(password: &Password, words: &[&str]) -> Result<Self, PasswordRefusal> {
        if !CHARACTERS.contains(&password.0.chars().count()) {
            return Err(PasswordRefusal::Length);
        }
        let names: Vec<&str> = words.iter().flat_map(|word| [*word, word.split('@').next().unwrap_or_default()]).collect();
        // "Ada Lovelace" is also "adalovelace".
        let joined: Vec<String> = names.iter().map(|name| name.chars().filter(|letter| letter.is_alphanumeric()).collect()).collect();
        let parts = words.iter().flat_map(|word| word.split(|letter: char| !letter.is_alphanumeric())).filter(|part| part.len() > 2);
        let known: Vec<&str> =
            OWN_WORDS.into_iter().chain(parts).chain(names.iter().copied()).chain(joined.iter().map(String::as_str)).collect();
        // Three of four: at least a hundred million guesses of somebody who knows these words and what is common.
        if zxcvbn(&password.0, &known).score() < Score::Three {
            return Err(PasswordRefusal::Guessable);
        }
        Ok(Self(password.clone()))
    }
}

impl PasswordRefusal {
    /// Tells it as the problem of a request.
    #[must_use]
    pub fn problem(self, pointer: &str) -> Problem {
        match self {
            Self::Length => Problem::new(pointer, "accounts.password_length", "a password has 10 to 128 characters, any of them"),
            Self::Guessable => Problem::new(
                pointer,
                "accounts.password_guessable",
                "the password is common, easy to guess, or made of your own data: take several words that have nothing to do with each other",
            ),
        }
    }
}

impl PasswordHash {
    /// Takes any text for a hash, in tests.
    #[cfg(test)]
    pub(crate) fn for_tests(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordHash(…)")
    }
}

impl Hasher {
    /// Opens the hasher; needs the setting `PASSWORD_HASH_COST`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing or no cost.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        const NAME: &str = "PASSWORD_HASH_COST";
        let unreadable = |_| SetupError::Unreadable { name: NAME.to_owned(), wanted: "a cost such as m=19456,t=2,p=1" };
        Ok(Self { params: Params::from_str(&setup.text(NAME)?).map_err(unreadable)?, meter: setup.meter() })
    }

    /// Hashes a password with a salt of 128 random bits.
    ///
    /// # Errors
    /// [`AccountError::Unhashed`] when there is no memory for it.
    pub fn hash(&self, password: &NewPassword, ids: &IdSource) -> Result<PasswordHash, AccountError> {
        self.keep(&password.0, ids)
    }

    /// Hashes a password that is a user's already, to bring its cost up to date.
    pub(crate) fn keep(&self, password: &Password, ids: &IdSource) -> Result<PasswordHash, AccountError> {
        let salt = ids.bytes::<16>();
        Ok(PasswordHash(self.phc(&salt, &self.derive(password.0.as_bytes(), &salt)?)))
    }

    /// Compares a password with a hash. Where there is none the work is the same, and the verdict [`Verdict::Wrong`].
    #[must_use]
    pub fn verify(&self, password: &Password, hash: Option<&PasswordHash>) -> Verdict {
        let stands_in = PasswordHash(self.phc(&[0; 16], &[0; 32]));
        let Ok(parsed) = Phc::new(&hash.unwrap_or(&stands_in).0) else { return Verdict::Wrong };
        self.meter.request("password.Hash");
        let typed = if password.is_too_long() { &[][..] } else { password.0.as_bytes() };
        let is_right = self.argon2().verify_password(typed, &parsed).is_ok();
        match (is_right && hash.is_some(), Params::try_from(&parsed)) {
            (false, _) => Verdict::Wrong,
            (true, Ok(params)) if self.is_current(&params) => Verdict::Right,
            (true, _) => Verdict::RightButOutdated,
        }
    }

    /// Gives the same hasher at a cost that was written down.
    pub(crate) fn at(&self, cost: &str) -> Self {
        Self { params: Params::from_str(cost).unwrap_or_else(|_| self.params.clone()), meter: self.meter.clone() }
    }

    /// Writes the cost down.
    pub(crate) fn cost(&self) -> String {
        format!("m={},t={},p={}", self.params.m_cost(), self.params.t_cost(), self.params.p_cost())
    }

    /// Derives 256 bits of a secret at the cost of a password.
    pub(crate) fn derive(&self, secret: &[u8], salt: &[u8; 16]) -> Result<[u8; 32], AccountError> {
        self.meter.request("password.Hash");
        let mut derived = [0; 32];
        self.argon2().hash_password_into(secret, salt, &mut derived).map_err(|_| AccountError::Unhashed)?;
        Ok(derived)
    }

    /// A hasher that protects nothing, for tests.
    #[cfg(test)]
    pub(crate) fn cheap() -> Self {
        Self { params: Params::new(8, 1, 1, None).unwrap_or_default(), meter: Meter::default() }
    }

    fn is_current(&self, params: &Params) -> bool {
        let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        cost(params) == cost(&self.params)
    }

    fn argon2(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }

    fn phc(&self, salt: &[u8; 16], hash: &[u8; 32]) -> String {
        format!("$argon2id$v=19${}${}${}", self.cost(), STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn hasher(cost: &str) -> Hasher {
        Hasher { params: Params::from_str(cost).unwrap(), meter: Meter::default() }
    }

    fn new(text: &str) -> NewPassword {
        NewPassword::parse(&Password::new(text), &[]).unwrap()
    }

    fn refusal(text: &str, words: &[&str]) -> Option<PasswordRefusal> {
        NewPassword::parse(&Password::new(text), words).err()
    }

    /// RFC 9106 section 5.3 gives its vector with a secret and associated data, which passwords do not have; this one is of the
    /// reference implementation (phc-winner-argon2, `src/test.c`: argon2id, t=2, m=16, p=1, "password", "somesalt").
    #[test]
    fn the_hash_is_argon2id() {
        let phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

        let verdict = hasher("m=8,t=1,p=1").verify(&Password::new("password"), Some(&PasswordHash(phc.to_owned())));

        assert_eq!(verdict, Verdict::RightButOutdated);
    }

    #[test]
    fn a_password_is_recognised_and_another_is_not() {
        let hasher = hasher("m=8,t=1,p=1");
        let hash = hasher.hash(&new("seven bells at midnight"), &IdSource::seeded(1)).unwrap();

        assert_eq!(hasher.verify(&Password::new("seven bells at midnight"), Some(&hash)), Verdict::Right);
        assert_eq!(hasher.verify(&Password::new("seven bells at midnighT"), Some(&hash)), Verdict::Wrong);
        assert_eq!(hasher.verify(&Password::new("seven bells at midnight"), None), Verdict::Wrong);
    }

    #[test]
    fn as_much_is_hashed_for_nobody_as_for_somebody() {
        let hasher = hasher("m=8,t=1,p=1");
        let hash = hasher.hash(&new("seven bells at midnight"), &IdSource::seeded(1)).unwrap();
        let hashed = |password: &str, hash: Option<&PasswordHash>| {
            let before = hasher.meter.snapshot()["password.Hash"].requests;
            let _ = hasher.verify(&Password::new(password), hash);
            hasher.meter.snapshot()["password.Hash"].requests - before
        };

        assert_eq!([hashed("wrong", Some(&hash)), hashed("wrong", None), hashed(&"long".repeat(100), None), hashed("", None)], [1; 4]);
    }

    #[test]
    fn a_hash_of_another_cost_is_told_to_be_outdated() {
        let hash = hasher("m=8,t=1,p=1").hash(&new("seven bells at midnight"), &IdSource::seeded(1)).unwrap();

        let verdict = hasher("m=16,t=1,p=1").verify(&Password::new("seven bells at midnight"), Some(&hash));

        assert_eq!(verdict, Verdict::RightButOutdated);
    }

    #[test]
    fn two_hashes_of_one_password_differ() {
        let (hasher, ids) = (hasher("m=8,t=1,p=1"), IdSource::seeded(1));

        let hash = || hasher.hash(&new("seven bells at midnight"), &ids).unwrap();

        assert_ne!(hash(), hash());
    }

    #[test]
    fn length_is_all_that_is_demanded_of_the_characters() {
        assert_eq!(refusal("ninechar.", &[]), Some(PasswordRefusal::Length));
        assert_eq!(refusal(&"x7q".repeat(43), &[]), Some(PasswordRefusal::Length));
        assert_eq!(refusal("brazen fugue lantern", &[]), None);
        assert_eq!(refusal("鐘の音が響く夜の町へ行く", &[]), None);
    }

    #[test]
    fn what_is_common_or_easy_to_guess_is_refused() {
        for common in
            ["password123", "1234567890", "qwertyuiop", "aaaaaaaaaaaa", "iloveyou12", "P@ssw0rd2024", "abcdefghijkl", "carillon2024"]
        {
            assert_eq!(refusal(common, &[]), Some(PasswordRefusal::Guessable), "{common}");
        }
    }

    #[test]
    fn what_is_made_of_the_own_address_or_organization_is_refused() {
        let words = ["grace.hopper@cobolworks.example", "Cobolworks International", "Ada Lovelace"];
        for own in ["grace.hopper@cobolworks.example", "gracehopper1", "CobolWorks1", "cobolworksinternational", "adalovelace1"] {
            assert_eq!(refusal(own, &words), Some(PasswordRefusal::Guessable), "{own}");
        }
    }

    #[test]
    fn a_cost_that_cannot_be_read_keeps_the_function_from_starting() {
        let setup = |cost: &str| {
            let settings = [("PASSWORD_HASH_COST".to_owned(), cost.to_owned())].into();
            Setup::new(carillon_kernel::Clock::system(), IdSource::seeded(1)).with_settings(settings)
        };

        assert!(Hasher::from_setup(&setup("m=19456,t=2,p=1")).is_ok());
        assert!(Hasher::from_setup(&setup("cheap")).is_err());
        assert!(Hasher::from_setup(&setup("")).is_err());
    }
}
