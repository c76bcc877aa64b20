//! PATCH /v1/me: changes the caller's own account by a merge patch.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Reply, Setup, SetupError};
use carillon_identity::{Locale, PersonName, TimeZoneName, UserPatch, Users};
use serde::Deserialize;

use crate::me::MeView;
use crate::session_answer::user_of;

/// Changes one's own account.
#[derive(Debug)]
pub struct MeUpdate {
    users: Users,
}

/// What to change; nothing of an account can be removed, so null leaves a member as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    name: Option<PersonName>,
    locale: Option<Locale>,
    time_zone: Option<TimeZoneName>,
}

impl Input for Body {}

impl HttpFunction for MeUpdate {
    const NAME: &'static str = "me-update";
    const PERMISSION: Permission = Permission::AccountUse;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { users: Users::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let (user, _) = user_of(&call.caller)?;
        let users = self.users.by(&call.trail());
        let Body { name, locale, time_zone } = call.body;

        let user = users.update(user, UserPatch { name, locale, time_zone }, call.moment).await?;

        let version = user.version;
        Ok(Reply::ok(&MeView::of(user)).version(version))
    }
}
