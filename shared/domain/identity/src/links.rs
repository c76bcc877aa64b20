//! The use cases of logins by providers: whom a login stands for, linking and unlinking.
//!
//! A login belongs to the account that linked it. An account is never taken over by its address: a login that nobody linked leads to the
//! account with the same address only when the provider vouches for the address and the account's owner has proven it, too. In every
//! other case the answer is the same as for an address that has no account.

use std::sync::Arc;

use carillon_contracts::{ExternalIdentity, LoginProvider, OrganizationId, Origin, PLATFORM_ORGANIZATION, UserId};
use carillon_dynamo::{StoreError, Trail, Trails};
use carillon_kernel::{IdSource, Secret, Setup, SetupError};
use jiff::Timestamp;

use crate::link::{AttemptPurpose, AttemptSecrets, BegunAttempt, LinkedLogin};
use crate::link_error::LinkError;
use crate::link_store::LinkStore;
use crate::logins::subject;
use crate::organization::NewOrganization;
use crate::organizations::Organizations;
use crate::security::{SecurityEventKind, SecurityEvents, Suspicion};
use crate::user::{EmailAddress, PersonName, User, UserSeed};
use crate::users::Users;

/// The logins by providers.
#[derive(Debug, Clone)]
pub struct Links {
    store: LinkStore,
    users: Users,
    organizations: Organizations,
    security: SecurityEvents,
    trails: Trails,
}

impl Links {
    /// Opens the logins by providers for a function; needs the setting `ENTITIES_TABLE`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing.
    pub fn from_setup(setup: &Setup, function: &'static str) -> Result<Self, SetupError> {
        Ok(Self {
            store: LinkStore::from_setup(setup)?,
            users: Users::from_setup(setup)?,
            organizations: Organizations::from_setup(setup)?,
            security: SecurityEvents::from_setup(setup)?,
            trails: Trails::from_setup(setup, function)?,
        })
    }

    /// Gives the logins for one call's use: what it changes is recorded.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail), ..self.clone() }
    }

    /// Keeps an attempt that begins.
    ///
    /// # Errors
    /// [`LinkError::Store`] when the table fails.
    pub async fn keep(&self, begun: &BegunAttempt) -> Result<(), LinkError> {
        Ok(self.store.insert_attempt(&begun.state, &begun.stored).await?)
    }

    /// Ends an attempt that a browser came back with, and gives what its code is redeemed with. Each attempt ends once.
    ///
    /// # Errors
    /// [`LinkError::AttemptInvalid`], or [`LinkError::Store`] when the table fails.
    pub async fn meet(
        &self,
        (provider, purpose): (LoginProvider, AttemptPurpose),
        (state, browser): (&str, Option<&str>),
        moment: Timestamp,
    ) -> Result<AttemptSecrets, LinkError> {
        let browser = Secret::new(browser.unwrap_or_default());
        let found = self.store.find_attempt(state).await?;
        let met = found.filter(|stored| (stored.provider, stored.purpose) == (provider, purpose) && stored.is_met_by(&browser, moment));
        if met.is_none() {
            return Err(LinkError::AttemptInvalid);
        }
        match self.store.meet(state).await {
            Ok(()) => Ok(AttemptSecrets::of(&browser, state)),
            Err(error) if error.is_refused() => Err(LinkError::AttemptInvalid),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the user whom a login stands for; one that nobody linked is linked with the account of its address, where both the provider
    /// and the account's owner have proven the address.
    ///
    /// # Errors
    /// [`LinkError::NoAccount`], or what the table fails with.
    pub async fn user_of(
        &self,
        identity: &ExternalIdentity,
        origin: &Origin,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<UserId, LinkError> {
        if let Some(login) = self.store.find(identity.provider, &identity.subject).await? {
            return Ok(login.user);
        }
        let address = proven_address(identity).ok_or(LinkError::NoAccount)?;
        let user = self.users.find_by_address(&address).await?.filter(|user| user.email_verified_at.is_some());
        let user = user.ok_or(LinkError::NoAccount)?;
        // What happens to an account before a session is the platform's to record; the owner is told in the home organization.
        let trail = self.trails.of(PLATFORM_ORGANIZATION, &origin.request_id, moment).actor(user.id);
        let trail = Arc::new(trail.from(origin.ip, origin.user_agent.clone()));
        let home = user.last_organization.unwrap_or(PLATFORM_ORGANIZATION);
        match self.by(&trail).link((user.id, home), identity, origin, (moment, ids)).await {
            // Another login of the same provider is linked: this one was never meant to be.
            Err(LinkError::AlreadyLinked(_)) => Err(LinkError::NoAccount),
            outcome => outcome.map(|_| user.id),
        }
    }

    /// Makes a user of a login that nobody linked, and the organization that is the user's own.
    ///
    /// # Errors
    /// [`LinkError::AddressUnproven`], [`LinkError::NoAccount`] when the address has an account, or what the table fails with.
    pub async fn sign_up(
        &self,
        (identity, organization): (&ExternalIdentity, NewOrganization),
        origin: &Origin,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<UserId, LinkError> {
        let email = proven_address(identity).ok_or(LinkError::AddressUnproven)?;
        let name = identity.name.clone().and_then(|name| PersonName::try_from(name).ok());
        let local = email.as_str().split('@').next().unwrap_or_default().to_owned();
        let name = name.or_else(|| PersonName::try_from(local).ok()).ok_or(LinkError::AddressUnproven)?;
        let (locale, time_zone) = (organization.locale.clone(), organization.time_zone.clone());
        let user = User::new(ids.id(moment), UserSeed { email, name, locale, time_zone }, moment).verified(moment);
        let (organization, mut writes) = self.organizations.founding_writes(organization, user.id, (moment, ids))?;
        writes.extend(self.users.insert_writes(&user)?);
        writes.extend(self.store.insert(&linked(identity, user.id, moment))?);
        let trail = self.trails.of(organization.id, &origin.request_id, moment).actor(user.id);
        let trail = Arc::new(trail.from(origin.ip, origin.user_agent.clone()));
        match self.store.by(&trail).commit(writes).await {
            Err(StoreError::Refused(_)) => Err(LinkError::NoAccount),
            outcome => Ok(outcome.map(|()| user.id)?),
        }
    }

    /// Links a login with a user, who is told of it.
    ///
    /// # Errors
    /// [`LinkError::OfAnother`], [`LinkError::AlreadyLinked`], or what the table fails with.
    pub async fn link(
        &self,
        (user, organization): (UserId, OrganizationId),
        identity: &ExternalIdentity,
        origin: &Origin,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<LinkedLogin, LinkError> {
        match self.store.find(identity.provider, &identity.subject).await? {
            Some(login) if login.user == user => return Ok(login),
            Some(_) => return Err(LinkError::OfAnother),
            None => {}
        }
        let login = linked(identity, user, moment);
        match self.store.commit(self.store.insert(&login)?.into()).await {
            Err(StoreError::Refused(0)) => return Err(LinkError::OfAnother),
            Err(StoreError::Refused(1)) => return Err(LinkError::AlreadyLinked(identity.provider)),
            outcome => outcome?,
        }
        let provider = identity.provider.to_string();
        let suspicion = Suspicion::of(SecurityEventKind::LoginLinked).marked(&provider).with("provider", &provider);
        self.security.record(&subject(organization, user, origin), &[suspicion], (moment, ids)).await?;
        Ok(login)
    }

    /// Lists the logins of a user.
    ///
    /// # Errors
    /// [`LinkError::Store`] when the table fails.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<LinkedLogin>, LinkError> {
        Ok(self.store.of_user(user).await?)
    }

    /// Unlinks the login of a provider, unless it is the only way into the account.
    ///
    /// # Errors
    /// [`LinkError::Absent`], [`LinkError::LastWayIn`], or what the table fails with.
    pub async fn unlink(&self, user: UserId, provider: LoginProvider) -> Result<(), LinkError> {
        let logins = self.store.of_user(user).await?;
        let login = logins.iter().find(|login| login.provider == provider).ok_or(LinkError::Absent(provider))?;
        let has_password = self.users.get(user).await?.password_hash.is_some();
        let other = logins.iter().map(|login| login.provider).find(|other| *other != provider);
        // The way that is left is part of the transaction: of two who unlink two logins at the same moment, one does.
        let way_in = self.store.check_way_in(user, other.filter(|_| !has_password));
        let mut writes = vec![way_in];
        writes.extend(self.store.delete(login));
        match self.store.commit(writes).await {
            Err(StoreError::Refused(0)) => Err(LinkError::LastWayIn),
            outcome => Ok(outcome?),
        }
    }
}

fn linked(identity: &ExternalIdentity, user: UserId, moment: Timestamp) -> LinkedLogin {
    LinkedLogin { provider: identity.provider, subject: identity.subject.clone(), user, linked_at: moment }
}

/// Gives the address that a provider vouches for.
fn proven_address(identity: &ExternalIdentity) -> Option<EmailAddress> {
    let address = identity.email.clone().filter(|_| identity.email_is_proven)?;
    EmailAddress::try_from(address).ok()
}
