//! Entries in doubt: listed when the doubt arises, looked at by a schedule, never sent again blindly.
//!
//! Any fact about the entry proves that the provider took it. Its absence proves that it did not only when the settling time has
//! passed *and* later events of the same configuration set have been folded with no backlog. Where absence cannot be proven, the
//! run's policy decides: leave it (`at_most_once`) or send it again (`at_least_once`).

use std::str::FromStr;

use carillon_contracts::{OrganizationId, Run};
use carillon_dynamo::{Change, Condition, Query, Write, number, text};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::keys::{self, RunKey};
use crate::outcome::Outcome;
use crate::run::DoubtPolicy;
use crate::state::State;
use crate::{Ledger, SendingError};

/// A plan with entries in doubt, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubted {
    /// The run.
    pub of: RunKey,
    /// The plan.
    pub plan: u32,
    /// Since when.
    pub since: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredDoubt {
    organization: OrganizationId,
    run: String,
    plan: u32,
    since_ms: i64,
}

/// What is known about the absence of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Too little time has passed to say anything.
    TooEarly,
    /// Events of a later time have been folded and none are left: what has no event was not taken.
    AbsenceProves,
    /// Events may come, and the time to wait for them is not over.
    Wait,
    /// No events will come, or the time to wait for them is over.
    Unknowable,
}

/// Decides what becomes of each entry of a plan that is in doubt; entries that are not named stay in doubt.
#[must_use]
pub fn resolve(state: &State, facts: &Facts, (evidence, policy): (Evidence, DoubtPolicy)) -> Vec<(usize, Outcome)> {
    let decide = |index: usize| {
        if facts.prove_acceptance(index) {
            return Some((index, Outcome::Accepted));
        }
        match (evidence, policy) {
            (Evidence::TooEarly | Evidence::Wait, _) => None,
            (Evidence::AbsenceProves, _) | (Evidence::Unknowable, DoubtPolicy::AtLeastOnce) => Some((index, Outcome::Waiting)),
            (Evidence::Unknowable, DoubtPolicy::AtMostOnce) => Some((index, Outcome::Unresolved)),
        }
    };
    state.outcomes.having(Outcome::InDoubt).filter_map(decide).collect()
}

impl Ledger {
    /// Lists plans whose doubt arose before `before`, the oldest first.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn doubted(&self, before: Timestamp, limit: u32) -> Result<Vec<Doubted>, SendingError> {
        let last = format!("{:015}", before.as_millisecond());
        let page = self.store.table.query::<StoredDoubt>(Query::partition(keys::DOUBT).between("0", last).strong().limit(limit)).await?;
        let doubted = page.items.into_iter().filter_map(|stored| {
            Some(Doubted {
                of: RunKey::new(stored.organization, Run::from_str(&stored.run).ok()?),
                plan: stored.plan,
                since: Timestamp::from_millisecond(stored.since_ms).ok()?,
            })
        });
        Ok(doubted.collect())
    }

    pub(crate) fn list_doubt(&self, of: RunKey, plan: u32, since_ms: i64) -> Result<Write, SendingError> {
        let stored = StoredDoubt { organization: of.organization, run: of.run.to_string(), plan, since_ms };
        Ok(self.store.table.put(keys::doubt(of, plan, since_ms), &stored, Condition::Always)?)
    }

    /// Writes how doubt ended; the plan leaves the list when none of its entries is in doubt any more.
    ///
    /// # Errors
    /// [`SendingError::Overtaken`] when another worker wrote first.
    pub async fn end_doubt(&self, doubted: &Doubted, state: State, resolved: &[(usize, Outcome)]) -> Result<State, SendingError> {
        let state = state.resolve(resolved);
        let mut writes = vec![self.store.put_state(doubted.of, &state, doubted.since)?];
        if !state.outcomes.any(Outcome::InDoubt) {
            writes.push(self.unlist(doubted));
        }
        match self.store.table.commit(writes).await {
            Ok(()) => Ok(state),
            Err(error) if error.is_refused() => Err(SendingError::Overtaken),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a plan from the list of doubt that has no entry in doubt any more.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn forget_doubt(&self, doubted: &Doubted) -> Result<(), SendingError> {
        Ok(self.store.table.commit(vec![self.unlist(doubted)]).await?)
    }

    fn unlist(&self, doubted: &Doubted) -> Write {
        self.store.table.delete(keys::doubt(doubted.of, doubted.plan, doubted.since.as_millisecond()), Condition::Always)
    }

    /// Notes that events of a configuration set have been folded up to `latest`; never moves back.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn events_folded(&self, configuration_set: &str, latest: Timestamp) -> Result<(), SendingError> {
        let latest_ms = number(latest.as_millisecond());
        let change = Change::new().set("latest_ms", latest_ms.clone()).set("configuration_set", text(configuration_set));
        let newer = Condition::Any(vec![Condition::Without("latest_ms"), Condition::Below("latest_ms", latest_ms)]);
        match self.store.table.commit(vec![self.store.table.update(keys::watermark(configuration_set), change, newer)]).await {
            Err(error) if !error.is_refused() => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Tells up to when events of a configuration set have been folded.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn watermark(&self, configuration_set: &str) -> Result<Option<Timestamp>, SendingError> {
        #[derive(Deserialize)]
        struct Watermark {
            latest_ms: Option<i64>,
        }
        let found: Option<Watermark> = self.store.table.find(keys::watermark(configuration_set)).await?;
        Ok(found.and_then(|watermark| Timestamp::from_millisecond(watermark.latest_ms?).ok()))
    }

    /// Takes the right to make an event of a configuration set by a mail of our own: one worker gets it in a while.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn may_probe(&self, configuration_set: &str, now: Timestamp, pause: SignedDuration) -> Result<bool, SendingError> {
        let since_ms = now.as_millisecond().saturating_sub(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
        let change = Change::new().set("probed_ms", number(now.as_millisecond())).set("configuration_set", text(configuration_set));
        let due = Condition::Any(vec![Condition::Without("probed_ms"), Condition::Below("probed_ms", number(since_ms))]);
        match self.store.table.commit(vec![self.store.table.update(keys::watermark(configuration_set), change, due)]).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_refused() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use carillon_contracts::fact::FactKind;

    use super::*;
    use crate::outcome::Outcomes;

    fn doubted() -> State {
        let mut state = State::untouched(0, 3);
        state.outcomes = serde_json::from_str::<Outcomes>("\"add\"").unwrap();
        state
    }

    #[test]
    fn a_fact_proves_acceptance_at_any_time_and_under_any_policy() {
        let mut facts = Facts::default();
        facts.add(FactKind::Sent, 0, 1);

        assert_eq!(resolve(&doubted(), &facts, (Evidence::TooEarly, DoubtPolicy::AtMostOnce)), [(1, Outcome::Accepted)]);
    }

    #[test]
    fn nothing_is_sent_again_before_absence_is_proven_unless_the_policy_says_so() {
        let none = Facts::default();
        let decide =
            |evidence, policy| resolve(&doubted(), &none, (evidence, policy)).into_iter().map(|(_, outcome)| outcome).collect::<Vec<_>>();

        assert_eq!(decide(Evidence::TooEarly, DoubtPolicy::AtLeastOnce), []);
        assert_eq!(decide(Evidence::Wait, DoubtPolicy::AtLeastOnce), []);
        assert_eq!(decide(Evidence::AbsenceProves, DoubtPolicy::AtMostOnce), [Outcome::Waiting; 2]);
        assert_eq!(decide(Evidence::Unknowable, DoubtPolicy::AtMostOnce), [Outcome::Unresolved; 2]);
        assert_eq!(decide(Evidence::Unknowable, DoubtPolicy::AtLeastOnce), [Outcome::Waiting; 2]);
    }
}
