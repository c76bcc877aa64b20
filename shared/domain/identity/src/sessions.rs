//! The use cases of sessions: refresh, list, revoke, and prove once more who one is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use carillon_contracts::{AuthenticationMethod, OrganizationId, Origin, SessionId, UserId};
use carillon_dynamo::{Trail, Trails, Write};
use carillon_kernel::{IdSource, KeyedHash, Secret, Setup, SetupError};
use carillon_tokens::claims;
use carillon_vault::Vault;
use jiff::{SignedDuration, Timestamp};

use crate::account_error::AccountError;
use crate::account_store::AccountStore;
use crate::accounts::trail;
use crate::attempts::Subject;
use crate::guard::Guard;
use crate::logins::{step_of, subject};
use crate::members::Members;
use crate::openings::OpenSession;
use crate::organizations::Organizations;
use crate::password::{Hasher, Password, Verdict};
use crate::security::{SecurityEventKind, SecurityEvents, Suspicion};
use crate::session::{Refresh, RefreshToken, Session, SessionView};
use crate::totp::SecondFactor;

/// How often a refresh is tried that another one of the same moment was faster than.
const TRIES: u32 = 2;

/// The refreshing of sessions, for a client that has nothing but a refresh token.
#[derive(Debug, Clone)]
pub struct Refreshes {
    store: AccountStore,
    members: Members,
    organizations: Organizations,
    security: SecurityEvents,
    keyed: KeyedHash,
    trails: Trails,
}

/// The sessions of users who are logged in.
#[derive(Debug, Clone)]
pub struct Sessions {
    store: AccountStore,
    organizations: Organizations,
}

/// What proves once more who somebody is.
#[derive(Debug, Clone)]
pub enum Reproof {
    /// The password.
    Password(Password),
    /// A code of the device with the seed.
    Code(Secret),
}

/// The proofs of users who are logged in already.
#[derive(Debug, Clone)]
pub struct StepUps {
    store: AccountStore,
    hasher: Hasher,
    guard: Guard,
    vault: Vault,
}

impl Refreshes {
    /// Opens the refreshing for a function; needs the settings `ENTITIES_TABLE` and `CREDENTIAL_KEY`.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup, function: &'static str) -> Result<Self, SetupError> {
        Ok(Self {
            store: AccountStore::from_setup(setup)?,
            members: Members::from_setup(setup)?,
            organizations: Organizations::from_setup(setup)?,
            security: SecurityEvents::from_setup(setup)?,
            keyed: KeyedHash::new(&setup.secret("CREDENTIAL_KEY")?),
            trails: Trails::from_setup(setup, function)?,
        })
    }

    /// Gives the next refresh token for one, and moves the session to another organization where that is asked for.
    ///
    /// A token that comes a second time revokes the session, because somebody has a copy of it.
    ///
    /// # Errors
    /// [`AccountError::RefreshRefused`], [`AccountError::NoMembership`], or what the table fails with.
    pub async fn refresh(
        &self,
        (token, organization): (&RefreshToken, Option<OrganizationId>),
        origin: &Origin,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<OpenSession, AccountError> {
        for _ in 0..TRIES {
            let session = self.store.find_session(token.user, token.text.id).await?.filter(|session| session.holds_at(moment));
            let session = session.ok_or(AccountError::RefreshRefused)?;
            match session.clone().refresh(token, &self.keyed, origin, moment) {
                Refresh::Foreign => return Err(AccountError::RefreshRefused),
                Refresh::Reused => return self.copied(&session, origin, (moment, ids)).await,
                Refresh::Again(refresh_token) => return Ok(OpenSession { session, refresh_token }),
                Refresh::Next(next, refresh_token) => {
                    let next = self.moved((&session, *next), organization, moment).await?;
                    let store = self.store.by(&trail(&self.trails, (next.organization, next.user), origin, moment));
                    match store.commit(vec![store.refresh_session((&session, &next))]).await.map_err(AccountError::from) {
                        Ok(()) => return Ok(OpenSession { session: next, refresh_token }),
                        Err(AccountError::Raced) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        Err(AccountError::Raced)
    }

    /// Ends a session that idled for too long, and moves one to the organization that is asked for.
    async fn moved(
        &self,
        (before, next): (&Session, Session),
        wanted: Option<OrganizationId>,
        moment: Timestamp,
    ) -> Result<Session, AccountError> {
        let organization = wanted.unwrap_or(next.organization);
        if organization != next.organization {
            self.members.find(organization, next.user).await?.ok_or(AccountError::NoMembership)?;
        }
        let mut expires_at = next.expires_at;
        // Both organizations' rules hold: nobody goes round the one by way of the other.
        for of in BTreeSet::from([next.organization, organization]) {
            let policy = self.organizations.get(of).await?.security;
            let idle = SignedDuration::from_mins(i64::from(policy.idle_minutes.get()));
            // Use shows at refreshes only: between two of them lies as much as an access token lives.
            let longest = idle + SignedDuration::try_from(claims::LIFETIME).unwrap_or_default();
            if !idle.is_zero() && moment.duration_since(before.last_used_at) > longest {
                return Err(AccountError::RefreshRefused);
            }
            expires_at = expires_at.min(next.created_at + SignedDuration::from_hours(i64::from(policy.session_hours.get())));
        }
        Ok(Session { organization, expires_at, ..next })
    }

    async fn copied(&self, session: &Session, origin: &Origin, (moment, ids): (Timestamp, &IdSource)) -> Result<OpenSession, AccountError> {
        let whose = (session.organization, session.user);
        let store = self.store.by(&trail(&self.trails, whose, origin, moment));
        store.commit(vec![store.revoke_session(session, moment)]).await?;
        let suspicion = Suspicion::of(SecurityEventKind::RefreshTokenReused).with("device", &session.device);
        self.security.record(&subject(whose.0, whose.1, origin), &[suspicion], (moment, ids)).await?;
        Err(AccountError::RefreshRefused)
    }
}

impl Sessions {
    /// Opens the sessions; needs the setting `ENTITIES_TABLE`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: AccountStore::from_setup(setup)?, organizations: Organizations::from_setup(setup)? })
    }

    /// Gives the sessions for one call's use: what it changes is recorded.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail), organizations: self.organizations.clone() }
    }

    /// Lists a user's sessions, the one that was used last first.
    ///
    /// # Errors
    /// [`AccountError::Store`] when the table fails.
    pub async fn list(&self, (user, asking): (UserId, SessionId), moment: Timestamp) -> Result<Vec<SessionView>, AccountError> {
        let sessions = self.store.sessions_of(user, moment).await?;
        Ok(sessions.iter().rev().map(|session| session.view(asking)).collect())
    }

    /// Revokes one of a user's sessions at once.
    ///
    /// # Errors
    /// [`AccountError::SessionAbsent`], or [`AccountError::Store`] when the table fails.
    pub async fn revoke(&self, user: UserId, session: SessionId, moment: Timestamp) -> Result<(), AccountError> {
        let found = self.store.find_session(user, session).await?.filter(|session| session.holds_at(moment));
        let found = found.ok_or(AccountError::SessionAbsent)?;
        Ok(self.store.commit(vec![self.store.revoke_session(&found, moment)]).await?)
    }

    /// Revokes all sessions of a user at once.
    ///
    /// # Errors
    /// [`AccountError::Store`] when the table fails.
    pub async fn revoke_all(&self, user: UserId, moment: Timestamp) -> Result<(), AccountError> {
        let sessions = self.store.sessions_of(user, moment).await?;
        Ok(self.store.commit(sessions.iter().map(|session| self.store.revoke_session(session, moment)).collect()).await?)
    }

    /// Gives a session whose user proved who they are within the time that the organization wants for what is dangerous.
    ///
    /// # Errors
    /// [`AccountError::StepUpNeeded`], [`AccountError::SessionAbsent`], or what the table fails with.
    pub async fn fresh(&self, user: UserId, session: SessionId, moment: Timestamp) -> Result<Session, AccountError> {
        let found = self.store.find_session(user, session).await?.ok_or(AccountError::SessionAbsent)?;
        let policy = self.organizations.get(found.organization).await?.security;
        let fresh = Duration::from_secs(60 * u64::from(policy.step_up_minutes.get()));
        let age = Duration::try_from(moment.duration_since(found.authenticated_at)).unwrap_or_default();
        if age > fresh { Err(AccountError::StepUpNeeded) } else { Ok(found) }
    }
}

impl StepUps {
    /// Opens the proofs; needs the settings `ENTITIES_TABLE`, `PASSWORD_HASH_COST`, `CLIENT_ATTEMPTS` and those of the vault.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            store: AccountStore::from_setup(setup)?,
            hasher: Hasher::from_setup(setup)?,
            guard: Guard::from_setup(setup)?,
            vault: Vault::from_setup(setup)?,
        })
    }

    /// Gives the proofs for one call's use: what it changes is recorded.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail), ..self.clone() }
    }

    /// Takes a proof of who a user is, and gives the session as it is afterwards.
    ///
    /// # Errors
    /// [`AccountError::PasswordWrong`], [`AccountError::CodeRefused`], [`AccountError::SecondFactorNeeded`], [`AccountError::SecondFactorAbsent`],
    /// [`AccountError::TooManyAttempts`], or what the table fails with.
    pub async fn step_up(
        &self,
        (user, session): (UserId, SessionId),
        (proof, origin): (&Reproof, &Origin),
        moment: Timestamp,
    ) -> Result<Session, AccountError> {
        let session = self.store.find_session(user, session).await?.ok_or(AccountError::SessionAbsent)?;
        let factor = self.store.find_second_factor(user).await?.filter(SecondFactor::is_confirmed);
        let (method, used) = match (proof, factor) {
            // Who stole a session and knows the password must not be able to switch the second factor off.
            (Reproof::Password(_), Some(_)) => return Err(AccountError::SecondFactorNeeded),
            (Reproof::Password(password), None) => {
                self.check_password(user, (password, origin), moment).await?;
                (AuthenticationMethod::Password, None)
            }
            (Reproof::Code(_), None) => return Err(AccountError::SecondFactorAbsent),
            (Reproof::Code(code), Some(factor)) => {
                (AuthenticationMethod::Otp, Some(self.check_code(&factor, (code, origin), moment).await?))
            }
        };
        let mut amr = session.amr.clone();
        amr.insert(method);
        let session = Session { amr, authenticated_at: moment, ..session };
        let writes = used.into_iter().chain([self.store.prove_session(&session)]).collect();
        self.store.commit(writes).await?;
        Ok(session)
    }

    /// Checks a user's own password, within the limits of guessing.
    async fn check_password(&self, user: UserId, (password, origin): (&Password, &Origin), moment: Timestamp) -> Result<(), AccountError> {
        let user = self.store.find_user(user).await?.ok_or(AccountError::UserAbsent)?;
        let pass = self.guard.enter(Subject::Account(user.email.clone()), origin, moment).await?;
        match self.hasher.verify(password, user.password_hash.as_ref()) {
            Verdict::Wrong => Err(AccountError::PasswordWrong),
            Verdict::Right | Verdict::RightButOutdated => self.guard.leave(pass).await,
        }
    }

    /// Checks a code of the device, within the limits of guessing; gives the write that uses it up.
    async fn check_code(
        &self,
        factor: &SecondFactor,
        (code, origin): (&Secret, &Origin),
        moment: Timestamp,
    ) -> Result<Write, AccountError> {
        let pass = self.guard.enter(Subject::SecondFactor(factor.user), origin, moment).await?;
        let step = step_of(&self.vault, factor, (code, moment)).await?.ok_or(AccountError::CodeRefused)?;
        self.guard.leave(pass).await?;
        Ok(self.store.accept_step(factor.user, step))
    }
}
