//! POST /v1/invitations/accept: makes whom a mailed link was sent to a member, with a new account where there is none.

use carillon_contracts::{OrganizationId, Role, UserId};
use carillon_dynamo::{Table, Write};
use carillon_harness::{Failure, Input, Problem, PublicFunction, RateClass, RawRequest, Reply, Setup, SetupError};
use carillon_identity::{
    Hasher, IdentityError, Invitations, NewPassword, OrganizationName, Password, PersonName, ShownInvitation, User, UserSeed, Users,
};
use carillon_kernel::IdSource;
use carillon_kernel::secret::Signer;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Accepts invitations: the link proves the address, so that it makes an account or finds one; it never logs anybody in.
#[derive(Debug)]
pub struct InvitationsAccept {
    invitations: Invitations,
    users: Users,
    hasher: Hasher,
    signer: Signer,
    table: Table,
    ids: IdSource,
}

/// The link's token, and what makes an account for who has none.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    token: Option<String>,
    name: Option<PersonName>,
    password: Option<Password>,
}

/// What somebody is a member of now.
#[derive(Serialize)]
struct Accepted {
    organization_id: OrganizationId,
    organization_name: OrganizationName,
    user_id: UserId,
    role: Role,
    /// Whether the account was made by this call.
    is_new_user: bool,
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        if self.token.is_some() { Vec::new() } else { vec![no_token()] }
    }
}

impl PublicFunction for InvitationsAccept {
    const NAME: &'static str = "invitations-accept";
    const REASON: &'static str = "who is invited may have no account yet; the signed link in the mail is what is checked";
    const RATE_CLASS: RateClass = RateClass::Account;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            invitations: Invitations::from_setup(setup)?,
            users: Users::from_setup(setup)?,
            hasher: Hasher::from_setup(setup)?,
            signer: Signer::new(&setup.secret("LINK_KEY")?),
            table: Table::from_setup(setup, "ENTITIES_TABLE")?,
            ids: setup.ids(),
        })
    }

    async fn handle(&self, request: RawRequest) -> Result<Reply, Failure> {
        let body: Body = request.json()?;
        let token = body.token.as_deref().ok_or_else(|| Failure::invalid(vec![no_token()]))?;
        let shown = self.invitations.shown(&self.signer, (token, request.moment)).await?;
        let (user, writes) = match self.users.find_by_address(&shown.invitation.email).await? {
            Some(user) if user.email_verified_at.is_some() => (user, Vec::new()),
            // Somebody else may have signed up with the address, and know the account's password.
            Some(_) => return Err(IdentityError::InvitedAddressUnproven.into()),
            None => self.newcomer(&shown, body, request.moment)?,
        };
        let is_new_user = !writes.is_empty();
        let trail = request.trail(Self::NAME, &self.table, shown.organization.id, user.id);

        let member = self.invitations.by(&trail).accept(&shown, &user, (writes, request.moment)).await?;

        let (organization_id, organization_name) = (shown.organization.id, shown.organization.name);
        Ok(Reply::created(&Accepted { organization_id, organization_name, user_id: user.id, role: member.role, is_new_user }))
    }
}

impl InvitationsAccept {
    /// Makes the account of somebody who has none; the link proved the address.
    fn newcomer(&self, shown: &ShownInvitation, body: Body, moment: Timestamp) -> Result<(User, Vec<Write>), Failure> {
        let email = shown.invitation.email.clone();
        let no_name = || Problem::new("/name", "invitations.name", "a new account needs a name");
        let no_password = || Problem::new("/password", "invitations.password", "a new account needs a password");
        let words = [email.as_str(), body.name.as_ref().map_or("", PersonName::as_str)];
        let password = match &body.password {
            Some(password) => NewPassword::parse(password, &words).map_err(|refusal| refusal.problem("/password")),
            None => Err(no_password()),
        };
        let (name, password) = match (body.name.ok_or_else(no_name), password) {
            (Ok(name), Ok(password)) => (name, password),
            (name, password) => return Err(Failure::invalid(name.err().into_iter().chain(password.err()).collect())),
        };
        let (locale, time_zone) = (shown.organization.locale.clone(), shown.organization.time_zone.clone());
        let seed = UserSeed { email, name, locale, time_zone };
        let hash = self.hasher.hash(&password, &self.ids)?;
        let user = User::new(self.ids.id(moment), seed, moment).with_password(hash, moment).verified(moment);
        let writes = self.users.insert_writes(&user)?;
        Ok((user, writes))
    }
}

fn no_token() -> Problem {
    Problem::new("/token", "invitations.token", "send the token of the link")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_acceptance_needs_the_token() {
        assert_eq!(Body::default().problems().first().unwrap().pointer, "/token");
    }
}
