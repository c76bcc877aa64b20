//! A security event, and what it is made of.

use std::collections::BTreeMap;

use carillon_contracts::{ApiKeyId, OrganizationId, Origin, SecurityEventId, UserId};
use carillon_kernel::secret::sha256_hex;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::kind::SecurityEventKind;
use crate::session::device;

const HOUR_SECONDS: i64 = 3600;

/// Something that looked unlike the usual, as often as it did within an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityEvent {
    /// The id.
    pub id: SecurityEventId,
    /// The organization.
    pub organization: OrganizationId,
    /// What happened.
    pub kind: SecurityEventKind,
    /// To whose account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// With which API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKeyId>,
    /// From which address, the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// With which program, the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// What else is known, by its name.
    #[serde(default)]
    pub details: BTreeMap<String, String>,
    /// Whether one more proof was asked for.
    #[serde(default)]
    pub step_up: bool,
    /// When it happened first.
    pub first_at: Timestamp,
    /// When it happened last.
    pub last_at: Timestamp,
    /// How often.
    pub count: u64,
    /// When somebody took note of it; when it happens again it is unread again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<Timestamp>,
    /// Who took note of it: a user or an API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
}

/// Something suspicious, before it is known where it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    /// What happened.
    pub kind: SecurityEventKind,
    /// What tells it from others of its kind: a device, a country, a network.
    pub mark: String,
    /// What else is known, by its name; never a secret.
    pub details: BTreeMap<String, String>,
    /// Whether one more proof is asked for.
    pub step_up: bool,
}

/// To whom it happened, and who is told.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The organization: that of the session.
    pub organization: OrganizationId,
    /// Whose account.
    pub user: Option<UserId>,
    /// Which API key.
    pub api_key: Option<ApiKeyId>,
    /// Who gets the notice: the account's user, or the organization's owner; nobody where there is no user at all.
    pub tell: Option<UserId>,
    /// From where the request came.
    pub origin: &'a Origin,
}

impl Suspicion {
    /// Something of this kind.
    #[must_use]
    pub const fn of(kind: SecurityEventKind) -> Self {
        Self { kind, mark: String::new(), details: BTreeMap::new(), step_up: false }
    }

    /// Says what tells it from others of its kind, so that they become events of their own.
    #[must_use]
    pub fn marked(self, mark: &str) -> Self {
        Self { mark: mark.to_owned(), ..self }
    }

    /// Adds something that is known; never a secret.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.details.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The id of the event that it becomes: the same for the same of the same hour. It sorts by the hour.
    pub(super) fn event_id(&self, subject: &Subject<'_>, moment: Timestamp) -> SecurityEventId {
        let hour = hour(moment);
        let who = (subject.user.map(|user| user.to_string()), subject.api_key.map(|key| key.to_string()));
        let what = format!("{}\0{}\0{who:?}\0{}\0{hour}", subject.organization, self.kind, self.mark);
        let hash = u128::from_str_radix(sha256_hex(what.as_bytes()).get(..32).unwrap_or_default(), 16).unwrap_or_default();
        let milliseconds = u128::try_from(hour * HOUR_SECONDS * 1000).unwrap_or_default();
        SecurityEventId::from_bytes(((milliseconds << 80) | (hash >> 48)).to_be_bytes())
    }

    /// What makes its notice itself: one for each kind, user and hour; of logins that were linked one for each provider, because the second
    /// may be somebody else's.
    pub(super) fn notice_id(&self, tell: UserId, moment: Timestamp) -> String {
        let mark = if self.kind == SecurityEventKind::LoginLinked { self.mark.as_str() } else { "" };
        format!("security:{}:{tell}:{}:{mark}", self.kind, hour(moment))
    }
}

impl SecurityEvent {
    /// What happened, in a few words, for the subject of a mail.
    #[must_use]
    pub const fn title(&self) -> &'static str {
        self.kind.title()
    }

    /// What happened, when, where and with what, in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut sentence = format!("{} on {}", self.kind.title(), self.last_at.strftime("%-d %B %Y at %H:%M UTC"));
        if let Some(ip) = &self.ip {
            sentence.push_str(&format!(", from the address {ip}"));
        }
        if let Some(country) = self.details.get("country").or_else(|| self.details.get("to")) {
            sentence.push_str(&format!(" in {country}"));
        }
        if let Some(network) = self.details.get("network") {
            sentence.push_str(&format!(", from the network {network}"));
        }
        if let Some(provider) = self.details.get("provider") {
            sentence.push_str(&format!(", a login of {provider}"));
        }
        if let Some(agent) = &self.user_agent {
            sentence.push_str(&format!(", with {}", device(Some(agent))));
        }
        if self.count > 1 {
            sentence.push_str(&format!("; {} times within an hour", self.count));
        }
        sentence + "."
    }
}

fn hour(moment: Timestamp) -> i64 {
    moment.as_second().div_euclid(HOUR_SECONDS)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn subject(origin: &Origin) -> Subject<'_> {
        let user = UserId::from_bytes([2; 16]);
        Subject { organization: OrganizationId::from_bytes([1; 16]), user: Some(user), api_key: None, tell: Some(user), origin }
    }

    #[test]
    fn the_same_within_an_hour_is_the_same_event() {
        let origin = Origin::default();
        let id = |suspicion: Suspicion, second| suspicion.event_id(&subject(&origin), at(second));
        let device = |mark| Suspicion::of(SecurityEventKind::NewDevice).marked(mark);

        assert_eq!(id(device("a"), 7200), id(device("a"), 10_799));
        assert_ne!(id(device("a"), 7200), id(device("a"), 10_800));
        assert_ne!(id(device("a"), 7200), id(device("b"), 7200));
        assert_ne!(id(device("a"), 7200), id(Suspicion::of(SecurityEventKind::NewCountry).marked("a"), 7200));
        assert!(id(device("a"), 7200) < id(device("a"), 10_800));
    }

    #[test]
    fn of_one_kind_a_user_is_told_once_an_hour() {
        let user = UserId::from_bytes([2; 16]);
        let device = |mark| Suspicion::of(SecurityEventKind::NewDevice).marked(mark);

        assert_eq!(device("a").notice_id(user, at(0)), device("b").notice_id(user, at(3599)));
        assert_ne!(device("a").notice_id(user, at(0)), device("a").notice_id(user, at(3600)));
    }

    #[test]
    fn the_sentence_says_when_where_and_with_what() {
        let event = SecurityEvent {
            id: SecurityEventId::from_bytes([3; 16]),
            organization: OrganizationId::from_bytes([1; 16]),
            kind: SecurityEventKind::NewCountry,
            user: None,
            api_key: None,
            ip: Some("2.125.160.216".to_owned()),
            user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned()),
            details: BTreeMap::from([("country".to_owned(), "GB".to_owned())]),
            step_up: false,
            first_at: at(0),
            last_at: at(0),
            count: 2,
            acknowledged_at: None,
            acknowledged_by: None,
        };

        assert_eq!(
            event.sentence(),
            "Sign-in from a new country on 1 January 1970 at 00:00 UTC, from the address 2.125.160.216 in GB, with Firefox on Linux; 2 times within an hour."
        );
    }
}
