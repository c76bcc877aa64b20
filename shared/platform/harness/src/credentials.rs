//! Finds the caller of a request by what it shows: an API key, or an access token in a header or a cookie.
//!
//! | credential | how it comes | what is read |
//! | --- | --- | --- |
//! | API key | `Authorization: Bearer car_…` | the credential by the id that the text names, then the organization |
//! | access token | `Authorization: Bearer`, or the cookie `__Host-carillon-access` | session, member and organization together |
//!
//! All reads are strong: a key or a session that was revoked, a member that was removed and a role that was changed count at once.

use std::collections::BTreeSet;

use carillon_contracts::{Caller, Credential, MemberRecord, OrganizationId, Permission, PolicyRecord, Principal, SessionRecord};
use carillon_dynamo::{Key, Table};
use carillon_kernel::{Failure, KeyedHash, Kind, Setup, SetupError};
use carillon_tokens::{ApiKeyText, Claims, Cookie, Verifier};
use jiff::Timestamp;

use crate::call::RawRequest;

/// Who calls, and what was read to know it.
#[derive(Debug)]
pub(crate) struct Identified {
    pub(crate) caller: Caller,
    pub(crate) policy: PolicyRecord,
    pub(crate) shown: Shown,
}

/// What the caller showed.
#[derive(Debug)]
pub(crate) enum Shown {
    /// An API key.
    Key(Box<Credential>),
    /// The token of a session, in a header.
    Token(SessionRecord),
    /// The token of a session, in a cookie, which browsers send whoever makes them do so.
    Cookie(SessionRecord),
}

impl Shown {
    /// The session, of a user.
    pub(crate) fn session(&self) -> Option<&SessionRecord> {
        match self {
            Self::Key(_) => None,
            Self::Token(session) | Self::Cookie(session) => Some(session),
        }
    }
}

/// Reads credentials from the table of entities.
pub(crate) struct Credentials {
    table: Table,
    key: KeyedHash,
    verifier: Verifier,
}

impl Credentials {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        let key = KeyedHash::new(&setup.secret("CREDENTIAL_KEY")?);
        Ok(Self { table: Table::from_setup(setup, "ENTITIES_TABLE")?, key, verifier: Verifier::from_setup(setup)? })
    }

    /// Gives the caller of a request; whatever is wrong with what it shows, the answer is the same.
    pub(crate) async fn identify(&self, request: &RawRequest) -> Result<Identified, Failure> {
        let now = request.moment;
        let found = match request.headers.get("authorization") {
            // Who sends a header means it: a cookie beside it does not count.
            Some(header) => match bearer(header) {
                Some(text) if ApiKeyText::looks_like(text) => self.by_key(text, now).await?,
                Some(text) => self.by_token(text, now).await?.map(|found| found.shown(Shown::Token)),
                None => None,
            },
            None => match Cookie::Access.find(&request.cookies) {
                Some(text) => self.by_token(text, now).await?.map(|found| found.shown(Shown::Cookie)),
                None => None,
            },
        };
        found.ok_or_else(unknown)
    }

    async fn by_key(&self, text: &str, now: Timestamp) -> Result<Option<Identified>, Failure> {
        let Some(text) = ApiKeyText::parse(text) else { return Ok(None) };
        let key = Key::new(Credential::partition_key(text.id), Credential::SORT_KEY);
        let Some(credential) = self.table.find::<Credential>(key).await? else { return Ok(None) };
        if !credential.holds_at(now) || !credential.hashes_at(now).any(|stored| text.is(&self.key, stored)) {
            return Ok(None);
        }
        let policy: Option<PolicyRecord> = self.table.find(policy_key(credential.organization)).await?;
        Ok(policy.map(|policy| {
            let mut permissions = credential.permissions.clone();
            permissions.remove(&Permission::AccountUse);
            let caller = Caller { organization: credential.organization, principal: Principal::ApiKey(credential.id), permissions };
            Identified { caller, policy, shown: Shown::Key(Box::new(credential)) }
        }))
    }

    async fn by_token(&self, text: &str, now: Timestamp) -> Result<Option<Session>, Failure> {
        let Ok(claims) = self.verifier.verify(text, now) else { return Ok(None) };
        let keys = [SessionRecord::key(claims.sub, claims.sid), MemberRecord::key(claims.org, claims.sub)];
        let mut keys: Vec<Key> = keys.into_iter().map(|(partition, sort)| Key::new(partition, sort)).collect();
        keys.push(policy_key(claims.org));
        let (mut session, mut member, mut policy) = (None, None, None);
        for item in self.table.find_items(&keys).await? {
            if item.sk().starts_with(SessionRecord::SORT_KEY) {
                session = Some(item.parse::<SessionRecord>()?);
            } else if item.sk() == PolicyRecord::SORT_KEY {
                policy = Some(item.parse::<PolicyRecord>()?);
            } else {
                member = Some(item.parse::<MemberRecord>()?);
            }
        }
        let (Some(record), Some(policy)) = (session, policy) else { return Ok(None) };
        let is_the_tokens = record.user == claims.sub && record.organization == claims.org;
        Ok((is_the_tokens && record.holds_at(now)).then(|| Session { caller: user(&claims, member), policy, record }))
    }
}

/// A session that holds, before it is known how its token came.
struct Session {
    caller: Caller,
    policy: PolicyRecord,
    record: SessionRecord,
}

impl Session {
    fn shown(self, how: fn(SessionRecord) -> Shown) -> Identified {
        Identified { caller: self.caller, policy: self.policy, shown: how(self.record) }
    }
}

/// Makes the caller of a session: who is no member any more keeps their own account, and nothing else.
fn user(claims: &Claims, member: Option<MemberRecord>) -> Caller {
    let mut permissions = member.map_or_else(BTreeSet::new, |member| member.permissions);
    permissions.remove(&Permission::PlatformOperate);
    permissions.insert(Permission::AccountUse);
    Caller { organization: claims.org, principal: Principal::User(claims.sub, claims.sid), permissions }
}

fn policy_key(organization: OrganizationId) -> Key {
    let (partition, sort) = PolicyRecord::key(organization);
    Key::new(partition, sort)
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, text) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| text.trim())
}

/// The one answer to everybody whom we do not know: it does not tell which part was wrong.
fn unknown() -> Failure {
    let detail = "send a valid credential: Authorization: Bearer, with an API key (car_…) or an access token";
    Failure::new(Kind::Unauthenticated, "caller.unknown", detail)
}
