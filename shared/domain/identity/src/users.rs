//! The users, for the areas of identity that find, make and change them.

use std::sync::Arc;

use carillon_contracts::UserId;
use carillon_dynamo::{Trail, Write};
use carillon_kernel::{Setup, SetupError};
use jiff::Timestamp;

use crate::account_error::AccountError;
use crate::account_store::AccountStore;
use crate::user::{EmailAddress, User, UserPatch};

/// What a user has of a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondFactorState {
    /// Whether logins ask for it.
    pub enabled: bool,
    /// How many recovery codes are left.
    pub recovery_codes_left: usize,
}

/// The users.
#[derive(Debug, Clone)]
pub struct Users {
    store: AccountStore,
}

impl Users {
    /// Opens the users; needs the setting `ENTITIES_TABLE`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: AccountStore::from_setup(setup)? })
    }

    /// Gives the users for one call's use: what it changes is recorded.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail) }
    }

    /// Finds a user.
    ///
    /// # Errors
    /// [`AccountError::Store`] when the table fails.
    pub async fn find(&self, id: UserId) -> Result<Option<User>, AccountError> {
        Ok(self.store.find_user(id).await?)
    }

    /// Gives a user.
    ///
    /// # Errors
    /// [`AccountError::UserAbsent`], or [`AccountError::Store`] when the table fails.
    pub async fn get(&self, id: UserId) -> Result<User, AccountError> {
        self.find(id).await?.ok_or(AccountError::UserAbsent)
    }

    /// Finds the user who has an address.
    ///
    /// # Errors
    /// [`AccountError::Store`] when the table fails.
    pub async fn find_by_address(&self, address: &EmailAddress) -> Result<Option<User>, AccountError> {
        Ok(self.store.find_user_by_address(address).await?)
    }

    /// Tells what a user has of a second factor.
    ///
    /// # Errors
    /// [`AccountError::Store`] when the table fails.
    pub async fn second_factor(&self, user: UserId) -> Result<SecondFactorState, AccountError> {
        let enabled = self.store.find_second_factor(user).await?.is_some_and(|factor| factor.is_confirmed());
        let left = if enabled { self.store.find_recovery_codes(user).await?.map_or(0, |codes| codes.left()) } else { 0 };
        Ok(SecondFactorState { enabled, recovery_codes_left: left })
    }

    /// Makes the two writes of a new user, for a transaction of the caller's; it is refused when the address is somebody's.
    ///
    /// # Errors
    /// [`AccountError::Store`] when the user cannot be written as an item.
    pub fn insert_writes(&self, user: &User) -> Result<Vec<Write>, AccountError> {
        Ok(self.store.insert_user(user)?.into())
    }

    /// Makes the write that replaces a user by its next version, for a transaction of the caller's.
    ///
    /// # Errors
    /// [`AccountError::Store`] when the user cannot be written as an item.
    pub fn replace_write(&self, (before, after): (&User, &User)) -> Result<Write, AccountError> {
        Ok(self.store.replace_user((before, after))?)
    }

    /// Changes what a user may change of the account.
    ///
    /// # Errors
    /// [`AccountError::UserAbsent`], [`AccountError::Raced`], or [`AccountError::Store`] when the table fails.
    pub async fn update(&self, id: UserId, patch: UserPatch, moment: Timestamp) -> Result<User, AccountError> {
        let before = self.get(id).await?;
        let after = before.clone().patched(patch);
        if after == before {
            return Ok(before);
        }
        let after = after.changed(moment);
        self.store.commit(vec![self.store.replace_user((&before, &after))?]).await?;
        Ok(after)
    }
}
