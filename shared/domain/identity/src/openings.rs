//! How a session begins: in one transaction with what was proven for it, so that a challenge or a code opens one session at most, with
//! the ends of the sessions in whose place it comes, and with the events of it.

use std::collections::BTreeSet;

use carillon_contracts::{AuthenticationMethod, OrganizationId, Origin, SessionId, UserId};
use carillon_dynamo::{StoreError, Trails, Write};
use carillon_kernel::{IdSource, KeyedHash, Setup, SetupError};
use jiff::{SignedDuration, Timestamp};

use crate::account_error::AccountError;
use crate::account_store::AccountStore;
use crate::accounts::trail;
use crate::logins::subject;
use crate::members::Members;
use crate::organization::Organization;
use crate::organizations::Organizations;
use crate::plan::SessionLimits;
use crate::security::{SecurityEventKind, SecurityEvents, SignIn, Suspicion};
use crate::session::{Beginning, RefreshToken, Session};
use crate::user::User;

/// How often a session is begun that somebody else's change of the same user prevented.
const TRIES: u32 = 3;

/// Where a login comes from.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    /// The request's origin.
    pub origin: &'a Origin,
    /// The text by which a browser is known again, if it kept one.
    pub device: Option<&'a str>,
    /// The session that the browser has, which ends when another of the same user begins in it.
    pub session: Option<SessionId>,
}

/// A session that was just opened or refreshed, with what its client keeps.
#[derive(Debug)]
pub struct OpenSession {
    /// The session.
    pub session: Session,
    /// Its refresh token, shown this once.
    pub refresh_token: RefreshToken,
}

/// What a session begins after.
pub(crate) struct Entrance<'a> {
    pub(crate) organization: OrganizationId,
    pub(crate) amr: BTreeSet<AuthenticationMethod>,
    pub(crate) suspicions: Vec<Suspicion>,
    pub(crate) visit: Visit<'a>,
}

/// What opens sessions.
#[derive(Debug, Clone)]
pub(crate) struct Openings {
    store: AccountStore,
    organizations: Organizations,
    members: Members,
    security: SecurityEvents,
    keyed: KeyedHash,
    trails: Trails,
    limits: SessionLimits,
}

impl Visit<'_> {
    /// Describes it as a login of a user, for comparing.
    pub(crate) fn sign_in(&self, security: &SecurityEvents, user: UserId, moment: Timestamp) -> SignIn {
        security.sign_in(user, self.origin, self.device, moment)
    }
}

impl Openings {
    pub(crate) fn from_setup(setup: &Setup, function: &'static str) -> Result<Self, SetupError> {
        Ok(Self {
            store: AccountStore::from_setup(setup)?,
            organizations: Organizations::from_setup(setup)?,
            members: Members::from_setup(setup)?,
            security: SecurityEvents::from_setup(setup)?,
            keyed: KeyedHash::new(&setup.secret("CREDENTIAL_KEY")?),
            trails: Trails::from_setup(setup, function)?,
            limits: SessionLimits::from_setup(setup)?,
        })
    }

    /// Opens a session and uses up what was proven for it; the sessions that were used longest ago end where there would be more than
    /// are allowed.
    pub(crate) async fn open(
        &self,
        user: UserId,
        entrance: Entrance<'_>,
        used: Vec<Write>,
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<OpenSession, AccountError> {
        let Entrance { organization, amr, suspicions, visit } = entrance;
        let store = self.store.by(&trail(&self.trails, (organization, user), visit.origin, moment));
        let entered = self.organizations.get(organization).await?;
        let hours = i64::from(entered.security.session_hours.get());
        let sign_in = visit.sign_in(&self.security, user, moment);
        for _ in 0..TRIES {
            let before = store.find_user(user).await?.ok_or(AccountError::UserAbsent)?;
            let mut after = User { last_organization: Some(organization), ..before.clone() }.changed(moment);
            after.sign_ins.remember(&sign_in);
            let place = sign_in.place.as_ref().map(|place| place.country.clone());
            let beginning = Beginning { user, organization, amr: amr.clone(), lives: SignedDuration::from_hours(hours), place };
            let (session, refresh_token) = Session::begin(beginning, visit.origin, &self.keyed, (moment, ids));
            let (ended, limit_reached) = self.ended((user, &entered), store.sessions_of(user, moment).await?, visit.session).await?;
            let mut writes = used.clone();
            writes.extend([store.insert_session(&session)?, store.replace_user((&before, &after))?]);
            writes.extend(ended.iter().map(|session| store.revoke_session(session, moment)));
            let suspicions: Vec<Suspicion> = suspicions.iter().cloned().chain(limit_reached).collect();
            let raised = self.security.raise(&subject(organization, user, visit.origin), &suspicions, (moment, ids)).await?;
            writes.extend(raised.writes);
            match store.commit(writes).await {
                Ok(()) => {
                    self.security.tell(raised.tickets).await;
                    return Ok(OpenSession { session, refresh_token });
                }
                // The challenge was met, or the code was used, by another request at the same moment.
                Err(StoreError::Refused(0)) if !used.is_empty() => return Err(AccountError::ChallengeInvalid),
                Err(StoreError::Refused(1)) if used.len() > 1 => return Err(AccountError::CodeRefused),
                Err(StoreError::Refused(_) | StoreError::Contended) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AccountError::Raced)
    }

    /// Tells which sessions end for a new one, and whether that is because there are too many.
    async fn ended(
        &self,
        (user, entered): (UserId, &Organization),
        sessions: Vec<Session>,
        of_browser: Option<SessionId>,
    ) -> Result<(Vec<Session>, Option<Suspicion>), AccountError> {
        let (mut ended, others): (Vec<Session>, Vec<Session>) = sessions.into_iter().partition(|session| Some(session.id) == of_browser);
        let wanted = others.len() + 1;
        let mut most = self.limits.of(&entered.plan);
        if wanted > most {
            most = self.most_of_all(user).await?.max(most);
        }
        let too_many = wanted.saturating_sub(most);
        ended.extend(others.into_iter().take(too_many));
        Ok((ended, (too_many > 0).then(|| Suspicion::of(SecurityEventKind::SessionLimitReached))))
    }

    /// Gives the largest limit of all organizations of a user: a session moves between them, so that it counts for none of them alone.
    async fn most_of_all(&self, user: UserId) -> Result<usize, AccountError> {
        let organizations: Vec<OrganizationId> =
            self.members.of_user(user).await?.into_iter().map(|membership| membership.organization).collect();
        let organizations = self.organizations.find_many(&organizations).await?;
        Ok(organizations.iter().map(|organization| self.limits.of(&organization.plan)).max().unwrap_or_default())
    }
}
