//! The plan of an organization, and on how many devices it lets its members be logged in.

use std::collections::BTreeMap;
use std::fmt;

use carillon_kernel::{Setup, SetupError};
use serde::{Deserialize, Serialize};

/// The longest name of a plan, in characters.
pub const PLAN_CHARACTERS: usize = 32;
/// The most sessions that a plan may allow: all of a user's sessions end in one transaction.
pub const MOST_SESSIONS: usize = 50;

const STANDARD: &str = "standard";
const SETTING: &str = "SESSION_LIMITS";

/// The name of a plan: 1 to 32 of `a` to `z`, `0` to `9` and `-`. The operator gives it to an organization; `standard` is the usual one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Plan(String);

/// How many sessions a user may have at a time, by plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLimits {
    standard: usize,
    others: BTreeMap<Plan, usize>,
}

impl TryFrom<String> for Plan {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (1..=PLAN_CHARACTERS).contains(&text.len()) && text.bytes().all(known);
        if fits { Ok(Self(text)) } else { Err("a plan is a name of 1 to 32 of a to z, 0 to 9 and -") }
    }
}

impl From<Plan> for String {
    fn from(plan: Plan) -> Self {
        plan.0
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self(STANDARD.to_owned())
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl SessionLimits {
    /// Reads the setting `SESSION_LIMITS`, such as `standard=10,free=3`; a plan that it does not name has the limit of `standard`.
    ///
    /// # Errors
    /// [`SetupError`] when the setting is missing, or with all that is wrong with it.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Self::parse(&setup.text(SETTING)?).map_err(|problems| SetupError::Wrong { name: SETTING.to_owned(), problems })
    }

    /// Gives the limit of a plan.
    #[must_use]
    pub fn of(&self, plan: &Plan) -> usize {
        self.others.get(plan).copied().unwrap_or(self.standard)
    }

    fn parse(text: &str) -> Result<Self, Vec<String>> {
        let (mut limits, mut problems) = (BTreeMap::new(), Vec::new());
        for part in text.split(',').map(str::trim) {
            match limit(part) {
                Ok((plan, most)) => {
                    let twice = format!("{plan} is named twice");
                    problems.extend(limits.insert(plan, most).map(|_| twice));
                }
                Err(problem) => problems.push(format!("{part:?}: {problem}")),
            }
        }
        let standard = limits.remove(&Plan::default());
        if standard.is_none() {
            problems.push(format!("{STANDARD} has no limit"));
        }
        match standard {
            Some(standard) if problems.is_empty() => Ok(Self { standard, others: limits }),
            _ => Err(problems),
        }
    }
}

/// Reads the limit of one plan, such as `free=3`.
fn limit(part: &str) -> Result<(Plan, usize), &'static str> {
    let (plan, most) = part.split_once('=').ok_or("a limit is a plan, = and a number, such as free=3")?;
    let plan = Plan::try_from(plan.to_owned())?;
    let most = most.parse().ok().filter(|most| (1..=MOST_SESSIONS).contains(most));
    Ok((plan, most.ok_or("a limit is 1 to 50")?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_kernel::{Clock, IdSource};

    use super::*;

    fn plan(text: &str) -> Plan {
        Plan::try_from(text.to_owned()).unwrap()
    }

    fn limits(text: &str) -> Result<SessionLimits, SetupError> {
        let settings = [(SETTING.to_owned(), text.to_owned())].into();
        SessionLimits::from_setup(&Setup::new(Clock::system(), IdSource::seeded(1)).with_settings(settings))
    }

    #[test]
    fn a_plan_is_a_short_name() {
        assert_eq!(plan("pro-2026").to_string(), "pro-2026");
        assert_eq!(Plan::default(), plan("standard"));
        for refused in ["", "Free", "free plan", "frée", "free=3", "x".repeat(33).as_str()] {
            assert!(Plan::try_from(refused.to_owned()).is_err(), "{refused:?}");
        }
        assert!(Plan::try_from("x".repeat(32)).is_ok());
    }

    #[test]
    fn a_plan_without_a_limit_has_that_of_standard() {
        let limits = limits("standard=10, free=3").unwrap();

        assert_eq!([plan("standard"), plan("free"), plan("gold")].map(|plan| limits.of(&plan)), [10, 3, 10]);
    }

    #[test]
    fn a_setting_that_is_wrong_is_told_with_all_its_problems() {
        let told = limits("free=3,Gold=5,free=4,pro=51,basic").unwrap_err().to_string();

        assert!(told.starts_with("the setting SESSION_LIMITS is wrong: "), "{told}");
        for problem in [r#""Gold=5""#, "free is named twice", r#""pro=51""#, r#""basic""#, "standard has no limit"] {
            assert!(told.contains(problem), "{problem}: {told}");
        }
        for refused in ["", "standard", "standard=0", "standard=-1", "standard=many", "standard=10,"] {
            assert!(limits(refused).is_err(), "{refused:?}");
        }
    }
}
