//! How often callers may call: counters in the table of entities, one write a request, a window of a minute.
//!
//! | access pattern | key |
//! | --- | --- |
//! | the counters of an organization in a minute | `RATE#{org}#{minute}` / `RATE` |
//! | those of an address, before it is known who calls | `RATE#ip#{hash}#{minute}` / `RATE` |
//!
//! An item holds the organization's total and a counter for each caller and class. Who was refused is refused for the rest of the minute
//! without another write, in each process: so a caller who does not stop costs nothing, and the item never takes more writes a second
//! than the organization's limit allows. The limits and their defaults stand in `docs/limits.md`.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use carillon_contracts::{Caller, OrganizationId, Permission};
use carillon_dynamo::{Change, Condition, Key, Table, number};
use carillon_kernel::secret::sha256_hex;
use carillon_kernel::{Failure, KeyedHash, Kind, Secret, Setup, SetupError};
use jiff::Timestamp;
use serde::Deserialize;

const WINDOW_SECONDS: i64 = 60;
/// How long counters stay: until nobody's clock is in their minute any more.
const KEPT_SECONDS: i64 = 300;
/// How many refusals a process remembers; more are counted again.
const MOST_REFUSALS: usize = 10_000;

/// A class of routes, which has a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RateClass {
    /// Reading.
    Read,
    /// Changing.
    Write,
    /// Sending, and steering what is sent.
    Send,
    /// Logging in and all that comes before: limited by address, because nobody is known yet.
    Account,
    /// Not limited here: webhooks, which providers repeat, links in mails, health.
    Open,
}

impl RateClass {
    /// The class of a route that needs a permission.
    #[must_use]
    pub fn of(method: &str, permission: Permission) -> Self {
        match (method, permission) {
            ("GET" | "HEAD", _) => Self::Read,
            (_, Permission::CampaignsSend | Permission::MessagesSend) => Self::Send,
            _ => Self::Write,
        }
    }

    const OF_CALLERS: [Self; 3] = [Self::Read, Self::Write, Self::Send];

    /// The letter that its counters end with.
    const fn letter(self) -> char {
        match self {
            Self::Read => 'r',
            Self::Write => 'w',
            Self::Send => 's',
            Self::Account | Self::Open => 'a',
        }
    }
}

/// The limits of a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    organization: u64,
    caller: u64,
    read: u64,
    write: u64,
    send: u64,
    address: u64,
}

impl Limits {
    /// The defaults; `docs/limits.md` says them to users.
    const USUAL: Self = Self { organization: 6000, caller: 3000, read: 3000, write: 1200, send: 600, address: 60 };

    /// Reads the setting `RATE_LIMITS`, `name=number` with commas between; what it does not name is as usual.
    fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        let name = "RATE_LIMITS";
        let mut limits = Self::USUAL;
        for part in setup.find(name).unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let refused = || SetupError::Unreadable { name: name.to_owned(), wanted: "a list such as organization=6000,caller=3000" };
            let (which, most) = part.split_once('=').ok_or_else(refused)?;
            let most = most.parse().ok().filter(|most| *most > 0).ok_or_else(refused)?;
            match which {
                "organization" => limits.organization = most,
                "caller" => limits.caller = most,
                "read" => limits.read = most,
                "write" => limits.write = most,
                "send" => limits.send = most,
                "address" => limits.address = most,
                _ => return Err(refused()),
            }
        }
        Ok(limits)
    }

    const fn of(&self, class: RateClass) -> u64 {
        match class {
            RateClass::Read => self.read,
            RateClass::Write => self.write,
            RateClass::Send => self.send,
            RateClass::Account | RateClass::Open => self.address,
        }
    }
}

/// Where somebody stands with the limit that is nearest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    limit: u64,
    used: u64,
    reset_seconds: u64,
}

impl Standing {
    /// The fields of draft-ietf-httpapi-ratelimit-headers-06, the last draft that has one field for each figure.
    pub(crate) fn headers(&self) -> BTreeMap<String, String> {
        let remaining = self.limit.saturating_sub(self.used);
        let fields = [
            ("ratelimit-limit", self.limit.to_string()),
            ("ratelimit-policy", format!("{};w={WINDOW_SECONDS}", self.limit)),
            ("ratelimit-remaining", remaining.to_string()),
            ("ratelimit-reset", self.reset_seconds.to_string()),
        ];
        fields.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// Refuses who used more than they may.
    pub(crate) fn refusal(&self) -> Result<(), Failure> {
        if self.used <= self.limit {
            return Ok(());
        }
        let detail = format!("more than {} requests in a minute: wait until the next one begins", self.limit);
        Err(Failure::new(Kind::Limited, "caller.too_many_requests", detail).retry_in(Duration::from_secs(self.reset_seconds)))
    }

    const fn is_over(&self) -> bool {
        self.used > self.limit
    }
}

/// What a process remembers of a minute: who is over which limit.
#[derive(Debug, Default)]
struct Refusals {
    minute: i64,
    over: HashMap<String, u64>,
}

/// Counts requests.
#[derive(Clone)]
pub(crate) struct Rates {
    table: Table,
    limits: Limits,
    refusals: Arc<Mutex<Refusals>>,
}

#[derive(Debug, Deserialize)]
struct Counters {
    total: u64,
    #[serde(flatten)]
    others: BTreeMap<String, serde_json::Value>,
}

/// One limit that applies to a request.
struct Applied {
    /// By what its refusals are remembered.
    name: String,
    limit: u64,
    /// The counters that it sums up; none means the total.
    counters: Vec<String>,
}

/// A minute, and how much of it is left.
#[derive(Clone, Copy)]
struct Window {
    minute: i64,
    left_seconds: u64,
}

impl Rates {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        let table = Table::from_setup(setup, "ENTITIES_TABLE")?;
        let refusals = setup.shared(&table.name(), || Arc::new(Mutex::new(Refusals::default())));
        Ok(Self { table, limits: Limits::from_setup(setup)?, refusals })
    }

    /// Counts a request of a known caller; who is over a limit is told so by the standing.
    pub(crate) async fn count_caller(&self, caller: &Caller, class: RateClass, now: Timestamp) -> Result<Standing, Failure> {
        let organization = caller.organization;
        let principal = sha256_hex(caller.principal.to_string().as_bytes());
        let principal = format!("p{}", principal.get(..8).unwrap_or_default());
        let counter = |class: RateClass| format!("{principal}{}", class.letter());
        let applied = [
            Applied { name: organization.to_string(), limit: self.limits.organization, counters: Vec::new() },
            Applied {
                name: format!("{organization}{principal}"),
                limit: self.limits.caller,
                counters: RateClass::OF_CALLERS.map(counter).to_vec(),
            },
            Applied { name: format!("{organization}{}", counter(class)), limit: self.limits.of(class), counters: vec![counter(class)] },
        ];
        self.count(&applied, (Place::Organization(organization), Some(counter(class))), now).await
    }

    async fn count(&self, applied: &[Applied], (place, counter): (Place, Option<String>), now: Timestamp) -> Result<Standing, Failure> {
        let window = Window::at(now);
        if let Some(standing) = self.remembered(applied, window) {
            return Ok(standing);
        }
        let mut change = Change::new().add("total", 1).set_once("ttl", number((window.minute + 1) * WINDOW_SECONDS + KEPT_SECONDS));
        if let Some(counter) = counter {
            change = change.add(counter, 1);
        }
        let counters: Counters = self.table.update_returning(place.key(window.minute), change, Condition::Always).await?;
        let standings = applied.iter().map(|applied| {
            let standing = Standing { limit: applied.limit, used: counters.used(&applied.counters), reset_seconds: window.left_seconds };
            if standing.is_over() {
                self.remember(applied, window);
            }
            standing
        });
        let nearest = standings.min_by_key(|standing| (!standing.is_over(), standing.limit.saturating_sub(standing.used), standing.limit));
        nearest.ok_or_else(|| Failure::new(Kind::Internal, "caller.unlimited", "no limit applies"))
    }

    /// Finds a limit that was seen to be passed in this minute.
    fn remembered(&self, applied: &[Applied], window: Window) -> Option<Standing> {
        let refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = *applied.iter().find_map(|applied| refusals.over.get(&applied.name).filter(|_| refusals.minute == window.minute))?;
        Some(Standing { limit, used: limit.saturating_add(1), reset_seconds: window.left_seconds })
    }

    fn remember(&self, applied: &Applied, window: Window) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if refusals.minute != window.minute || refusals.over.len() >= MOST_REFUSALS {
            *refusals = Refusals { minute: window.minute, over: HashMap::new() };
        }
        refusals.over.insert(applied.name.clone(), applied.limit);
    }
}

/// Counts requests of addresses, for routes that anybody may call.
#[derive(Clone)]
pub(crate) struct AddressRates {
    rates: Rates,
    key: KeyedHash,
}

impl AddressRates {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { rates: Rates::from_setup(setup)?, key: KeyedHash::new(&setup.secret("CREDENTIAL_KEY")?) })
    }

    /// Counts a request from an address; all without one share a counter.
    pub(crate) async fn count(&self, address: Option<IpAddr>, now: Timestamp) -> Result<Standing, Failure> {
        let hash = self.key.hash("rate", &Secret::new(address.map(line).unwrap_or_default()));
        let applied = [Applied { name: hash.clone(), limit: self.rates.limits.address, counters: Vec::new() }];
        self.rates.count(&applied, (Place::Address(hash), None), now).await
    }
}

/// The line that an address belongs to: of IPv6 the first 64 bits, because whoever has one address there has them all.
fn line(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:x}", u128::from(address) >> 64),
    }
}

enum Place {
    Organization(OrganizationId),
    Address(String),
}

impl Place {
    fn key(&self, minute: i64) -> Key {
        let partition = match self {
            Self::Organization(organization) => format!("RATE#{organization}#{minute}"),
            Self::Address(hash) => format!("RATE#ip#{hash}#{minute}"),
        };
        Key::new(partition, "RATE")
    }
}

impl Counters {
    fn used(&self, counters: &[String]) -> u64 {
        let of = |name: &String| self.others.get(name).and_then(serde_json::Value::as_u64).unwrap_or_default();
        if counters.is_empty() { self.total } else { counters.iter().map(of).sum() }
    }
}

impl Window {
    fn at(now: Timestamp) -> Self {
        let left = WINDOW_SECONDS - now.as_second().rem_euclid(WINDOW_SECONDS);
        Self { minute: now.as_second().div_euclid(WINDOW_SECONDS), left_seconds: u64::try_from(left).unwrap_or_default() }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_kernel::{Clock, IdSource};

    use super::*;

    fn limits(text: &str) -> Result<Limits, SetupError> {
        let settings = [("RATE_LIMITS".to_owned(), text.to_owned())].into();
        Limits::from_setup(&Setup::new(Clock::system(), IdSource::seeded(1)).with_settings(settings))
    }

    #[test]
    fn the_class_of_a_route_follows_from_its_method_and_permission() {
        assert_eq!(RateClass::of("GET", Permission::CampaignsSend), RateClass::Read);
        assert_eq!(RateClass::of("POST", Permission::CampaignsSend), RateClass::Send);
        assert_eq!(RateClass::of("POST", Permission::MessagesSend), RateClass::Send);
        assert_eq!(RateClass::of("DELETE", Permission::ContactsWrite), RateClass::Write);
    }

    #[test]
    fn limits_that_are_not_named_are_as_usual() {
        assert_eq!(limits(""), Ok(Limits::USUAL));
        assert_eq!(limits("read=7, address=2"), Ok(Limits { read: 7, address: 2, ..Limits::USUAL }));
        for refused in ["read", "read=0", "read=-1", "reed=5", "read=many"] {
            assert!(limits(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn the_window_ends_with_the_minute() {
        let window = |second| Window::at(Timestamp::from_second(second).unwrap());

        assert_eq!((window(60).minute, window(60).left_seconds), (1, 60));
        assert_eq!((window(119).minute, window(119).left_seconds), (1, 1));
    }

    #[test]
    fn who_used_up_a_limit_is_refused_after_it_and_told_how_long() {
        let standing = |used| Standing { limit: 10, used, reset_seconds: 7 };

        assert!(standing(10).refusal().is_ok());
        assert_eq!(standing(10).headers()["ratelimit-remaining"], "0");
        let refused = standing(11).refusal().unwrap_err();
        assert_eq!((refused.kind, refused.retry_after), (Kind::Limited, Some(Duration::from_secs(7))));
        assert_eq!(standing(11).headers()["ratelimit-remaining"], "0");
        assert_eq!(standing(4).headers()["ratelimit-reset"], "7");
    }

    #[test]
    fn addresses_of_one_line_count_together() {
        let of = |text: &str| line(text.parse().unwrap());

        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
