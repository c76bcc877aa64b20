//! What a route is given: the caller, who may, and the request, which was read.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use carillon_contracts::{Caller, OrganizationId, Origin, RetentionRecord};
use carillon_dynamo::{Cursor, Table, Trail};
use carillon_kernel::{Failure, Id, IdKind, IdSource, Kind, Problem};
use jiff::Timestamp;
use serde::Deserialize;

use crate::function::Input;
use crate::input;

/// An authorised request.
#[derive(Debug)]
pub struct Call<Q, B> {
    /// Who calls, with the permission that the function needs.
    pub caller: Caller,
    /// The query parameters.
    pub query: Q,
    /// The body.
    pub body: B,
    /// When the request came; the same again when an idempotency key replays it.
    pub moment: Timestamp,
    /// Where it came from.
    pub origin: Origin,
    /// How long the caller's organization keeps what it sends.
    pub retention: RetentionRecord,
    pub(crate) function: &'static str,
    pub(crate) table: Arc<str>,
    /// When the request really came: the audit trail is sealed by it, so that a replay must not write into a time that is sealed.
    pub(crate) received_at: Timestamp,
    pub(crate) path: BTreeMap<String, String>,
    pub(crate) cookies: Vec<String>,
    pub(crate) if_match: Option<String>,
    pub(crate) ids: IdSource,
}

impl<Q, B> Call<Q, B> {
    /// The caller's organization.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.caller.organization
    }

    /// What the audit trail says of this call's changes: open the services by it.
    #[must_use]
    pub fn trail(&self) -> Arc<Trail> {
        Arc::new(Trail {
            table: Arc::clone(&self.table),
            organization: self.caller.organization.to_string(),
            actor: self.caller.principal.to_string(),
            ip: self.origin.ip.map(|ip| ip.to_string()),
            user_agent: self.origin.user_agent.clone(),
            function: self.function,
            request_id: self.origin.request_id.clone(),
            at: format!("{:.3}", self.received_at),
        })
    }

    /// Reads a part of the path, such as an id.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Absent`] when it cannot be one: there is no such thing.
    pub fn path<T: FromStr>(&self, name: &str) -> Result<T, Failure> {
        let text = self.path.get(name).map(String::as_str).unwrap_or_default();
        text.parse().map_err(|_| Failure::new(Kind::Absent, "request.absent", "there is nothing at this address"))
    }

    /// Gives the value of a cookie.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        cookie(&self.cookies, name)
    }

    /// Reads the version that `If-Match` demands, with or without quotes.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Unreadable`] when the header is no version.
    pub fn if_match(&self) -> Result<Option<u64>, Failure> {
        let Some(text) = &self.if_match else { return Ok(None) };
        let number = text.trim().trim_start_matches("W/").trim_matches('"').parse();
        let refused = || Failure::new(Kind::Unreadable, "request.if_match", "If-Match must be the version of the last answer");
        number.map(Some).map_err(|_| refused())
    }

    /// Makes the id of what this call creates; a call that an idempotency key replays makes the same id again.
    #[must_use]
    pub fn new_id<K: IdKind>(&self) -> Id<K> {
        self.ids.id(self.moment)
    }
}

/// The query of a listing: how many, and from where.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listing {
    /// At most so many, 1 to 100; 50 when absent.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl Listing {
    /// The number of items of a page.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(50)
    }

    /// Where to start.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Invalid`] when the cursor is not one that a page gave.
    pub fn cursor(&self) -> Result<Option<Cursor>, Failure> {
        let refused = |_| Failure::invalid(vec![Problem::new("?cursor", "request.cursor", "the cursor is not one that a page gave")]);
        self.cursor.as_deref().map(str::parse).transpose().map_err(refused)
    }
}

impl Input for Listing {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.limit.is_some_and(|limit| !(1..=100).contains(&limit)) {
            problems.push(Problem::new("?limit", "request.limit", "the limit must be 1 to 100"));
        }
        if self.cursor.as_ref().is_some_and(|text| text.parse::<Cursor>().is_err()) {
            problems.push(Problem::new("?cursor", "request.cursor", "the cursor is not one that a page gave"));
        }
        problems
    }
}

/// A request as it came, for functions that check for themselves.
#[derive(Debug, Clone)]
pub struct RawRequest {
    /// `GET`, `POST`.
    pub method: String,
    /// The path as the client wrote it.
    pub raw_path: String,
    /// The query as the client wrote it, without the question mark.
    pub raw_query: String,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The parts of the path that the route names.
    pub path: BTreeMap<String, String>,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// The cookies, each `name=value`.
    pub cookies: Vec<String>,
    /// Where the request came from.
    pub origin: Origin,
    /// When the request came.
    pub moment: Timestamp,
}

impl RawRequest {
    /// Reads the body as JSON, as routes with a caller do: everything that is wrong with it is told at once.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Unreadable`] or [`Kind::Invalid`].
    pub fn json<B: Input>(&self) -> Result<B, Failure> {
        input::read_body(&self.body)
    }

    /// Gives the value of a cookie.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        cookie(&self.cookies, name)
    }

    /// What the audit trail says of this request's changes, by somebody whom the function itself has come to know.
    #[must_use]
    pub fn trail(&self, function: &'static str, table: &Table, organization: impl ToString, actor: impl ToString) -> Arc<Trail> {
        Arc::new(Trail {
            table: table.name(),
            organization: organization.to_string(),
            actor: actor.to_string(),
            ip: self.origin.ip.map(|ip| ip.to_string()),
            user_agent: self.origin.user_agent.clone(),
            function,
            request_id: self.origin.request_id.clone(),
            at: format!("{:.3}", self.moment),
        })
    }
}

fn cookie<'c>(cookies: &'c [String], name: &str) -> Option<&'c str> {
    cookies.iter().find_map(|cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
}
