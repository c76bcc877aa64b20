//! What the functions of logins by providers share: the provider of the path, the browser's cookie, the code that comes back.

use std::collections::BTreeMap;
use std::time::Duration;

use carillon_contracts::LoginProvider;
use carillon_harness::{Failure, Input, Kind, Problem};
use carillon_identity::{AttemptSecrets, BegunAttempt};
use carillon_social::Attempt;
use serde::Deserialize;

/// The cookie that binds an attempt to the browser that began it.
pub(crate) const COOKIE: &str = "__Host-carillon-provider";

/// What came back through the browser.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CameBack {
    pub(crate) code: String,
    pub(crate) state: String,
}

impl Input for CameBack {
    fn problems(&self) -> Vec<Problem> {
        came_back_problems(&self.code, &self.state)
    }
}

/// Lists what lacks of what a provider sends back.
pub(crate) fn came_back_problems(code: &str, state: &str) -> Vec<Problem> {
    let lacks = |value: &str, (name, code): (&str, &str)| {
        let problem = || Problem::new(format!("/{name}"), code, format!("send the {name} that the provider sent back"));
        value.is_empty().then(problem)
    };
    lacks(code, ("code", "logins.code")).into_iter().chain(lacks(state, ("state", "logins.state"))).collect()
}

/// Reads the provider of the path.
pub(crate) fn provider_of(path: &BTreeMap<String, String>) -> Result<LoginProvider, Failure> {
    let found = path.get("provider").and_then(|text| text.parse().ok());
    found.ok_or_else(|| Failure::new(Kind::Absent, "request.absent", "there is nothing at this address"))
}

/// Writes the cookie of an attempt, or takes it away.
pub(crate) fn cookie(value: &str, lives: Duration) -> String {
    format!("{COOKIE}={value}; Max-Age={}; Path=/; Secure; HttpOnly; SameSite=Lax", lives.as_secs())
}

/// Gives the parts of an attempt that its client takes to the provider.
pub(crate) fn attempt(state: &str, secrets: AttemptSecrets) -> Attempt {
    Attempt { state: state.to_owned(), nonce: secrets.nonce, verifier: secrets.verifier }
}

/// As [`attempt`], for one that begins.
pub(crate) fn begun_attempt(begun: &BegunAttempt) -> Attempt {
    attempt(&begun.state, begun.secrets())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn code_and_state_are_both_asked_for() {
        let pointers = |body: &str| -> Vec<String> {
            let body: CameBack = serde_json::from_str(body).unwrap();
            body.problems().into_iter().map(|problem| problem.pointer).collect()
        };

        assert_eq!(pointers("{}"), ["/code", "/state"]);
        assert!(pointers(r#"{"code":"c","state":"s"}"#).is_empty());
    }

    #[test]
    fn the_cookie_has_all_that_guards_it() {
        let header = cookie("value", Duration::from_mins(10));

        assert_eq!(header, "__Host-carillon-provider=value; Max-Age=600; Path=/; Secure; HttpOnly; SameSite=Lax");
    }
}
