//! STATE n: what was done with a plan. Small, versioned, and owned by one claim at a time.
//!
//! A claim is taken by a conditional write that carries a token: a write that the SDK repeats is recognised by it. While the claim's
//! lease lasts, nobody else touches the plan. When a lease ends and the claim is still there, its worker died between the claim and
//! the result: whether the provider was called is unknown, and every entry that was waiting is in doubt.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::outcome::{Outcome, Outcomes};

/// How long a claim lasts: longer than a call to a provider may take, so that no call outlives its claim.
pub const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// The state of a plan as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The plan's number.
    #[serde(rename = "n")]
    pub number: u32,
    /// Counts every write.
    pub version: u64,
    /// One outcome per entry.
    #[serde(rename = "o")]
    pub outcomes: Outcomes,
    /// Why entries failed or were excluded, by entry.
    #[serde(rename = "why", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<String, String>,
    /// The attempt that the next call makes; tags carry it out, and events bring it back.
    #[serde(rename = "at", default)]
    pub attempt: u8,
    /// The run's generation that this state was made for; "retry failed" counts the run's up.
    #[serde(rename = "g", default)]
    pub generation: u8,
    /// How often the provider put the plan off.
    #[serde(rename = "t", default)]
    pub tries: u32,
    /// The claim that is under way, or that wrote last.
    #[serde(rename = "tok", default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Until when the claim lasts, in milliseconds since 1970; absent when there is none.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<i64>,
    /// When an entry came into doubt last, in milliseconds since 1970.
    #[serde(rename = "ds", default, skip_serializing_if = "Option::is_none")]
    pub doubt_ms: Option<i64>,
    /// The provider's message ids of a plan of at most ten entries, by entry.
    #[serde(rename = "ids", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub provider_ids: BTreeMap<String, String>,
    /// How many days it is kept: as long as its plan.
    #[serde(rename = "k", default = "crate::store::longest_days")]
    pub kept_days: u16,
}

/// What a worker may do with a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Send these entries, after the claim is written.
    Claim(State),
    /// Another worker is at it until then.
    Busy(Timestamp),
    /// A worker died at it: write this state, whose entries are in doubt.
    Doubt(State),
    /// Nothing is left to send.
    Done,
}

/// A written claim: the right to call the provider once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The state as the claim left it.
    pub state: State,
}

/// What a call brought for one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The entry.
    pub index: usize,
    /// Its outcome.
    pub outcome: Outcome,
    /// Why, for failures and exclusions: the provider's code.
    pub reason: Option<String>,
    /// The provider's id of the message.
    pub provider_id: Option<String>,
}

impl State {
    /// Makes the state of a plan that nobody has touched; version 0 is never stored.
    #[must_use]
    pub fn untouched(number: u32, entries: usize) -> Self {
        Self {
            number,
            version: 0,
            outcomes: Outcomes::waiting(entries),
            reasons: BTreeMap::new(),
            attempt: 0,
            generation: 0,
            tries: 0,
            token: None,
            lease_ms: None,
            doubt_ms: None,
            provider_ids: BTreeMap::new(),
            kept_days: crate::store::longest_days(),
        }
    }

    /// Decides what a worker with `token` may do now, in the run's `generation`.
    #[must_use]
    pub fn turn(self, token: String, generation: u8, now: Timestamp) -> Turn {
        let mut state = self;
        if let Some(lease) = state.lease() {
            if lease > now {
                return Turn::Busy(lease);
            }
            state.version += 1;
            state.outcomes.turn(Outcome::Waiting, Outcome::InDoubt);
            state.doubt_ms = Some(lease.as_millisecond());
            state.lease_ms = None;
            return Turn::Doubt(state);
        }
        state.revive(generation);
        if !state.outcomes.any(Outcome::Waiting) {
            return Turn::Done;
        }
        state.version += 1;
        state.token = Some(token);
        state.lease_ms = Some((now + LEASE).as_millisecond());
        Turn::Claim(state)
    }

    /// Makes failed entries waiting again when the run has a newer generation.
    fn revive(&mut self, generation: u8) {
        if generation > self.generation {
            if self.outcomes.any(Outcome::Failed) {
                self.attempt = self.attempt.saturating_add(1);
                let failed: Vec<usize> = self.outcomes.having(Outcome::Failed).collect();
                for index in failed {
                    self.reasons.remove(&index.to_string());
                }
                self.outcomes.turn(Outcome::Failed, Outcome::Waiting);
            }
            self.generation = generation;
            self.tries = 0;
        }
    }

    /// Tells whether a worker would find something to do, in the run's `generation`.
    #[must_use]
    pub fn has_work(&self, generation: u8) -> bool {
        self.lease_ms.is_some()
            || self.outcomes.any(Outcome::Waiting)
            || (generation > self.generation && self.outcomes.any(Outcome::Failed))
    }

    /// Until when a claim lasts, if one is there.
    #[must_use]
    pub fn lease(&self) -> Option<Timestamp> {
        self.lease_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok())
    }

    /// Writes what a call brought, and gives the claim back.
    #[must_use]
    pub fn settle(mut self, results: &[Settled], now: Timestamp) -> Self {
        self.version += 1;
        self.lease_ms = None;
        for result in results {
            self.outcomes.set(result.index, result.outcome);
            if let Some(reason) = &result.reason {
                self.reasons.insert(result.index.to_string(), reason.clone());
            }
            if let Some(id) = result.provider_id.as_ref().filter(|_| results.len() <= 10) {
                self.provider_ids.insert(result.index.to_string(), id.clone());
            }
        }
        if self.outcomes.any(Outcome::Waiting) {
            self.tries += 1;
        }
        // New doubt starts its time anew, for all: what is judged by its age must be old enough for the youngest.
        if results.iter().any(|result| result.outcome == Outcome::InDoubt) {
            self.doubt_ms = Some(now.as_millisecond());
        }
        self
    }

    /// Ends the doubt of entries, each with what it turned out to be; one that waits again is a new attempt.
    #[must_use]
    pub fn resolve(mut self, resolved: &[(usize, Outcome)]) -> Self {
        self.version += 1;
        let mut tried_again = false;
        for (index, outcome) in resolved {
            if self.outcomes.get(*index) == Some(Outcome::InDoubt) {
                self.outcomes.set(*index, *outcome);
                tried_again |= *outcome == Outcome::Waiting;
            }
        }
        if tried_again {
            self.attempt = self.attempt.saturating_add(1);
        }
        if !self.outcomes.any(Outcome::InDoubt) {
            self.doubt_ms = None;
        }
        self
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn claimed() -> State {
        match State::untouched(0, 3).turn("a".to_owned(), 0, at(100)) {
            Turn::Claim(state) => state,
            other => panic!("{other:?}"),
        }
    }

    fn settled(index: usize, outcome: Outcome) -> Settled {
        Settled { index, outcome, reason: None, provider_id: None }
    }

    #[test]
    fn a_live_claim_keeps_everybody_else_away() {
        assert_eq!(claimed().turn("b".to_owned(), 0, at(130)), Turn::Busy(at(160)));
    }

    #[test]
    fn a_claim_whose_lease_ended_puts_what_was_waiting_in_doubt() {
        let Turn::Doubt(state) = claimed().turn("b".to_owned(), 0, at(161)) else { panic!("no doubt") };

        assert_eq!(state.outcomes.to_string(), "ddd");
        assert_eq!(state.turn("b".to_owned(), 0, at(162)), Turn::Done);
    }

    #[test]
    fn a_settled_plan_is_done() {
        let results: Vec<Settled> = (0..3).map(|index| settled(index, Outcome::Accepted)).collect();

        let state = claimed().settle(&results, at(101));

        assert_eq!(state.turn("b".to_owned(), 0, at(102)), Turn::Done);
    }

    #[test]
    fn a_new_generation_revives_failed_entries_only_and_only_once() {
        let results = [settled(0, Outcome::Accepted), settled(1, Outcome::Failed), settled(2, Outcome::Excluded)];
        let state = claimed().settle(&results, at(101));
        assert!(state.has_work(1));

        let Turn::Claim(state) = state.turn("b".to_owned(), 1, at(102)) else { panic!("no claim") };

        assert_eq!(state.outcomes.to_string(), "a.x");
        assert_eq!(state.attempt, 1);
        let state = state.settle(&[settled(1, Outcome::Failed)], at(103));
        assert!(!state.has_work(1));
    }

    #[test]
    fn an_entry_that_waits_again_after_doubt_is_a_new_attempt() {
        let Turn::Doubt(state) = claimed().turn("b".to_owned(), 0, at(161)) else { panic!("no doubt") };

        let state = state.resolve(&[(0, Outcome::Accepted), (1, Outcome::Waiting), (2, Outcome::Unresolved)]);

        assert_eq!(state.outcomes.to_string(), "a.u");
        assert_eq!((state.attempt, state.doubt_ms), (1, None));
    }

    #[test]
    fn an_outcome_that_is_no_longer_in_doubt_is_not_resolved_again() {
        let state =
            claimed().settle(&[settled(0, Outcome::Accepted), settled(1, Outcome::InDoubt), settled(2, Outcome::Accepted)], at(101));

        let state = state.resolve(&[(0, Outcome::Waiting), (1, Outcome::Accepted)]);

        assert_eq!(state.outcomes.to_string(), "aaa");
    }
}
