//! The second factor: a device that shares a seed with us and shows a new code every half minute (TOTP, RFC 6238).
//!
//! SHA-1, six digits, thirty seconds and a seed of 160 bits, because that is what every authenticator app takes; a code of the step before
//! or after the present one is good too, for clocks that differ (RFC 6238 section 5.2). A step is accepted once.

use carillon_contracts::UserId;
use carillon_kernel::{IdSource, Secret};
use carillon_vault::SealedSecret;
use jiff::Timestamp;
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::{Deserialize, Serialize};
use totp_rs::Builder;

use crate::user::EmailAddress;

const ISSUER: &str = "Carillon";
const SEED_BYTES: usize = 20;
const STEP_SECONDS: u64 = 30;
const BASE_32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The seed of a device; its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed([u8; SEED_BYTES]);

/// The second factor of a user as stored: enrolled, and from its first right code on confirmed.
///
/// It is changed attribute by attribute and never put anew, because a rotation of keys changes `sealed` at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactor {
    /// Whose it is.
    pub user: UserId,
    /// The seed, sealed.
    pub sealed: SealedSecret,
    /// When a code was shown for the first time; before that it is not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
    /// The latest step whose code was accepted: a code counts only if its step is later.
    #[serde(default)]
    pub last_step: u64,
    /// When it was enrolled.
    pub created_at: Timestamp,
}

impl SecondFactor {
    /// Enrols a device that has not shown a code yet.
    #[must_use]
    pub fn new(user: UserId, sealed: SealedSecret, moment: Timestamp) -> Self {
        Self { user, sealed, confirmed_at: None, last_step: 0, created_at: moment }
    }

    /// Tells whether logins ask for it.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.confirmed_at.is_some()
    }
}

impl Seed {
    /// Draws a seed.
    #[must_use]
    pub fn draw(ids: &IdSource) -> Self {
        Self(ids.bytes())
    }

    /// Takes the bytes of a seed that was sealed; none when their number is another one.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Gives the bytes, to be sealed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Gives the step whose code this is, if it is one of now.
    #[must_use]
    pub fn step_of(&self, code: &str, moment: Timestamp) -> Option<u64> {
        let code: String = code.chars().filter(|letter| !letter.is_whitespace()).take(16).collect();
        let seconds = u64::try_from(moment.as_second()).ok()?;
        self.totp().check(&code, seconds)
    }

    /// Gives the code of a moment: what a device shows.
    #[must_use]
    pub fn code_at(&self, moment: Timestamp) -> String {
        self.totp().generate(u64::try_from(moment.as_second()).unwrap_or_default()).to_string()
    }

    /// Writes the seed for people who type it, in base 32 (RFC 4648).
    #[must_use]
    pub fn text(&self) -> Secret {
        let mut text = String::with_capacity(32);
        for five in self.0.chunks(5) {
            let bits = five.iter().fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
            for place in (0..8).rev() {
                let digit = usize::try_from((bits >> (5 * place)) & 31).unwrap_or_default();
                text.extend(BASE_32.get(digit).copied().map(char::from));
            }
        }
        Secret::new(text)
    }

    /// Writes the address that authenticator apps read.
    ///
    /// Source: <https://github.com/google/google-authenticator/wiki/Key-Uri-Format>.
    #[must_use]
    pub fn uri(&self, account: &EmailAddress) -> Secret {
        let label = escaped(account.as_str());
        let seed = self.text();
        Secret::new(format!(
            "otpauth://totp/{ISSUER}:{label}?secret={}&issuer={ISSUER}&algorithm=SHA1&digits=6&period={STEP_SECONDS}",
            seed.expose()
        ))
    }

    fn totp(&self) -> totp_rs::Totp {
        Builder::new().with_secret(self.0).with_digits(6).with_skew(1).with_step_duration(STEP_SECONDS).build_noncompliant()
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Seed(…)")
    }
}

/// Draws a text as a QR code, as an SVG document; none when it is too long for one.
#[must_use]
pub fn qr_code(text: &Secret) -> Option<String> {
    let code = QrCode::with_error_correction_level(text.expose(), EcLevel::M).ok()?;
    Some(code.render::<svg::Color<'_>>().min_dimensions(240, 240).build())
}

/// Percent-encodes all but the unreserved characters (RFC 3986 section 2.3).
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
        escaped
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the seed of SHA-1, moments, and codes of eight digits, of which ours are the last six.
    const RFC_6238: [(i64, &str); 6] = [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ];

    fn seed() -> Seed {
        Seed::of_bytes(b"12345678901234567890").unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        for (second, code) in RFC_6238 {
            assert_eq!(seed().code_at(at(second)), code[2..], "at {second}");
            assert_eq!(seed().step_of(&code[2..], at(second)), Some(u64::try_from(second).unwrap() / 30), "at {second}");
        }
    }

    #[test]
    fn one_step_of_drift_is_taken_and_no_more() {
        let code = seed().code_at(at(3_000));

        let found: Vec<Option<u64>> = [2_939, 2_970, 3_000, 3_030, 3_059, 3_060].map(|second| seed().step_of(&code, at(second))).to_vec();

        assert_eq!(found, [None, Some(100), Some(100), Some(100), Some(100), None]);
    }

    #[test]
    fn what_is_no_code_is_none() {
        for other in ["", "12345", "1234567", "abcdef", "+94287", "９４２８７０"] {
            assert_eq!(seed().step_of(other, at(59)), None, "{other}");
        }
        assert!(seed().step_of(" 287 082 ", at(59)).is_some());
    }

    /// RFC 4648, section 10, has no vector of twenty bytes; this one is the seed of RFC 6238 as authenticator apps write it.
    #[test]
    fn a_seed_is_written_in_base_32() {
        assert_eq!(seed().text().expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn the_address_names_account_issuer_and_seed() {
        let account = EmailAddress::try_from("ada+x@example.com".to_owned()).unwrap();

        let uri = seed().uri(&account);

        let expected = "otpauth://totp/Carillon:ada%2Bx%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
            &issuer=Carillon&algorithm=SHA1&digits=6&period=30";
        assert_eq!(uri.expose(), expected);
        assert!(qr_code(&uri).unwrap().contains("<svg"));
        assert!(!format!("{:?}", seed()).contains('1'));
    }
}
