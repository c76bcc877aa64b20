//! What can go wrong, in a deliberately small set of kinds that know no transport.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// The kind of a failure; only the harness turns it into a status or a queue's outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request cannot be read at all (400).
    Unreadable,
    /// The caller is unknown (401).
    Unauthenticated,
    /// The caller is known and may not (403).
    Forbidden,
    /// The thing is absent, or belongs to another organization (404).
    Absent,
    /// The thing's state does not allow it, or somebody was faster (409).
    Conflict,
    /// The request is readable and breaks rules (422).
    Invalid,
    /// Too much was asked in too short a time (429).
    Limited,
    /// A part that is needed does not answer; later it may (503).
    Unavailable,
    /// A mistake of ours (500).
    Internal,
}

/// One thing that is wrong with a request, at a place in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// JSON pointer (RFC 6901) into the body, or `?name` for a query parameter.
    pub pointer: String,
    /// Stable dotted code for programs.
    pub code: String,
    /// Sentence for people: what is wrong and what to do.
    pub detail: String,
}

impl Problem {
    /// Makes a problem.
    pub fn new(pointer: impl Into<String>, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.into(), detail: detail.into() }
    }
}

/// An error of a domain: it knows its kind and its stable code.
pub trait Fault: Error + Send + Sync + 'static {
    /// The kind that decides what the caller is told and whether a queue tries again.
    fn kind(&self) -> Kind;
    /// The stable dotted code, for example `campaigns.not_draft`.
    fn code(&self) -> &'static str;
    /// All the problems of a request, when the kind is [`Kind::Invalid`] or [`Kind::Unreadable`].
    fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
    /// How long to wait before trying again.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// A failure on its way out of a function: every domain's error becomes one.
#[derive(Debug)]
pub struct Failure {
    /// The kind.
    pub kind: Kind,
    /// The stable dotted code.
    pub code: &'static str,
    /// What the caller is told (never shown for [`Kind::Internal`]).
    pub detail: String,
    /// All problems of the request.
    pub problems: Vec<Problem>,
    /// How long to wait before trying again.
    pub retry_after: Option<Duration>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// Makes a failure without a source.
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, code, detail: detail.into(), problems: Vec::new(), retry_after: None, source: None }
    }

    /// Makes the failure of a request that breaks rules, with all of its problems.
    #[must_use]
    pub fn invalid(problems: Vec<Problem>) -> Self {
        let detail = match problems.as_slice() {
            [only] => only.detail.clone(),
            several => format!("the request has {} problems", several.len()),
        };
        Self { problems, ..Self::new(Kind::Invalid, "request.invalid", detail) }
    }

    /// Gives the failure once more, without its causes: for messages that were handled together.
    #[must_use]
    pub fn share(&self) -> Self {
        Self { problems: self.problems.clone(), retry_after: self.retry_after, ..Self::new(self.kind, self.code, self.detail.clone()) }
    }

    /// Says how long to wait before trying again.
    #[must_use]
    pub fn retry_in(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// Tells whether trying the same again may succeed without a change of the request.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, Kind::Limited | Kind::Unavailable | Kind::Internal)
    }

    /// Writes the failure with its whole chain of causes, for the log.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = format!("{}: {}", self.code, self.detail);
        let mut cause = self.source.as_deref().and_then(Error::source);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.detail)
    }
}

impl<E: Fault> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            kind: error.kind(),
            code: error.code(),
            detail: error.to_string(),
            problems: error.problems(),
            retry_after: error.retry_after(),
            source: Some(Box::new(error)),
        }
    }
}
