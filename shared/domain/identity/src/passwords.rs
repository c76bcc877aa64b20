//! The use case of a user who changes the password.

use std::sync::Arc;

use carillon_contracts::{Origin, SessionId, UserId};
use carillon_dynamo::Trail;
use carillon_kernel::{IdSource, Setup, SetupError};
use carillon_outbox::Outbox;
use jiff::Timestamp;

use crate::account_error::AccountError;
use crate::account_store::AccountStore;
use crate::accounts::changed;
use crate::attempts::Subject;
use crate::guard::Guard;
use crate::password::{Hasher, NewPassword, Password, Verdict};

/// The passwords of users who are logged in.
#[derive(Debug, Clone)]
pub struct Passwords {
    store: AccountStore,
    hasher: Hasher,
    guard: Guard,
    outbox: Outbox,
}

impl Passwords {
    /// Opens the passwords; needs the settings `ENTITIES_TABLE`, `PASSWORD_HASH_COST` and `CLIENT_ATTEMPTS`.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            store: AccountStore::from_setup(setup)?,
            hasher: Hasher::from_setup(setup)?,
            guard: Guard::from_setup(setup)?,
            outbox: Outbox::from_setup(setup)?,
        })
    }

    /// Gives the passwords for one call's use: what it changes is recorded.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail), ..self.clone() }
    }

    /// Sets another password for a user who knows the present one: all other sessions end, and the user is told by mail.
    ///
    /// # Errors
    /// [`AccountError::PasswordWrong`], [`AccountError::PasswordRefused`], [`AccountError::TooManyAttempts`], [`AccountError::Raced`], or what the table fails with.
    pub async fn change(
        &self,
        (user, session): (UserId, SessionId),
        (present, new): (&Password, &Password),
        (origin, moment, ids): (&Origin, Timestamp, &IdSource),
    ) -> Result<(), AccountError> {
        let before = self.store.find_user(user).await?.ok_or(AccountError::UserAbsent)?;
        let pass = self.guard.enter(Subject::Account(before.email.clone()), origin, moment).await?;
        if self.hasher.verify(present, before.password_hash.as_ref()) == Verdict::Wrong {
            return Err(AccountError::PasswordWrong);
        }
        self.guard.leave(pass).await?;
        let new = NewPassword::parse(new, &before.words()).map_err(AccountError::PasswordRefused)?;
        let after = before.clone().with_password(self.hasher.hash(&new, ids)?, moment).changed(moment);
        let mut writes = vec![self.store.replace_user((&before, &after))?];
        let others = self.store.sessions_of(user, moment).await?;
        writes.extend(others.iter().filter(|other| other.id != session).map(|other| self.store.revoke_session(other, moment)));
        let (notice, ticket) = changed(&self.outbox, (user, "password"), (moment, ids))?;
        writes.push(notice);
        self.store.commit(writes).await?;
        self.outbox.dispatch(ticket).await;
        Ok(())
    }
}
