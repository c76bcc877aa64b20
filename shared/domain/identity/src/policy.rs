//! What an organization demands of those who use it, and how long it keeps what it has.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::security::SecurityEventKind;

/// A number within bounds that its type names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Bounded<const LEAST: u32, const MOST: u32>(u32);

impl<const LEAST: u32, const MOST: u32> Bounded<LEAST, MOST> {
    /// Makes a number of a constant; one outside the bounds becomes the nearest inside.
    const fn of(value: u32) -> Self {
        if value < LEAST {
            Self(LEAST)
        } else if value > MOST {
            Self(MOST)
        } else {
            Self(value)
        }
    }

    /// Gives the number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<const LEAST: u32, const MOST: u32> TryFrom<u32> for Bounded<LEAST, MOST> {
    type Error = OutOfBounds;

    fn try_from(value: u32) -> Result<Self, OutOfBounds> {
        if (LEAST..=MOST).contains(&value) { Ok(Self(value)) } else { Err(OutOfBounds { least: LEAST, most: MOST }) }
    }
}

impl<const LEAST: u32, const MOST: u32> From<Bounded<LEAST, MOST>> for u32 {
    fn from(bounded: Bounded<LEAST, MOST>) -> Self {
        bounded.0
    }
}

/// Says between which bounds a number must lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfBounds {
    least: u32,
    most: u32,
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "must be {} to {}", self.least, self.most)
    }
}

/// How long an organization keeps what it has, in days, by the kind of data. It counts for what is made from then on.
///
/// The audit trail is not among them: it is kept, so that nobody shortens the memory of what they did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retention {
    /// Single messages with their content, and what became of them.
    pub messages_days: Bounded<7, 400>,
    /// Finished campaigns: recipients, and what became of each mail.
    pub campaigns_days: Bounded<30, 400>,
    /// Security events.
    pub security_events_days: Bounded<90, 3650>,
}

impl Default for Retention {
    fn default() -> Self {
        Self { messages_days: Bounded::of(400), campaigns_days: Bounded::of(400), security_events_days: Bounded::of(400) }
    }
}

/// What to change of the retention; what is absent stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionPatch {
    messages_days: Option<Bounded<7, 400>>,
    campaigns_days: Option<Bounded<30, 400>>,
    security_events_days: Option<Bounded<90, 3650>>,
}

impl Retention {
    /// Applies a change.
    #[must_use]
    pub fn changed(self, patch: RetentionPatch) -> Self {
        Self {
            messages_days: patch.messages_days.unwrap_or(self.messages_days),
            campaigns_days: patch.campaigns_days.unwrap_or(self.campaigns_days),
            security_events_days: patch.security_events_days.unwrap_or(self.security_events_days),
        }
    }
}

/// What an organization demands of its members' logins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecurityPolicy {
    /// Whether members need a second factor.
    pub second_factor_required: bool,
    /// How long a session lives after its login, in hours: at most 90 days.
    pub session_hours: Bounded<1, 2160>,
    /// After how long without a request a session ends, in minutes; 0 means never.
    pub idle_minutes: Bounded<0, 10_080>,
    /// How fresh a login must be for what is dangerous, in minutes.
    pub step_up_minutes: Bounded<5, 1440>,
    /// After what a login must prove more than its password.
    pub step_up_on: BTreeSet<SecurityEventKind>,
}

impl Default for SecurityPolicy {
    fn default() -> Self {
        Self {
            second_factor_required: false,
            session_hours: Bounded::of(720),
            // A week: a phone that was lost is not logged in for a month.
            idle_minutes: Bounded::of(10_080),
            step_up_minutes: Bounded::of(15),
            step_up_on: SecurityEventKind::default_step_up(),
        }
    }
}

/// What to change of the policy; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecurityPolicyPatch {
    second_factor_required: Option<bool>,
    session_hours: Option<Bounded<1, 2160>>,
    idle_minutes: Option<Bounded<0, 10_080>>,
    step_up_minutes: Option<Bounded<5, 1440>>,
    #[serde(deserialize_with = "of_sign_ins")]
    step_up_on: Option<BTreeSet<SecurityEventKind>>,
}

/// Reads kinds of events, all of which must be such that a sign-in shows them.
fn of_sign_ins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BTreeSet<SecurityEventKind>>, D::Error> {
    let kinds = Option::<BTreeSet<SecurityEventKind>>::deserialize(deserializer)?;
    if kinds.iter().flatten().all(|kind| kind.is_of_sign_in()) {
        Ok(kinds)
    } else {
        Err(serde::de::Error::custom("name only events that a sign-in shows, such as new_device, new_country, impossible_travel"))
    }
}

impl SecurityPolicy {
    /// Applies a change.
    #[must_use]
    pub fn changed(self, patch: SecurityPolicyPatch) -> Self {
        Self {
            second_factor_required: patch.second_factor_required.unwrap_or(self.second_factor_required),
            session_hours: patch.session_hours.unwrap_or(self.session_hours),
            idle_minutes: patch.idle_minutes.unwrap_or(self.idle_minutes),
            step_up_minutes: patch.step_up_minutes.unwrap_or(self.step_up_minutes),
            step_up_on: patch.step_up_on.unwrap_or(self.step_up_on),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_number_outside_its_bounds_is_refused_with_them() {
        let refused = serde_json::from_str::<RetentionPatch>(r#"{"security_events_days":89}"#).unwrap_err();

        assert!(refused.to_string().starts_with("must be 90 to 3650"), "{refused}");
        assert!(serde_json::from_str::<RetentionPatch>(r#"{"security_events_days":90}"#).is_ok());
        assert!(serde_json::from_str::<SecurityPolicyPatch>(r#"{"session_hours":0}"#).is_err());
        assert!(serde_json::from_str::<SecurityPolicyPatch>(r#"{"session_hours":-1}"#).is_err());
    }

    #[test]
    fn an_organization_without_a_policy_has_the_usual_one() {
        let policy: SecurityPolicy = serde_json::from_str("{}").unwrap();

        assert_eq!(policy, SecurityPolicy::default());
        assert_eq!((policy.session_hours.get(), policy.second_factor_required), (720, false));
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let patch = serde_json::from_str(r#"{"second_factor_required":true}"#).unwrap();

        let after = SecurityPolicy::default().changed(patch);

        assert!(after.second_factor_required);
        assert_eq!(after.session_hours, SecurityPolicy::default().session_hours);
    }
}
