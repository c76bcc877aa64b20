//! POST /v1/me/logins/{provider}: links a login of Google or Facebook with the caller's account.

use carillon_contracts::{LoginProvider, Permission};
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_identity::{AttemptPurpose, Links, Sessions};
use carillon_kernel::{IdSource, Secret};
use carillon_social::Providers;

use crate::list_logins::LoginView;
use crate::provider::{COOKIE, CameBack, attempt};
use crate::session_answer::user_of;

/// Links logins; the login was fetched by this browser, for this purpose.
#[derive(Debug)]
pub struct LoginsLink {
    links: Links,
    sessions: Sessions,
    providers: Providers,
    ids: IdSource,
}

impl HttpFunction for LoginsLink {
    const NAME: &'static str = "logins-link";
    const PERMISSION: Permission = Permission::AccountUse;
    type Query = Nothing;
    type Body = CameBack;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            links: Links::from_setup(setup, Self::NAME)?,
            sessions: Sessions::from_setup(setup)?,
            providers: Providers::from_setup(setup)?,
            ids: setup.ids(),
        })
    }

    async fn handle(&self, call: Call<Nothing, CameBack>) -> Result<Reply, Failure> {
        let (user, session) = user_of(&call.caller)?;
        self.sessions.fresh(user, session, call.moment).await?;
        let provider: LoginProvider = call.path("provider")?;
        let CameBack { code: text, state } = &call.body;
        let secrets = self.links.meet((provider, AttemptPurpose::Link), (state, call.cookie(COOKIE)), call.moment).await?;
        let identity = self.providers.identify(provider, &Secret::new(text.clone()), &attempt(state, secrets)).await?;
        let whose = (user, call.organization());

        let login = self.links.by(&call.trail()).link(whose, &identity, &call.origin, (call.moment, &self.ids)).await?;

        Ok(Reply::created(&LoginView::of(&login)))
    }
}
