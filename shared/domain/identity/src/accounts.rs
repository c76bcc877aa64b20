//! The use cases of accounts for somebody who is not logged in: sign up, prove an address, set a new password.
//!
//! Nobody learns from an answer, or from the time that it takes, whether an address has an account: for an unknown address the same
//! items are read and as many written, and the same message is queued, about a user that nobody is.

use std::sync::Arc;

use carillon_contracts::message::{Notice, NoticeRequested};
use carillon_contracts::{OrganizationId, Origin, PLATFORM_ORGANIZATION, UserId};
use carillon_dynamo::{Trail, Trails, Write};
use carillon_kernel::{IdSource, Setup, SetupError, Signer};
use carillon_outbox::{Outbox, Ticket};
use jiff::Timestamp;

use crate::account_error::AccountError;
use crate::account_store::AccountStore;
use crate::attempts::Subject;
use crate::challenge::{self, Challenge, ChallengePurpose};
use crate::guard::Guard;
use crate::organization::NewOrganization;
use crate::organizations::Organizations;
use crate::password::{Hasher, NewPassword, Password};
use crate::security::{self, SecurityEventKind, SecurityEvents, Suspicion};
use crate::user::{EmailAddress, User, UserSeed};

/// How many items a sign-up writes besides its notice: organization, member, membership, user, address, challenge, audit record.
const SIGN_UP_ITEMS: usize = 7;

/// What somebody signs up with.
#[derive(Debug, Clone)]
pub struct SignUp {
    /// The organization.
    pub organization: NewOrganization,
    /// Its owner.
    pub owner: UserSeed,
    /// The owner's password.
    pub password: NewPassword,
}

/// The accounts.
#[derive(Debug, Clone)]
pub struct Accounts {
    store: AccountStore,
    organizations: Organizations,
    hasher: Hasher,
    guard: Guard,
    outbox: Outbox,
    security: SecurityEvents,
    signer: Signer,
    trails: Trails,
}

impl Accounts {
    /// Opens the accounts for a function; needs the settings `ENTITIES_TABLE`, `PASSWORD_HASH_COST`, `CLIENT_ATTEMPTS`, `LINK_KEY`.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup, function: &'static str) -> Result<Self, SetupError> {
        Ok(Self {
            store: AccountStore::from_setup(setup)?,
            organizations: Organizations::from_setup(setup)?,
            hasher: Hasher::from_setup(setup)?,
            guard: Guard::from_setup(setup)?,
            outbox: Outbox::from_setup(setup)?,
            security: SecurityEvents::from_setup(setup)?,
            signer: Signer::new(&setup.secret("LINK_KEY")?),
            trails: Trails::from_setup(setup, function)?,
        })
    }

    /// Makes an organization and its owner, and asks the owner by mail to prove the address. When the address has an account
    /// already nothing is made, and whoever has it is told by mail.
    ///
    /// # Errors
    /// [`AccountError::TooManyAttempts`], or what the table fails with.
    pub async fn sign_up(&self, new: SignUp, origin: &Origin, (moment, ids): (Timestamp, &IdSource)) -> Result<(), AccountError> {
        self.guard.enter(Subject::Mail(new.owner.email.clone()), origin, moment).await?;
        let hash = self.hasher.hash(&new.password, ids)?;
        let email = new.owner.email.clone();
        let user = User::new(ids.id(moment), new.owner, moment).with_password(hash, moment);
        let known = self.store.find_user_by_address(&email).await?;
        let ticket = match known {
            Some(known) => self.tell_known(&known, (moment, ids)).await?,
            None => match self.found(user, new.organization, origin, (moment, ids)).await {
                // Somebody signed up with the same address at the same moment.
                Err(AccountError::Raced) => {
                    let known = self.store.find_user_by_address(&email).await?.ok_or(AccountError::Raced)?;
                    self.tell_known(&known, (moment, ids)).await?
                }
                outcome => outcome?,
            },
        };
        self.outbox.dispatch(ticket).await;
        Ok(())
    }

    /// Makes a user and the organization that is the user's own.
    async fn found(
        &self,
        user: User,
        organization: NewOrganization,
        origin: &Origin,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<Ticket, AccountError> {
        let challenge = Challenge::new(ids.id(moment), ChallengePurpose::VerifyEmail, user.id, moment);
        let (organization, mut writes) = self.organizations.founding_writes(organization, user.id, (moment, ids))?;
        writes.extend(self.store.insert_user(&user)?);
        writes.push(self.store.insert_challenge(&challenge)?);
        let (notice, ticket) = self.ask(&challenge, (moment, ids))?;
        writes.push(notice);
        self.recorded(organization.id, user.id, origin, moment).commit(writes).await?;
        Ok(ticket)
    }

    /// Sends the link that proves an address once more; to whoever proved it already, word that it is.
    ///
    /// # Errors
    /// [`AccountError::TooManyAttempts`], or what the table fails with.
    pub async fn resend(&self, email: EmailAddress, origin: &Origin, (moment, ids): (Timestamp, &IdSource)) -> Result<(), AccountError> {
        self.guard.enter(Subject::Mail(email.clone()), origin, moment).await?;
        let known = self.store.find_user_by_address(&email).await?;
        let is_proven = known.as_ref().is_some_and(|user| user.email_verified_at.is_some());
        let user = known.map_or_else(|| ids.id(moment), |user| user.id);
        let challenge = Challenge::new(ids.id(moment), ChallengePurpose::VerifyEmail, user, moment);
        let notice = is_proven.then_some(Notice::AlreadySignedUp { user });
        self.challenge(&challenge, notice, (moment, ids)).await
    }

    /// Sends the link by which a new password is set.
    ///
    /// # Errors
    /// [`AccountError::TooManyAttempts`], or what the table fails with.
    pub async fn forgot(&self, email: EmailAddress, origin: &Origin, (moment, ids): (Timestamp, &IdSource)) -> Result<(), AccountError> {
        self.guard.enter(Subject::Mail(email.clone()), origin, moment).await?;
        let known = self.store.find_user_by_address(&email).await?;
        let user = known.map_or_else(|| ids.id(moment), |user| user.id);
        let challenge = Challenge::new(ids.id(moment), ChallengePurpose::ResetPassword, user, moment);
        self.challenge(&challenge, None, (moment, ids)).await
    }

    /// Proves an address by the text of a link.
    ///
    /// # Errors
    /// [`AccountError::ChallengeInvalid`], [`AccountError::Raced`], or what the table fails with.
    pub async fn verify(&self, link: &str, origin: &Origin, moment: Timestamp) -> Result<(), AccountError> {
        let (challenge, before) = self.challenged(ChallengePurpose::VerifyEmail, link, moment).await?;
        let after = before.clone().verified(moment).changed(moment);
        let store = self.recorded(PLATFORM_ORGANIZATION, before.id, origin, moment);
        met(store.commit(vec![store.meet(challenge.id), store.replace_user((&before, &after))?]).await)
    }

    /// Sets a new password by the text of a link: all sessions end, the address is proven by the way, and the user is told. Links that
    /// were asked for before the present password was set are worth nothing any more.
    ///
    /// # Errors
    /// [`AccountError::ChallengeInvalid`], [`AccountError::PasswordRefused`], [`AccountError::Raced`], or what the table fails with.
    pub async fn reset(
        &self,
        (link, password): (&str, &Password),
        origin: &Origin,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<(), AccountError> {
        let (challenge, before) = self.challenged(ChallengePurpose::ResetPassword, link, moment).await?;
        if before.set_password_after(challenge.created_at) {
            return Err(AccountError::ChallengeInvalid);
        }
        let new = NewPassword::parse(password, &before.words()).map_err(AccountError::PasswordRefused)?;
        let after = before.clone().with_password(self.hasher.hash(&new, ids)?, moment).verified(moment).changed(moment);
        let store = self.recorded(PLATFORM_ORGANIZATION, before.id, origin, moment);
        let mut writes = vec![store.meet(challenge.id), store.replace_user((&before, &after))?];
        writes.extend(store.sessions_of(before.id, moment).await?.iter().map(|session| store.revoke_session(session, moment)));
        let (notice, ticket) = changed(&self.outbox, (before.id, "password"), (moment, ids))?;
        writes.push(notice);
        met(store.commit(writes).await)?;
        self.outbox.dispatch(ticket).await;
        self.store.commit(vec![self.store.forget_attempts(&Subject::Account(before.email.clone()))]).await?;
        let subject = security::Subject {
            organization: before.last_organization.unwrap_or(PLATFORM_ORGANIZATION),
            user: Some(before.id),
            api_key: None,
            // The notice that the password was changed says it already.
            tell: None,
            origin,
        };
        Ok(self.security.record(&subject, &[Suspicion::of(SecurityEventKind::PasswordReset)], (moment, ids)).await?)
    }

    /// Tells the owner of an address that somebody signed up with it, and writes as much as a sign-up does.
    async fn tell_known(&self, user: &User, (moment, ids): (Timestamp, &IdSource)) -> Result<Ticket, AccountError> {
        let request = NoticeRequested { id: ids.uuid(moment).to_string(), notice: Notice::AlreadySignedUp { user: user.id } };
        let (notice, ticket) = self.outbox.write(&request, moment, ids)?;
        let stands_in = || Challenge::new(ids.id(moment), ChallengePurpose::VerifyEmail, ids.id(moment), moment);
        let mut writes: Vec<Write> = (0..SIGN_UP_ITEMS).map(|_| self.store.insert_challenge(&stands_in())).collect::<Result<_, _>>()?;
        writes.push(notice);
        self.store.commit(writes).await?;
        Ok(ticket)
    }

    /// Writes a challenge and asks for its mail, or for another one in its place.
    async fn challenge(
        &self,
        challenge: &Challenge,
        instead: Option<Notice>,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<(), AccountError> {
        let (notice, ticket) = match instead {
            None => self.ask(challenge, (moment, ids))?,
            Some(notice) => self.outbox.write(&NoticeRequested { id: challenge.id.to_string(), notice }, moment, ids)?,
        };
        self.store.commit(vec![self.store.insert_challenge(challenge)?, notice]).await?;
        self.outbox.dispatch(ticket).await;
        Ok(())
    }

    fn ask(&self, challenge: &Challenge, (moment, ids): (Timestamp, &IdSource)) -> Result<(Write, Ticket), AccountError> {
        Ok(self.outbox.write(&mail_of(challenge), moment, ids)?)
    }

    /// Gives the open challenge of a link, and its user.
    async fn challenged(&self, purpose: ChallengePurpose, link: &str, moment: Timestamp) -> Result<(Challenge, User), AccountError> {
        let id = challenge::read(&self.signer, purpose, link).ok_or(AccountError::ChallengeInvalid)?;
        let found = self.store.find_challenge(id).await?;
        let challenge = found.filter(|found| found.purpose == purpose && found.is_open(moment)).ok_or(AccountError::ChallengeInvalid)?;
        let user = self.store.find_user(challenge.user).await?.ok_or(AccountError::ChallengeInvalid)?;
        Ok((challenge, user))
    }

    /// The store, with a record in an organization's trail of what the user does.
    fn recorded(&self, organization: OrganizationId, user: UserId, origin: &Origin, moment: Timestamp) -> AccountStore {
        self.store.by(&trail(&self.trails, (organization, user), origin, moment))
    }
}

/// The trail of what a user does who is not logged in, or not yet.
pub(crate) fn trail(trails: &Trails, (organization, user): (OrganizationId, UserId), origin: &Origin, moment: Timestamp) -> Arc<Trail> {
    let trail = trails.of(organization, origin.request_id.clone(), moment).actor(user);
    Arc::new(trail.from(origin.ip, origin.user_agent.clone()))
}

/// The notice that brings a challenge to its user.
pub(crate) fn mail_of(challenge: &Challenge) -> NoticeRequested {
    let (user, id) = (challenge.user, challenge.id.to_string());
    let notice = match challenge.purpose {
        ChallengePurpose::VerifyEmail => Notice::VerifyEmail { user, challenge: id.clone() },
        ChallengePurpose::ResetPassword => Notice::ResetPassword { user, challenge: id.clone() },
        ChallengePurpose::ConfirmLogin | ChallengePurpose::SecondFactor => Notice::ConfirmLogin { user, challenge: id.clone() },
    };
    NoticeRequested { id, notice }
}

/// Makes the notice that something of an account was changed; `what` fits into a sentence.
pub(crate) fn changed(
    outbox: &Outbox,
    (user, what): (UserId, &str),
    (moment, ids): (Timestamp, &IdSource),
) -> Result<(Write, Ticket), AccountError> {
    let notice = Notice::AccountChanged { user, what: what.to_owned() };
    Ok(outbox.write(&NoticeRequested { id: ids.uuid(moment).to_string(), notice }, moment, ids)?)
}

/// Reads the outcome of a commit whose first write meets a challenge: refused there, somebody else met it.
fn met(outcome: Result<(), carillon_dynamo::StoreError>) -> Result<(), AccountError> {
    match outcome {
        Err(carillon_dynamo::StoreError::Refused(0)) => Err(AccountError::ChallengeInvalid),
        outcome => Ok(outcome?),
    }
}
