//! What can go wrong with users, passwords, sessions and second factors.

use std::time::Duration;

use carillon_dynamo::StoreError;
use carillon_kernel::{Fault, Kind, Problem};
use carillon_outbox::OutboxError;
use carillon_vault::VaultError;

use crate::error::IdentityError;
use crate::password::PasswordRefusal;
use crate::security::SecurityError;

/// A failure of accounts. None of what a stranger can cause tells whether an account exists.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// There is no such user.
    #[error("there is no such user")]
    UserAbsent,
    /// Address and password do not belong together.
    #[error("the address or the password is wrong")]
    LoginRefused,
    /// The password is right, and the address was never proven.
    #[error("the address is not verified yet: follow the link in the mail, or ask for another")]
    EmailUnverified,
    /// The user is not a member of the organization, or of any.
    #[error("the user is not a member of the organization")]
    NoMembership,
    /// The text of a challenge or of a link is not ours, was used, or has ended.
    #[error("the link or the challenge is not valid any more: start again")]
    ChallengeInvalid,
    /// The code of a second factor is wrong or was used.
    #[error("the code is wrong, or was used already")]
    CodeRefused,
    /// The user's own password, asked for once more, is wrong.
    #[error("the password is wrong")]
    PasswordWrong,
    /// The new password may not be one.
    #[error("the new password is refused")]
    PasswordRefused(PasswordRefusal),
    /// The memory that hashing a password takes is not there.
    #[error("the password cannot be hashed")]
    Unhashed,
    /// There were too many attempts in too short a time.
    #[error("there were too many attempts: wait before the next one")]
    TooManyAttempts(Duration),
    /// The login is too old for what is asked.
    #[error("confirm who you are first (POST /v1/auth/step-up)")]
    StepUpNeeded,
    /// The account has a second factor, so that the password alone proves nothing.
    #[error("the account has a second factor: prove who you are by its code")]
    SecondFactorNeeded,
    /// There is no second factor, or it was never confirmed.
    #[error("there is no second factor")]
    SecondFactorAbsent,
    /// There is a second factor.
    #[error("there is a second factor already: disable it first")]
    SecondFactorPresent,
    /// There is no such session of the user.
    #[error("there is no such session")]
    SessionAbsent,
    /// The refresh token is unknown, was used, or its session has ended.
    #[error("the refresh token is not valid: log in again")]
    RefreshRefused,
    /// Somebody else changed the same things at the same moment.
    #[error("somebody else changed it at the same moment: read it again")]
    Raced,
    /// An organization or a membership cannot be read or made.
    #[error(transparent)]
    Organization(IdentityError),
    /// A security event cannot be written.
    #[error("the security event cannot be written")]
    Security(#[source] SecurityError),
    /// A notice cannot be written.
    #[error("the mail cannot be asked for")]
    Notice(#[source] OutboxError),
    /// The vault failed.
    #[error("the seed of the second factor cannot be sealed or opened")]
    Vault(#[source] VaultError),
    /// The table failed.
    #[error("the accounts cannot be read or written")]
    Store(#[source] StoreError),
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(_) | StoreError::Contended => Self::Raced,
            failed => Self::Store(failed),
        }
    }
}

impl From<OutboxError> for AccountError {
    fn from(error: OutboxError) -> Self {
        Self::Notice(error)
    }
}

impl From<VaultError> for AccountError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

impl From<SecurityError> for AccountError {
    fn from(error: SecurityError) -> Self {
        Self::Security(error)
    }
}

impl From<IdentityError> for AccountError {
    fn from(error: IdentityError) -> Self {
        Self::Organization(error)
    }
}

impl Fault for AccountError {
    fn kind(&self) -> Kind {
        match self {
            Self::UserAbsent | Self::SessionAbsent => Kind::Absent,
            Self::LoginRefused | Self::CodeRefused | Self::RefreshRefused => Kind::Unauthenticated,
            Self::EmailUnverified | Self::NoMembership | Self::PasswordWrong | Self::StepUpNeeded | Self::SecondFactorNeeded => {
                Kind::Forbidden
            }
            Self::ChallengeInvalid | Self::PasswordRefused(_) => Kind::Invalid,
            Self::TooManyAttempts(_) => Kind::Limited,
            Self::SecondFactorAbsent | Self::SecondFactorPresent | Self::Raced => Kind::Conflict,
            Self::Unhashed => Kind::Internal,
            Self::Organization(error) => error.kind(),
            Self::Security(error) => error.kind(),
            Self::Notice(error) => error.kind(),
            Self::Vault(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::UserAbsent => "accounts.user_absent",
            Self::LoginRefused => "accounts.login_refused",
            Self::EmailUnverified => "accounts.email_unverified",
            Self::NoMembership => "accounts.no_membership",
            Self::ChallengeInvalid => "accounts.challenge_invalid",
            Self::CodeRefused => "accounts.code_refused",
            Self::PasswordWrong => "accounts.password_wrong",
            Self::PasswordRefused(_) => "request.invalid",
            Self::TooManyAttempts(_) => "accounts.too_many_attempts",
            Self::StepUpNeeded => "accounts.step_up_needed",
            Self::SecondFactorNeeded => "accounts.second_factor_needed",
            Self::SecondFactorAbsent => "accounts.second_factor_absent",
            Self::SecondFactorPresent => "accounts.second_factor_present",
            Self::SessionAbsent => "accounts.session_absent",
            Self::RefreshRefused => "accounts.refresh_refused",
            Self::Raced => "accounts.changed_meanwhile",
            Self::Unhashed => "accounts.unhashed",
            Self::Organization(error) => error.code(),
            Self::Security(error) => error.code(),
            Self::Notice(error) => error.code(),
            Self::Vault(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn problems(&self) -> Vec<Problem> {
        match self {
            Self::PasswordRefused(refusal) => vec![refusal.problem("/password")],
            Self::Organization(error) => error.problems(),
            _ => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyAttempts(wait) => Some(*wait),
            _ => None,
        }
    }
}
