//! The use cases of security events.

use std::collections::BTreeMap;
use std::sync::Arc;

use carillon_contracts::message::{Notice, NoticeRequested};
use carillon_contracts::signal::{SecuritySignal, Signal};
use carillon_contracts::{ApiKeyId, OrganizationId, Origin, Principal, SecurityEventId, UserId};
use carillon_dynamo::{Cursor, Page, Trail, Write};
use carillon_kernel::secret::sha256_hex;
use carillon_kernel::{IdSource, Setup, SetupError};
use carillon_outbox::{Outbox, Ticket};
use jiff::Timestamp;

use super::error::SecurityError;
use super::event::{SecurityEvent, Subject, Suspicion};
use super::kind::SecurityEventKind;
use super::place::{CheckStatus, GeoIp};
use super::sign_in::SignIn;
use super::store::SecurityStore;

/// How many events are read at once, and how often for one page, when a filter leaves out most of them.
const READ: u32 = 100;
const READS: u32 = 5;

/// The security events of all organizations.
#[derive(Debug, Clone)]
pub struct SecurityEvents {
    store: SecurityStore,
    outbox: Outbox,
    geo_ip: GeoIp,
}

/// The writes of events for a transaction, and the tickets of their notices.
#[derive(Debug, Default)]
#[must_use = "commit the writes, then tell the tickets"]
pub struct Raised {
    /// For the transaction: at most two for each suspicion.
    pub writes: Vec<Write>,
    /// For [`SecurityEvents::tell`], after the commit.
    pub tickets: Vec<Ticket>,
}

/// Which events are wanted; what is absent does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecurityEventFilter {
    /// Of this kind.
    pub kind: Option<SecurityEventKind>,
    /// Of this user's account.
    pub user: Option<UserId>,
    /// Of this API key.
    pub api_key: Option<ApiKeyId>,
    /// Whether somebody took note of them.
    pub acknowledged: Option<bool>,
    /// Not before this moment.
    pub from: Option<Timestamp>,
    /// Not after this moment.
    pub to: Option<Timestamp>,
}

impl SecurityEventFilter {
    fn wants(&self, event: &SecurityEvent) -> bool {
        self.kind.is_none_or(|kind| kind == event.kind)
            && self.user.is_none_or(|user| event.user == Some(user))
            && self.api_key.is_none_or(|key| event.api_key == Some(key))
            && self.acknowledged.is_none_or(|wanted| wanted == event.acknowledged_at.is_some())
            && self.from.is_none_or(|from| event.last_at >= from)
            && self.to.is_none_or(|to| event.first_at <= to)
    }
}

impl SecurityEvents {
    /// Opens the security events; needs the setting `ENTITIES_TABLE`, and `GEOIP_DATABASE` for the checks of places.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: SecurityStore::from_setup(setup)?, outbox: Outbox::from_setup(setup)?, geo_ip: GeoIp::from_setup(setup) })
    }

    /// Gives the events for one call's use: what it changes is told in the audit trail.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail), ..self.clone() }
    }

    /// Says which checks of logins are carried out, and why others are not.
    #[must_use]
    pub fn checks(&self) -> BTreeMap<&'static str, CheckStatus> {
        SecurityEventKind::ALL
            .into_iter()
            .map(|kind| match kind {
                SecurityEventKind::NewCountry => (kind.name(), self.geo_ip.countries()),
                SecurityEventKind::ImpossibleTravel => (kind.name(), self.geo_ip.spots()),
                _ => (kind.name(), CheckStatus::On),
            })
            .collect()
    }

    /// Describes a login of a user, so that [`super::SignIns::assess`] can compare it.
    ///
    /// The device is known by the text that the client keeps, and without one by what the client says that it is, its numbers left out:
    /// a browser that was updated is the same device.
    #[must_use]
    pub fn sign_in(&self, user: UserId, origin: &Origin, device: Option<&str>, moment: Timestamp) -> SignIn {
        let agent = || origin.user_agent.as_deref().unwrap_or_default().chars().filter(|letter| letter.is_alphabetic()).collect::<String>();
        let device = device.map_or_else(agent, str::to_owned);
        let mark = sha256_hex(format!("{user}\0{device}").as_bytes()).get(..16).unwrap_or_default().to_owned();
        SignIn { moment, device: mark, place: origin.ip.and_then(|ip| self.geo_ip.find(ip)) }
    }

    /// Makes the writes of events for a transaction of the caller's; [`SecurityEvents::tell`] their tickets after it.
    ///
    /// # Errors
    /// [`SecurityError::Notice`] when a notice cannot be written.
    pub async fn raise(
        &self,
        subject: &Subject<'_>,
        suspicions: &[Suspicion],
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<Raised, SecurityError> {
        let mut raised = Raised::default();
        if suspicions.is_empty() {
            return Ok(raised);
        }
        let kept_days = self.store.kept_days(subject.organization).await?;
        for suspicion in suspicions {
            raised.writes.push(self.store.count_up(subject, suspicion, (moment, kept_days)));
            if let Some(user) = subject.tell {
                let event = suspicion.event_id(subject, moment);
                let notice = Notice::SecurityEvent { organization: subject.organization, event, user };
                let request = NoticeRequested { id: suspicion.notice_id(user, moment), notice };
                let (write, ticket) = self.outbox.write(&request, moment, ids).map_err(SecurityError::Notice)?;
                raised.writes.push(write);
                raised.tickets.push(ticket);
            }
        }
        Ok(raised)
    }

    /// Sends the notices of events whose transaction was committed; what cannot be sent now, the outbox's sweep sends.
    pub async fn tell(&self, tickets: Vec<Ticket>) {
        for ticket in tickets {
            self.outbox.dispatch(ticket).await;
        }
    }

    /// Writes events in transactions of their own, and tells of them; one that happened in the same hour before is only counted up.
    ///
    /// # Errors
    /// [`SecurityError`] when the table does not answer.
    pub async fn record(
        &self,
        subject: &Subject<'_>,
        suspicions: &[Suspicion],
        (moment, ids): (Timestamp, &IdSource),
    ) -> Result<(), SecurityError> {
        for suspicion in suspicions {
            let known = self.store.find(subject.organization, suspicion.event_id(subject, moment)).await?;
            let subject = if known.is_some() { Subject { tell: None, ..*subject } } else { *subject };
            let raised = self.raise(&subject, std::slice::from_ref(suspicion), (moment, ids)).await?;
            self.store.commit(raised.writes).await?;
            self.tell(raised.tickets).await;
        }
        Ok(())
    }

    /// Lists what the harness noticed and nobody judged yet.
    ///
    /// # Errors
    /// [`SecurityError`] when the table does not answer.
    pub async fn signals(&self) -> Result<Vec<SecuritySignal>, SecurityError> {
        Ok(self.store.signals().await?)
    }

    /// Turns a signal into an event, told to `owner`, and takes it away in the same transaction. One that is gone was taken already.
    ///
    /// # Errors
    /// [`SecurityError`] when the table does not answer.
    pub async fn take_signal(&self, signal: &SecuritySignal, owner: Option<UserId>, ids: &IdSource) -> Result<(), SecurityError> {
        let origin = Origin { ip: signal.ip, user_agent: signal.user_agent.clone(), ..Origin::default() };
        let Signal::ApiKeyNewNetwork { key, network } = &signal.signal;
        let suspicion = Suspicion::of(SecurityEventKind::ApiKeyNewNetwork).marked(network).with("network", network);
        let subject = Subject { organization: signal.organization, user: None, api_key: Some(*key), tell: owner, origin: &origin };
        let mut raised = self.raise(&subject, &[suspicion], (signal.at, ids)).await?;
        raised.writes.push(self.store.take(signal));
        match self.store.commit(raised.writes).await {
            Err(error) if error.is_refused() => return Ok(()),
            outcome => outcome?,
        }
        self.tell(raised.tickets).await;
        Ok(())
    }

    /// Gives an event.
    ///
    /// # Errors
    /// [`SecurityError::EventAbsent`], or another [`SecurityError`].
    pub async fn get(&self, organization: OrganizationId, id: SecurityEventId) -> Result<SecurityEvent, SecurityError> {
        self.store.find(organization, id).await?.ok_or(SecurityError::EventAbsent)
    }

    /// Gives a page of the events that a filter wants, the latest first. It may be short or empty although more follow: the cursor tells.
    ///
    /// # Errors
    /// [`SecurityError::Cursor`], or another [`SecurityError`].
    pub async fn page(
        &self,
        organization: OrganizationId,
        filter: &SecurityEventFilter,
        mut cursor: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<SecurityEvent>, SecurityError> {
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut items = Vec::new();
        for _ in 0..READS {
            let page = self.store.page(organization, cursor, READ).await?;
            for event in page.items.into_iter().filter(|event| filter.wants(event)) {
                items.push(event);
                if items.len() == wanted {
                    let next = items.last().map(SecurityStore::after);
                    return Ok(Page { items, next });
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        Ok(Page { items, next: cursor })
    }

    /// Takes note of an event; one that somebody took note of stays as it is.
    ///
    /// # Errors
    /// [`SecurityError::EventAbsent`], [`SecurityError::Raced`] when it happened again at the same moment, or another [`SecurityError`].
    pub async fn acknowledge(
        &self,
        (organization, id): (OrganizationId, SecurityEventId),
        by: Principal,
        moment: Timestamp,
    ) -> Result<SecurityEvent, SecurityError> {
        let event = self.get(organization, id).await?;
        if event.acknowledged_at.is_some() {
            return Ok(event);
        }
        let acknowledged = SecurityEvent { acknowledged_at: Some(moment), acknowledged_by: Some(by.to_string()), ..event.clone() };
        self.store.acknowledge(&event, &acknowledged).await?;
        Ok(acknowledged)
    }
}
