//! Where logins of providers are kept: the table of entities.
//!
//! | access pattern | key |
//! | --- | --- |
//! | the user of a login | `LOGIN#{provider}#{subject}` · `LOGIN` |
//! | the logins of a user, that of a provider | `USER#{user}` · `LOGIN#{provider}` |
//! | an attempt to log in (ttl) | `CHALLENGE#{sha256 of the state}` · `CHALLENGE` |
//!
//! A login is two items, written in one transaction.

use std::sync::Arc;

use carillon_contracts::{LoginProvider, UserId};
use carillon_dynamo::{Audited, Condition, Key, Query, StoreError, Table, Trail, Write, number, text};
use carillon_kernel::{Setup, SetupError};
use serde_json::json;

use crate::link::{LinkedLogin, ProviderAttempt, state_hash};

const SCHEMA: u32 = 1;

#[derive(Debug, Clone)]
pub(crate) struct LinkStore {
    table: Table,
}

impl LinkStore {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { table: Table::from_setup(setup, "ENTITIES_TABLE")? })
    }

    pub(crate) fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { table: self.table.by(trail) }
    }

    pub(crate) async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.table.commit(writes).await
    }

    pub(crate) async fn find(&self, provider: LoginProvider, subject: &str) -> Result<Option<LinkedLogin>, StoreError> {
        self.table.find(login_key(provider, subject)).await
    }

    pub(crate) async fn of_user(&self, user: UserId) -> Result<Vec<LinkedLogin>, StoreError> {
        self.table.query_all(Query::partition(format!("USER#{user}")).prefix("LOGIN#").strong()).await
    }

    /// Links a login that is nobody's with a user who has none of the provider.
    pub(crate) fn insert(&self, login: &LinkedLogin) -> Result<[Write; 2], StoreError> {
        let found = self.table.put(login_key(login.provider, &login.subject), login, Condition::Absent)?;
        let listed = self.table.put(listed_key(login.user, login.provider), login, Condition::Absent)?;
        let of = |write: Write| write.with("entity", text("login")).with("schema", number(SCHEMA));
        Ok([of(found).audited(Audited::created("login", login.user, &told(login))), of(listed)])
    }

    pub(crate) fn delete(&self, login: &LinkedLogin) -> [Write; 2] {
        let found = self.table.delete(login_key(login.provider, &login.subject), Condition::Present);
        let listed = self.table.delete(listed_key(login.user, login.provider), Condition::Present);
        [found.audited(Audited::deleted("login", login.user, &told(login))), listed]
    }

    /// Demands that a user can still log in otherwise: by a password, or by another linked login.
    pub(crate) fn check_way_in(&self, user: UserId, other: Option<LoginProvider>) -> Write {
        match other {
            Some(provider) => self.table.check(listed_key(user, provider), Condition::Present),
            None => self.table.check(Key::new(format!("USER#{user}"), "USER"), Condition::Has("password_hash")),
        }
    }

    pub(crate) async fn insert_attempt(&self, state: &str, attempt: &ProviderAttempt) -> Result<(), StoreError> {
        let put = self.table.put(attempt_key(state), attempt, Condition::Absent)?;
        let put = put.with("entity", text("challenge")).with("schema", number(SCHEMA));
        self.commit(vec![put.with("ttl", number(attempt.expires_at.as_second()))]).await
    }

    pub(crate) async fn find_attempt(&self, state: &str) -> Result<Option<ProviderAttempt>, StoreError> {
        self.table.find(attempt_key(state)).await
    }

    /// Takes an attempt away: of two who do at the same moment, one does.
    pub(crate) async fn meet(&self, state: &str) -> Result<(), StoreError> {
        self.commit(vec![self.table.delete(attempt_key(state), Condition::Present)]).await
    }
}

/// What the audit trail says of a login: never whose it is at the provider.
fn told(login: &LinkedLogin) -> serde_json::Value {
    json!({ "provider": login.provider })
}

fn login_key(provider: LoginProvider, subject: &str) -> Key {
    Key::new(format!("LOGIN#{provider}#{subject}"), "LOGIN")
}

fn listed_key(user: UserId, provider: LoginProvider) -> Key {
    Key::new(format!("USER#{user}"), format!("LOGIN#{provider}"))
}

fn attempt_key(state: &str) -> Key {
    Key::new(format!("CHALLENGE#{}", state_hash(state)), "CHALLENGE")
}
