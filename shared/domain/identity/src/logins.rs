//! The use cases of logging in: a password, then a second factor where there is one or the login looks unusual, then a session.
//!
//! A wrong password, an unknown address and an account without a password are one answer after the same work.

use std::collections::BTreeSet;

use carillon_contracts::{AuthenticationMethod, OrganizationId, Origin, PLATFORM_ORGANIZATION, UserId};
use carillon_dynamo::Write;
use carillon_kernel::secret::equal_in_constant_time;
use carillon_kernel::{IdSource, Secret, Setup, SetupError, Signer};
use carillon_outbox::Outbox;
use carillon_vault::{Purpose, Scope, Vault};
use jiff::Timestamp;
use serde::Serialize;

use crate::account_error::AccountError;
use crate::account_store::AccountStore;
use crate::accounts::mail_of;
use crate::attempts::Subject;
use crate::challenge::{self, Challenge, ChallengePurpose};
use crate::guard::{Guard, Pass};
use crate::members::Members;
use crate::openings::{Entrance, OpenSession, Openings, Visit};
use crate::organizations::Organizations;
use crate::password::{Hasher, Password, Verdict};
use crate::security::{self, SecurityEventKind, SecurityEvents, Suspicion};
use crate::totp::{SecondFactor, Seed};
use crate::user::{EmailAddress, User};

/// A login whose first factor was proven.
#[derive(Debug, Clone, Copy)]
pub struct Admission<'a> {
    /// By which method.
    pub method: AuthenticationMethod,
    /// The organization that is asked for; that of the last login when absent.
    pub organization: Option<OrganizationId>,
    /// Where it comes from.
    pub visit: Visit<'a>,
}

/// What a login led to.
#[derive(Debug)]
pub enum LoginOutcome {
    /// A session.
    Open(Box<OpenSession>),
    /// One more proof is asked for.
    SecondFactor(Demand),
}

/// What is asked for besides the first factor.
#[derive(Debug)]
pub struct Demand {
    /// The text to answer with.
    pub challenge: Secret,
    /// What proves it.
    pub methods: Vec<ProofMethod>,
    /// Until when.
    pub expires_at: Timestamp,
}

/// The kinds of proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofMethod {
    /// A code of the device with the seed.
    Totp,
    /// A recovery code.
    RecoveryCode,
    /// The code of a mail.
    EmailCode,
}

/// A proof as it was typed.
#[derive(Debug, Clone)]
pub enum Proof {
    /// A code of the device, or of the mail: the challenge tells which.
    Code(Secret),
    /// A recovery code.
    RecoveryCode(Secret),
}

/// A proof that held: how, and the write that uses it up.
struct Proven {
    method: Option<AuthenticationMethod>,
    used: Option<Write>,
    suspicions: Vec<Suspicion>,
}

/// The logins.
#[derive(Debug, Clone)]
pub struct Logins {
    store: AccountStore,
    members: Members,
    organizations: Organizations,
    hasher: Hasher,
    guard: Guard,
    vault: Vault,
    security: SecurityEvents,
    outbox: Outbox,
    signer: Signer,
    openings: Openings,
}

impl Logins {
    /// Opens the logins for a function; needs the settings `ENTITIES_TABLE`, `PASSWORD_HASH_COST`, `CLIENT_ATTEMPTS`, `SESSION_LIMITS`, `LINK_KEY`,
    /// `CREDENTIAL_KEY` and those of the vault.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup, function: &'static str) -> Result<Self, SetupError> {
        Ok(Self {
            store: AccountStore::from_setup(setup)?,
            members: Members::from_setup(setup)?,
            organizations: Organizations::from_setup(setup)?,
            hasher: Hasher::from_setup(setup)?,
            guard: Guard::from_setup(setup)?,
            vault: Vault::from_setup(setup)?,
            security: SecurityEvents::from_setup(setup)?,
            outbox: Outbox::from_setup(setup)?,
            signer: Signer::new(&setup.secret("LINK_KEY")?),
            openings: Openings::from_setup(setup, function)?,
        })
    }

    /// Logs in by a password.
    ///
    /// # Errors
    /// [`AccountError::LoginRefused`], [`AccountError::EmailUnverified`], [`AccountError::NoMembership`], [`AccountError::TooManyAttempts`], or what
    /// the table fails with.
    pub async fn log_in(
        &self,
        (email, password): (EmailAddress, &Password),
        (organization, visit): (Option<OrganizationId>, Visit<'_>),
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<LoginOutcome, AccountError> {
        let pass = self.guard.enter(Subject::Account(email.clone()), visit.origin, moment).await?;
        let found = self.store.find_user_by_address(&email).await?;
        let known = found.as_ref().map(|user| user.id);
        let verdict = self.hasher.verify(password, found.as_ref().and_then(|user| user.password_hash.as_ref()));
        let Some(user) = found.filter(|_| verdict != Verdict::Wrong) else {
            self.failed(&pass, known, visit.origin, (moment, ids)).await?;
            return Err(AccountError::LoginRefused);
        };
        self.guard.leave(pass).await?;
        if user.email_verified_at.is_none() {
            return Err(AccountError::EmailUnverified);
        }
        if verdict == Verdict::RightButOutdated {
            self.upgrade(&user, password, (moment, ids)).await?;
        }
        self.admit(user.id, Admission { method: AuthenticationMethod::Password, organization, visit }, (moment, ids)).await
    }

    /// Goes on after a first factor was proven, by whatever method: asks for one more proof, or opens a session.
    ///
    /// # Errors
    /// [`AccountError::UserAbsent`], [`AccountError::NoMembership`], or what the table fails with.
    pub async fn admit(
        &self,
        user: UserId,
        admission: Admission<'_>,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<LoginOutcome, AccountError> {
        let user = self.store.find_user(user).await?.ok_or(AccountError::UserAbsent)?;
        let organization = self.organization(&user, admission.organization).await?;
        let visit = admission.visit;
        let second_factor = self.store.find_second_factor(user.id).await?;
        if second_factor.is_some_and(|factor| factor.is_confirmed()) {
            return self.demand(ChallengePurpose::SecondFactor, (&user, organization), admission, (moment, ids)).await;
        }
        let policy = self.organizations.get(organization).await?.security;
        let found = user.sign_ins.assess(&visit.sign_in(&self.security, user.id, moment), &policy.step_up_on);
        if found.step_up {
            let subject = subject(organization, user.id, visit.origin);
            self.security.record(&subject, &found.suspicions, (moment, ids)).await?;
            return self.demand(ChallengePurpose::ConfirmLogin, (&user, organization), admission, (moment, ids)).await;
        }
        let entrance = Entrance { organization, amr: [admission.method].into(), suspicions: found.suspicions, visit };
        Ok(LoginOutcome::Open(Box::new(self.openings.open(user.id, entrance, Vec::new(), (moment, ids)).await?)))
    }

    /// Answers the demand for one more proof.
    ///
    /// # Errors
    /// [`AccountError::ChallengeInvalid`], [`AccountError::CodeRefused`], [`AccountError::TooManyAttempts`], or what the table fails with.
    pub async fn prove(
        &self,
        (challenge, proof): (&str, &Proof),
        visit: Visit<'_>,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<OpenSession, AccountError> {
        let challenge = self.demanded(challenge, moment).await?;
        let pass = self.guard.enter(Subject::SecondFactor(challenge.user), visit.origin, moment).await?;
        let Some(proven) = self.check(&challenge, proof, moment).await? else {
            self.failed(&pass, Some(challenge.user), visit.origin, (moment, ids)).await?;
            return Err(AccountError::CodeRefused);
        };
        self.guard.leave(pass).await?;
        let user = self.store.find_user(challenge.user).await?.ok_or(AccountError::ChallengeInvalid)?;
        let organization = self.organization(&user, challenge.organization).await?;
        let mut suspicions = proven.suspicions;
        if challenge.purpose == ChallengePurpose::SecondFactor {
            // What a confirmation by mail was asked for is written down already.
            suspicions.extend(user.sign_ins.assess(&visit.sign_in(&self.security, user.id, moment), &BTreeSet::new()).suspicions);
        }
        let amr = challenge.method.into_iter().chain(proven.method).collect();
        let used: Vec<Write> = [Some(self.store.meet(challenge.id)), proven.used].into_iter().flatten().collect();
        self.openings.open(user.id, Entrance { organization, amr, suspicions, visit }, used, (moment, ids)).await
    }

    /// Gives the organization that a session acts in: the one that is asked for, else that of the last login, else the oldest membership.
    async fn organization(&self, user: &User, wanted: Option<OrganizationId>) -> Result<OrganizationId, AccountError> {
        let memberships = self.members.of_user(user.id).await?;
        let is_member = |organization: &OrganizationId| memberships.iter().any(|membership| membership.organization == *organization);
        match wanted {
            Some(wanted) => Some(wanted).filter(is_member),
            None => user.last_organization.filter(is_member).or_else(|| memberships.first().map(|membership| membership.organization)),
        }
        .ok_or(AccountError::NoMembership)
    }

    /// Notes a failure that makes the next try wait; as much is done where there is no such account.
    async fn failed(
        &self,
        pass: &Pass,
        user: Option<UserId>,
        origin: &Origin,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<(), AccountError> {
        if !pass.locks {
            return Ok(());
        }
        let somebody = user.unwrap_or_else(|| ids.id(moment));
        let home = self.members.of_user(somebody).await?.first().map_or(PLATFORM_ORGANIZATION, |membership| membership.organization);
        let told = subject(home, somebody, origin);
        // One mail says it: what follows from the tries.
        let untold = security::Subject { tell: None, ..told };
        self.security.record(&untold, &[Suspicion::of(SecurityEventKind::ManyFailures)], (moment, ids)).await?;
        Ok(self.security.record(&told, &[Suspicion::of(SecurityEventKind::AccountLocked)], (moment, ids)).await?)
    }

    /// Stores the password at the present cost; whoever changes the user at the same moment goes first.
    async fn upgrade(&self, user: &User, password: &Password, (moment, ids): (Timestamp, &IdSource)) -> Result<(), AccountError> {
        let after = user.clone().with_hash(self.hasher.keep(password, ids)?).changed(moment);
        match self.store.commit(vec![self.store.replace_user((user, &after))?]).await.map_err(AccountError::from) {
            Ok(()) | Err(AccountError::Raced) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn demand(
        &self,
        purpose: ChallengePurpose,
        (user, organization): (&User, OrganizationId),
        admission: Admission<'_>,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<LoginOutcome, AccountError> {
        let challenge = Challenge::new(ids.id(moment), purpose, user.id, moment);
        let challenge = Challenge { organization: Some(organization), method: Some(admission.method), ..challenge };
        let mut writes = vec![self.store.insert_challenge(&challenge)?];
        let methods = if purpose == ChallengePurpose::ConfirmLogin {
            self.guard.enter(Subject::LoginMail(user.id), admission.visit.origin, moment).await?;
            let (notice, ticket) = self.outbox.write(&mail_of(&challenge), moment, ids)?;
            writes.push(notice);
            self.store.commit(writes).await?;
            self.outbox.dispatch(ticket).await;
            vec![ProofMethod::EmailCode]
        } else {
            self.store.commit(writes).await?;
            vec![ProofMethod::Totp, ProofMethod::RecoveryCode]
        };
        let text = challenge::text(&self.signer, purpose, challenge.id);
        Ok(LoginOutcome::SecondFactor(Demand { challenge: text, methods, expires_at: challenge.expires_at }))
    }

    /// Gives the open challenge that a text names.
    async fn demanded(&self, text: &str, moment: Timestamp) -> Result<Challenge, AccountError> {
        let read = |purpose| challenge::read(&self.signer, purpose, text).map(|id| (id, purpose));
        let named = read(ChallengePurpose::SecondFactor).or_else(|| read(ChallengePurpose::ConfirmLogin));
        let (id, purpose) = named.ok_or(AccountError::ChallengeInvalid)?;
        let found = self.store.find_challenge(id).await?;
        found.filter(|found| found.purpose == purpose && found.is_open(moment)).ok_or(AccountError::ChallengeInvalid)
    }

    /// Tells whether a proof holds.
    async fn check(&self, challenge: &Challenge, proof: &Proof, moment: Timestamp) -> Result<Option<Proven>, AccountError> {
        let user = challenge.user;
        match (challenge.purpose, proof) {
            (ChallengePurpose::ConfirmLogin, Proof::Code(code)) => {
                let expected = challenge::code(&self.signer, challenge.id);
                let is_right = equal_in_constant_time(expected.expose().as_bytes(), code.expose().trim().as_bytes());
                Ok(is_right.then(|| Proven { method: None, used: None, suspicions: Vec::new() }))
            }
            (ChallengePurpose::SecondFactor, Proof::Code(code)) => {
                let factor = self.store.find_second_factor(user).await?.filter(SecondFactor::is_confirmed);
                let Some(factor) = factor else { return Ok(None) };
                let step = step_of(&self.vault, &factor, (code, moment)).await?;
                let used = step.map(|step| self.store.accept_step(user, step));
                Ok(used.map(|used| Proven { method: Some(AuthenticationMethod::Otp), used: Some(used), suspicions: Vec::new() }))
            }
            (ChallengePurpose::SecondFactor, Proof::RecoveryCode(code)) => {
                let codes = self.store.find_recovery_codes(user).await?;
                let left = codes.map(|codes| codes.without(&self.hasher, code.expose())).transpose()?.flatten();
                let used = left.map(|left| self.store.use_recovery_code(user, &left)).transpose()?;
                let suspicions = vec![Suspicion::of(SecurityEventKind::RecoveryCodeUsed)];
                Ok(used.map(|used| Proven { method: Some(AuthenticationMethod::RecoveryCode), used: Some(used), suspicions }))
            }
            _ => Ok(None),
        }
    }
}

/// Gives the step of a code that was not accepted before.
pub(crate) async fn step_of(
    vault: &Vault,
    factor: &SecondFactor,
    (code, moment): (&Secret, Timestamp),
) -> Result<Option<u64>, AccountError> {
    let opened = vault.open(&Scope::new(factor.user, Purpose::TotpSeed), &factor.sealed).await?;
    let step = Seed::of_bytes(opened.expose()).and_then(|seed| seed.step_of(code.expose(), moment));
    Ok(step.filter(|step| *step > factor.last_step))
}

/// A user of an organization to whom something happens, and who is told.
pub(crate) fn subject(organization: OrganizationId, user: UserId, origin: &Origin) -> security::Subject<'_> {
    security::Subject { organization, user: Some(user), api_key: None, tell: Some(user), origin }
}
