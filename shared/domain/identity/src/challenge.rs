//! A challenge: something that a person must still prove, once and soon. Its text is in a mail's link, or in the answer to a login.
//!
//! The text is `{challenge}.{HMAC}`: the item is what makes it single use and ends it, the signature is what makes it unguessable; so
//! nothing secret is stored or queued. The code of a mail is derived from both by the same key.

use carillon_contracts::{ChallengeId, OrganizationId, UserId};
use carillon_kernel::{Secret, Signer};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How many digits the code of a mail has.
const CODE_DIGITS: usize = 8;

/// What a challenge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengePurpose {
    /// An address is the user's.
    VerifyEmail,
    /// Who sets a new password reads the user's mail.
    ResetPassword,
    /// Who knows the password also has the second factor.
    SecondFactor,
    /// Who logs in from an unusual place also reads the user's mail.
    ConfirmLogin,
}

/// A challenge as stored; whoever met it deletes it in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// The id.
    pub id: ChallengeId,
    /// What it is for.
    pub purpose: ChallengePurpose,
    /// Whose it is.
    pub user: UserId,
    /// The organization that a login asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationId>,
    /// The first factor of a login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<carillon_contracts::AuthenticationMethod>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl ChallengePurpose {
    /// How long somebody has.
    #[must_use]
    pub const fn lives(self) -> SignedDuration {
        match self {
            Self::VerifyEmail => SignedDuration::from_hours(24),
            Self::ResetPassword => SignedDuration::from_mins(30),
            Self::SecondFactor => SignedDuration::from_mins(5),
            // The longest that OWASP ASVS 5.0, 6.5.5, lets a code that went another way live.
            Self::ConfirmLogin => SignedDuration::from_mins(10),
        }
    }

    /// What the signature is bound to.
    const fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "challenge:verify_email",
            Self::ResetPassword => "challenge:reset_password",
            Self::SecondFactor => "challenge:second_factor",
            Self::ConfirmLogin => "challenge:confirm_login",
        }
    }
}

impl Challenge {
    /// Makes a challenge of a user.
    #[must_use]
    pub fn new(id: ChallengeId, purpose: ChallengePurpose, user: UserId, moment: Timestamp) -> Self {
        let expires_at = moment + purpose.lives();
        Self { id, purpose, user, organization: None, method: None, created_at: moment, expires_at }
    }

    /// Tells whether it can still be met.
    #[must_use]
    pub fn is_open(&self, moment: Timestamp) -> bool {
        moment < self.expires_at
    }
}

/// Writes the text of a challenge.
#[must_use]
pub fn text(signer: &Signer, purpose: ChallengePurpose, id: ChallengeId) -> Secret {
    Secret::new(format!("{id}.{}", signer.sign(purpose.name(), &id.to_string())))
}

/// Reads the text of a challenge; none when it was not made by us for this purpose.
#[must_use]
pub fn read(signer: &Signer, purpose: ChallengePurpose, text: &str) -> Option<ChallengeId> {
    let (id, signature) = text.split_once('.')?;
    let is_ours = signer.verify(purpose.name(), id, signature);
    id.parse().ok().filter(|_| is_ours)
}

/// Gives the code that a mail shows for a challenge.
#[must_use]
pub fn code(signer: &Signer, id: ChallengeId) -> Secret {
    let signature = signer.sign("challenge:code", &id.to_string());
    let number = signature.bytes().fold(0_u64, |number, byte| number.wrapping_mul(1_099_511_628_211) ^ u64::from(byte));
    Secret::new(format!("{:0width$}", number % 10_u64.pow(8), width = CODE_DIGITS))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn signer() -> Signer {
        Signer::new(&Secret::new("key"))
    }

    fn id(byte: u8) -> ChallengeId {
        ChallengeId::from_bytes([byte; 16])
    }

    #[test]
    fn a_text_reads_back_for_its_purpose_only() {
        let text = text(&signer(), ChallengePurpose::VerifyEmail, id(1));

        assert_eq!(read(&signer(), ChallengePurpose::VerifyEmail, text.expose()), Some(id(1)));
        assert_eq!(read(&signer(), ChallengePurpose::ResetPassword, text.expose()), None);
        assert_eq!(read(&Signer::new(&Secret::new("other")), ChallengePurpose::VerifyEmail, text.expose()), None);
    }

    proptest! {
        #[test]
        fn a_text_with_one_changed_character_is_none_of_ours(bytes: [u8; 16], place in 0_usize..200, letter in "[0-9A-Za-z_.-]") {
            let id = ChallengeId::from_bytes(bytes);
            let text = text(&signer(), ChallengePurpose::ResetPassword, id).expose().to_owned();
            let place = place % text.len();
            let mut changed = text.clone();
            changed.replace_range(place..=place, &letter);
            prop_assume!(changed != text);

            prop_assert_eq!(read(&signer(), ChallengePurpose::ResetPassword, &text), Some(id));
            prop_assert_eq!(read(&signer(), ChallengePurpose::ResetPassword, &changed), None);
        }
    }

    #[test]
    fn a_changed_text_is_none_of_ours() {
        let text = text(&signer(), ChallengePurpose::VerifyEmail, id(1));

        for changed in ["", ".", "chl_", &text.expose().replace('1', "2"), &format!("{}x", text.expose()), &id(1).to_string()] {
            assert_eq!(read(&signer(), ChallengePurpose::VerifyEmail, changed), None, "{changed}");
        }
    }

    #[test]
    fn a_code_has_eight_digits_and_differs_by_challenge() {
        let codes: std::collections::BTreeSet<String> = (0..50).map(|byte| code(&signer(), id(byte)).expose().to_owned()).collect();

        assert!(codes.len() > 48);
        assert!(codes.iter().all(|code| code.len() == CODE_DIGITS && code.bytes().all(|digit| digit.is_ascii_digit())));
    }

    #[test]
    fn a_challenge_ends() {
        let start = Timestamp::from_second(1_700_000_000).unwrap();
        let challenge = Challenge::new(id(1), ChallengePurpose::SecondFactor, UserId::from_bytes([2; 16]), start);

        assert!(challenge.is_open(start + SignedDuration::from_secs(299)));
        assert!(!challenge.is_open(start + SignedDuration::from_secs(300)));
    }
}
