//! The gate before every function that needs a caller: who calls, how often, from where, how well known, and whether they may.
//!
//! The order is that of the checks in [`Gate::admit`]. What an organization demands (it must not be suspended, its address ranges, its second
//! factor) does not stand before `account.use`: that is one's own account, where one must be able to log out or enrol a second factor.

use carillon_contracts::signal::{SecuritySignal, Signal, network_of};
use carillon_contracts::{Caller, Credential, IpRange, Origin, Permission, Principal, RetentionRecord};
use carillon_dynamo::{Change, Condition, Key, Table, Value, text};
use carillon_kernel::{Failure, Kind, Setup, SetupError};
use carillon_tokens::CsrfDefence;
use jiff::{SignedDuration, Timestamp};

use crate::call::RawRequest;
use crate::credentials::{Credentials, Identified, Shown};
use crate::log;
use crate::rate::{RateClass, Rates, Standing};

/// How old the moment of a key's last use may be: its use costs a write at most so often.
const LAST_USE: SignedDuration = SignedDuration::from_hours(1);
/// How many networks of a key are remembered.
const MOST_NETWORKS: usize = 20;

/// Admits callers.
pub(crate) struct Gate {
    credentials: Credentials,
    rates: Rates,
    csrf: CsrfDefence,
    table: Table,
}

/// A caller who may, and how long their organization keeps what it sends.
pub(crate) type Admitted = (Caller, RetentionRecord);

/// What the gate says of a request, and where its caller stands with the limits, when the caller is known.
pub(crate) struct Admission {
    pub(crate) outcome: Result<Admitted, Failure>,
    pub(crate) standing: Option<Standing>,
}

impl Gate {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            credentials: Credentials::from_setup(setup)?,
            rates: Rates::from_setup(setup)?,
            csrf: CsrfDefence::from_setup(setup)?,
            table: Table::from_setup(setup, "ENTITIES_TABLE")?,
        })
    }

    /// Decides whether a request may reach the function behind this permission.
    pub(crate) async fn admit(&self, request: &RawRequest, permission: Permission) -> Admission {
        let found = match self.credentials.identify(request).await {
            Ok(found) => found,
            Err(failure) => return Admission { outcome: Err(failure), standing: None },
        };
        log::called_by(&found.caller);
        let class = RateClass::of(&request.method, permission);
        let counted = self.rates.count_caller(&found.caller, class, request.moment).await;
        let (standing, counted) = match counted {
            Ok(standing) => (Some(standing.clone()), standing.refusal()),
            Err(failure) => (None, Err(failure)),
        };
        let outcome = match counted {
            Ok(()) => self.let_in(request, found, permission).await,
            Err(failure) => Err(failure),
        };
        Admission { outcome, standing }
    }

    async fn let_in(&self, request: &RawRequest, found: Identified, permission: Permission) -> Result<Admitted, Failure> {
        if permission != Permission::AccountUse {
            meets_policy(&found, &request.origin)?;
        }
        self.is_no_forgery(request, &found)?;
        if !found.caller.may(permission) {
            let detail = format!("the caller lacks the permission {permission}");
            return Err(Failure::new(Kind::Forbidden, "caller.may_not", detail));
        }
        if let Shown::Key(credential) = &found.shown {
            self.remember_use(credential, &request.origin, request.moment).await?;
        }
        Ok((found.caller, found.policy.retention))
    }

    /// A cookie comes along whoever makes the browser send it: what changes something must prove that one of our pages did.
    fn is_no_forgery(&self, request: &RawRequest, found: &Identified) -> Result<(), Failure> {
        let (Shown::Cookie(_), Principal::User(_, session)) = (&found.shown, found.caller.principal) else { return Ok(()) };
        let header = |name: &str| request.headers.get(name).map(String::as_str);
        let is_safe = ["GET", "HEAD"].contains(&request.method.as_str());
        if is_safe || self.csrf.allows(session, (header("origin"), header("x-csrf-token"))) {
            return Ok(());
        }
        let detail = "a change by cookie needs an Origin that is allowed and the session's token in X-CSRF-Token";
        Err(Failure::new(Kind::Forbidden, "caller.csrf", detail))
    }

    /// Writes when and from which network a key was used: at most once an hour, and when the network is new. A new network that is
    /// not the key's first is told to identity, in the same transaction.
    async fn remember_use(&self, credential: &Credential, origin: &Origin, now: Timestamp) -> Result<(), Failure> {
        let network = origin.ip.map(network_of).filter(|network| !credential.networks.contains(network));
        let is_recent = credential.last_used_at.is_some_and(|last| now < last + LAST_USE);
        if is_recent && network.is_none() {
            return Ok(());
        }
        let mut change = Change::new().set("last_used_at", text(now));
        let mut writes = Vec::new();
        if let Some(network) = network {
            let known = credential.networks.iter().skip((credential.networks.len() + 1).saturating_sub(MOST_NETWORKS));
            change = change.set("networks", Value::L(known.chain([&network]).map(text).collect()));
            if !credential.networks.is_empty() {
                let signal = Signal::ApiKeyNewNetwork { key: credential.id, network };
                let (ip, user_agent) = (origin.ip, origin.user_agent.clone());
                let signal = SecuritySignal { organization: credential.organization, signal, at: now, ip, user_agent };
                writes.push(self.table.put(Key::new(signal.partition(), signal.sort()), &signal, Condition::Always)?);
            }
        }
        let unchanged = match credential.last_used_at {
            Some(last) => Condition::Equals("last_used_at", text(last)),
            None => Condition::All(vec![Condition::Present, Condition::Without("last_used_at")]),
        };
        writes.push(self.table.update(Key::new(Credential::partition_key(credential.id), Credential::SORT_KEY), change, unchanged));
        match self.table.commit(writes).await {
            // Another request of the same key wrote at the same moment: the next one sees whether anything is left to say.
            Err(error) if !error.is_refused() => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Checks what the organization, and the key itself, demand of a caller.
fn meets_policy(found: &Identified, origin: &Origin) -> Result<(), Failure> {
    let refused = |code: &'static str, detail: &str| Err(Failure::new(Kind::Forbidden, code, detail));
    let own_ranges = match &found.shown {
        Shown::Key(credential) => credential.ip_ranges.as_slice(),
        Shown::Token(_) | Shown::Cookie(_) => &[],
    };
    let ranges = [found.policy.allowed_ip_ranges.as_slice(), own_ranges];
    if found.policy.suspended.is_some() {
        return refused("caller.organization_suspended", "the organization is suspended: ask the operator of the platform");
    }
    if !ranges.iter().all(|ranges| IpRange::any_contains(ranges, origin.ip)) {
        return refused("caller.address_refused", "this address is not among those from which the caller may come");
    }
    let lacks_factor = found.shown.session().is_some_and(|session| !session.has_second_factor());
    if lacks_factor && found.policy.security.second_factor_required {
        return refused("caller.second_factor_required", "the organization demands a second factor: enrol one, then log in with it");
    }
    Ok(())
}
