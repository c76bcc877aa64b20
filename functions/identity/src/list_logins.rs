//! GET /v1/me/logins: lists the logins of Google and Facebook that are linked with the caller's account.

use carillon_contracts::{LoginProvider, Permission};
use carillon_dynamo::Page;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::{LinkedLogin, Links};
use jiff::Timestamp;
use serde::Serialize;

use crate::session_answer::user_of;

/// Lists linked logins.
#[derive(Debug)]
pub struct LoginsList {
    links: Links,
}

/// A linked login, without the provider's id of the person.
#[derive(Serialize)]
pub(crate) struct LoginView {
    provider: LoginProvider,
    linked_at: Timestamp,
}

impl LoginView {
    pub(crate) const fn of(login: &LinkedLogin) -> Self {
        Self { provider: login.provider, linked_at: login.linked_at }
    }
}

impl HttpFunction for LoginsList {
    const NAME: &'static str = "logins-list";
    const PERMISSION: Permission = Permission::AccountUse;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { links: Links::from_setup(setup, Self::NAME)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let (user, _) = user_of(&call.caller)?;

        let logins = self.links.of_user(user).await?;

        Ok(Reply::page(&Page { items: logins.iter().map(LoginView::of).collect(), next: None }))
    }
}
