//! Attempts at something that is guessed at: a password, a code, an address. They are counted before they are answered, and after a
//! few of them each one makes the next wait longer, so that guessing is slow and nobody is ever shut out for good.
//!
//! A try takes its turn by one conditional write, before anything is compared: tries at the same moment cannot share a turn. A success
//! gives its turn back. The subject (an address, a client) is stored as a hash only.

use std::net::IpAddr;
use std::time::Duration;

use carillon_contracts::{OrganizationId, UserId};
use carillon_kernel::secret::sha256_hex;
use carillon_kernel::{Setup, SetupError};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};

use crate::user::EmailAddress;

/// What is attempted, and by whom or on whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Passwords of the account with this address, whether there is one or not.
    Account(EmailAddress),
    /// Codes of this user.
    SecondFactor(UserId),
    /// Mails to this address that somebody asks for without being logged in.
    Mail(EmailAddress),
    /// Mails that confirm logins of this user: asked for by who knows the password, and so not used up by anybody else.
    LoginMail(UserId),
    /// Mails by which an organization invites this address: whoever invites again and again buries nobody in mails.
    Invitation(OrganizationId, EmailAddress),
    /// Anything of the sort, from this client.
    Client(IpAddr),
}

/// How many tries are free, and how the others are slowed down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How many tries are not made to wait.
    pub free: u32,
    /// How long the first one after them waits; each further one twice as long.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// After how much quiet all is forgotten.
    pub forgotten_after: Duration,
}

/// What is known of the tries at one subject.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// How many there were that did not succeed, or have not yet. Turns of one client are counted and given back without a condition, so
    /// that the stored number may be a little too small, and below zero.
    #[serde(deserialize_with = "at_least_zero")]
    pub count: u32,
    /// When the last one was.
    pub last_at: Timestamp,
    /// Before when no other is taken; long ago when none has to wait, because requests of one moment do not come here in their order.
    pub blocked_until: Timestamp,
    /// Counts the changes.
    pub version: u64,
}

/// What a try found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It may be made.
    Taken {
        /// The tries so far, this one included.
        count: u32,
        /// Whether this one, if it fails, is the first that makes the next wait.
        locks: bool,
    },
    /// It must wait.
    Wait(Duration),
}

/// The policies of all subjects; how many tries of one client are free is the setting `CLIENT_ATTEMPTS`, because an office is one client.
#[derive(Debug, Clone, Copy)]
pub struct Policies {
    client_free: u32,
}

impl Policies {
    /// Reads the policies; needs the setting `CLIENT_ATTEMPTS`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing or no number.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { client_free: setup.number("CLIENT_ATTEMPTS")? })
    }

    /// Gives the policy of a subject.
    #[must_use]
    pub const fn of(&self, subject: &Subject) -> Policy {
        let (free, first, longest, forgotten) = match subject {
            Subject::Account(_) | Subject::SecondFactor(_) => (5, 15, 15 * 60, 60 * 60),
            Subject::Mail(_) | Subject::LoginMail(_) | Subject::Invitation(..) => return Policy::OF_MAILS,
            Subject::Client(_) => (self.client_free, 2, 5 * 60, 15 * 60),
        };
        Policy {
            free,
            first_wait: Duration::from_secs(first),
            longest_wait: Duration::from_secs(longest),
            forgotten_after: Duration::from_secs(forgotten),
        }
    }
}

impl Policy {
    /// For mails that somebody causes to somebody else.
    pub const OF_MAILS: Self = Self {
        free: 3,
        first_wait: Duration::from_secs(60),
        longest_wait: Duration::from_secs(60 * 60),
        forgotten_after: Duration::from_secs(3 * 60 * 60),
    };
}

impl Subject {
    /// The name of the kind, as keys have it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Account(_) => "account",
            Self::SecondFactor(_) => "second_factor",
            Self::Mail(_) => "mail",
            Self::LoginMail(_) => "login_mail",
            Self::Invitation(..) => "invitation",
            Self::Client(_) => "client",
        }
    }

    /// The hash by which the subject is stored.
    #[must_use]
    pub fn hash(&self) -> String {
        let text = match self {
            Self::Account(address) | Self::Mail(address) => address.key(),
            Self::SecondFactor(user) | Self::LoginMail(user) => user.to_string(),
            Self::Invitation(organization, address) => format!("{organization} {}", address.key()),
            Self::Client(address) => network(*address),
        };
        sha256_hex(text.as_bytes())
    }
}

/// A client's address; of IPv6 the first 64 bits, because a client picks the others as it likes (RFC 4291 section 2.5.4).
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}")
        }
    }
}

impl Attempts {
    /// Takes the turn of a try: the attempts as they stand afterwards, and what the try found.
    #[must_use]
    pub fn take(self, policy: &Policy, moment: Timestamp) -> (Self, Turn) {
        if let Ok(wait) = Duration::try_from(self.blocked_until.duration_since(moment))
            && !wait.is_zero()
        {
            return (self, Turn::Wait(wait));
        }
        let quiet = Duration::try_from(moment.duration_since(self.last_at)).unwrap_or_default();
        let count = if quiet >= policy.forgotten_after { 1 } else { self.count.saturating_add(1) };
        let wait = wait_after(count, policy);
        let blocked_until = if wait.is_zero() { Timestamp::UNIX_EPOCH } else { moment + wait };
        let taken = Self { count, last_at: moment, blocked_until, version: self.version + 1 };
        (taken, Turn::Taken { count, locks: count == policy.free })
    }

    /// Gives a turn back that led to a success: the try does not count, and what it made wait goes on at once.
    #[must_use]
    pub fn give_back(self) -> Self {
        Self { count: self.count.saturating_sub(1), blocked_until: Timestamp::UNIX_EPOCH, version: self.version + 1, ..self }
    }

    /// Until when the attempts are worth keeping.
    #[must_use]
    pub fn forgotten_at(&self, policy: &Policy) -> Timestamp {
        self.last_at.max(self.blocked_until) + policy.forgotten_after
    }
}

fn at_least_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let count = i64::deserialize(deserializer)?;
    Ok(u32::try_from(count.max(0)).unwrap_or(u32::MAX))
}

/// How long the next try waits after so many.
fn wait_after(count: u32, policy: &Policy) -> SignedDuration {
    let Some(over) = count.checked_sub(policy.free) else { return SignedDuration::ZERO };
    let wait = policy.first_wait.saturating_mul(2_u32.saturating_pow(over)).min(policy.longest_wait);
    SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        free: 3,
        first_wait: Duration::from_secs(10),
        longest_wait: Duration::from_secs(60),
        forgotten_after: Duration::from_secs(600),
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    /// Tries at these seconds; tells what each one found.
    fn tries(seconds: &[i64]) -> Vec<Option<u64>> {
        let mut attempts = Attempts::default();
        let found = seconds.iter().map(|second| {
            let (after, turn) = std::mem::take(&mut attempts).take(&POLICY, at(*second));
            attempts = after;
            match turn {
                Turn::Taken { .. } => None,
                Turn::Wait(wait) => Some(wait.as_secs()),
            }
        });
        found.collect()
    }

    #[test]
    fn a_few_tries_are_free_and_the_next_ones_wait_longer_and_longer() {
        assert_eq!(tries(&[0, 0, 0, 0]), [None, None, None, Some(10)]);
        assert_eq!(tries(&[0, 0, 0, 10, 29, 30, 69, 70]), [None, None, None, None, Some(1), None, Some(1), None]);
    }

    #[test]
    fn no_wait_is_longer_than_the_longest() {
        let mut attempts = Attempts::default();
        for number in 0..100 {
            attempts = attempts.take(&POLICY, at(number * 60)).0;
        }

        assert_eq!(attempts.take(&POLICY, at(99 * 60 + 1)).1, Turn::Wait(Duration::from_secs(59)));
    }

    #[test]
    fn a_try_that_has_to_wait_does_not_count() {
        let (attempts, _) = Attempts { count: 3, last_at: at(0), blocked_until: at(10), version: 3 }.take(&POLICY, at(5));

        assert_eq!(attempts.count, 3);
    }

    #[test]
    fn quiet_forgets_all() {
        assert_eq!(tries(&[0, 0, 0, 600, 600, 600, 600]), [None, None, None, None, None, None, Some(10)]);
    }

    #[test]
    fn a_success_gives_its_turn_back() {
        let mut attempts = Attempts::default();
        for _ in 0..100 {
            let (taken, turn) = attempts.take(&POLICY, at(0));
            assert!(matches!(turn, Turn::Taken { count: 1, .. }));
            attempts = taken.give_back();
        }
    }

    #[test]
    fn free_tries_of_one_moment_do_not_wait_for_each_other_in_whatever_order_they_come() {
        assert_eq!(tries(&[1, 0]), [None, None]);
        let given_back = Attempts::default().take(&POLICY, at(5)).0.give_back();

        assert!(matches!(given_back.take(&POLICY, at(4)).1, Turn::Taken { count: 1, .. }));
    }

    #[test]
    fn more_turns_given_back_than_were_counted_are_none() {
        let stored = r#"{"count":-1,"last_at":"2026-01-01T00:00:00Z","blocked_until":"1970-01-01T00:00:00Z","version":4}"#;

        assert_eq!(serde_json::from_str::<Attempts>(stored).unwrap().count, 0);
    }

    #[test]
    fn the_try_that_locks_is_told() {
        let mut attempts = Attempts::default();
        let mut locks = Vec::new();
        for second in [0, 0, 0, 10] {
            let (after, turn) = attempts.take(&POLICY, at(second));
            attempts = after;
            locks.push(matches!(turn, Turn::Taken { locks: true, .. }));
        }

        assert_eq!(locks, [false, false, true, false]);
    }

    #[test]
    fn addresses_are_one_subject_in_any_case_and_clients_by_their_network() {
        let account = |text: &str| Subject::Account(EmailAddress::try_from(text.to_owned()).unwrap()).hash();
        let client = |text: &str| Subject::Client(text.parse().unwrap()).hash();

        assert_eq!(account("Ada@example.com"), account("ada@EXAMPLE.com"));
        assert_eq!(client("2001:db8:1:2:aaaa::1"), client("2001:db8:1:2:bbbb::2"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
    }
}
