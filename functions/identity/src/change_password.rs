//! POST /v1/me/password: sets another password for a caller who knows the present one, and ends all other sessions.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_identity::{Password, Passwords};
use carillon_kernel::IdSource;
use serde::Deserialize;

use crate::session_answer::user_of;

/// Changes passwords.
#[derive(Debug)]
pub struct PasswordsChange {
    passwords: Passwords,
    ids: IdSource,
}

/// The present password, and the new one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    current_password: Password,
    password: Password,
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        let needed = |pointer: &str, what: &str| Problem::new(pointer, "accounts.missing", what);
        let current = self.current_password.is_empty().then(|| needed("/current_password", "the present password is needed"));
        let password = self.password.is_empty().then(|| needed("/password", "a new password is needed"));
        current.into_iter().chain(password).collect()
    }
}

impl HttpFunction for PasswordsChange {
    const NAME: &'static str = "passwords-change";
    const PERMISSION: Permission = Permission::AccountUse;
    // The hash of a request with passwords is not kept either.
    const KEEPS_ANSWER: bool = false;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { passwords: Passwords::from_setup(setup)?, ids: setup.ids() })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let who = user_of(&call.caller)?;
        let passwords = (&call.body.current_password, &call.body.password);

        self.passwords.by(&call.trail()).change(who, passwords, (&call.origin, call.moment, &self.ids)).await?;

        Ok(Reply::no_content())
    }
}
