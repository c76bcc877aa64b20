//! The trace that work belongs to: from the request that began it, through every queue, to the last line that tells of it.
//!
//! Source: AWS X-Ray developer guide, "Tracing header"; Amazon SQS developer guide, "Amazon SQS and AWS X-Ray" (`AWSTraceHeader`).

use std::fmt;
use std::future::Future;
use std::str::FromStr;

tokio::task_local! {
    static CURRENT: Trace;
}

/// A trace as X-Ray's header names it: `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trace {
    root: String,
    parent: Option<String>,
    sampled: Option<bool>,
}

/// The text is no header of X-Ray with the id of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a trace header with a root")]
pub struct NoTrace;

impl Trace {
    /// The id of the trace, the header's root.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.root
    }

    /// The trace that the running task works for.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Lets a future work for this trace.
    pub async fn within<T>(self, future: impl Future<Output = T>) -> T {
        CURRENT.scope(self, future).await
    }
}

impl FromStr for Trace {
    type Err = NoTrace;

    /// Reads a header. It may come from a stranger, so only what has the form of an id is taken, and the rest is left.
    fn from_str(header: &str) -> Result<Self, NoTrace> {
        let (mut root, mut parent, mut sampled) = (None, None, None);
        for (name, value) in header.split(';').filter_map(|part| part.trim().split_once('=')) {
            match name {
                "Root" => root = is_root(value).then(|| value.to_owned()),
                "Parent" => parent = is_hex(value, 16).then(|| value.to_owned()),
                "Sampled" => sampled = [("1", true), ("0", false)].iter().find(|(text, _)| *text == value).map(|(_, is)| *is),
                _ => {}
            }
        }
        Ok(Self { root: root.ok_or(NoTrace)?, parent, sampled })
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Root={}", self.root)?;
        if let Some(parent) = &self.parent {
            write!(formatter, ";Parent={parent}")?;
        }
        match self.sampled {
            Some(sampled) => write!(formatter, ";Sampled={}", u8::from(sampled)),
            None => Ok(()),
        }
    }
}

/// A version, the seconds at which it began, and 96 bits by chance.
fn is_root(text: &str) -> bool {
    let mut parts = text.split('-');
    let fits = parts.next() == Some("1") && [8, 24].iter().all(|length| parts.next().is_some_and(|part| is_hex(part, *length)));
    fits && parts.next().is_none()
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of X-Ray's developer guide.
    const HEADER: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    #[test]
    fn a_header_is_read_and_written_as_it_was() {
        let trace: Trace = HEADER.parse().unwrap();

        assert_eq!(trace.id(), "1-5759e988-bd862e3fe1be46a994272793");
        assert_eq!(trace.to_string(), HEADER);
    }

    #[test]
    fn only_what_has_the_form_of_an_id_is_taken() {
        let padded = " Self=x; Root=1-5759e988-bd862e3fe1be46a994272793; Parent=someone; Sampled=?; Lineage=a:1|b:2 ";
        assert_eq!(padded.parse::<Trace>().unwrap().to_string(), "Root=1-5759e988-bd862e3fe1be46a994272793");

        let words = [
            "",
            "Root=",
            "Root=2-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e988-somebody@example.com----",
            "Parent=53995c3f42cd8ad8",
        ];
        for word in words {
            assert_eq!(word.parse::<Trace>(), Err(NoTrace), "{word}");
        }
    }

    #[test]
    fn a_trace_is_known_to_all_that_runs_within_it_and_to_nothing_else() {
        let trace: Trace = HEADER.parse().unwrap();

        let seen = futures::executor::block_on(trace.clone().within(async { Trace::current() }));

        assert_eq!(seen, Some(trace));
        assert_eq!(Trace::current(), None);
    }
}
