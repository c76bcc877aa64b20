//! A clearing: which letters of a queue the operator wants to be sent back or discarded, and what came of it.

use std::collections::BTreeSet;
use std::fmt;

use carillon_contracts::{ClearingId, OrganizationId};
use carillon_queue::{DeadLetter, Held};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::QueueName;

/// The most letters that are named by their ids in one clearing: as many as a record of the audit trail shows.
pub const MOST_NAMED: usize = 50;

/// What becomes of letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClearingAction {
    /// They go back to the queue that they come from.
    Redrive,
    /// They are deleted.
    Discard,
}

/// Which letters are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All that lie there when the clearing begins: what is given up once more meanwhile stays.
    All,
    /// Those with these ids.
    Named(BTreeSet<String>),
}

/// What the operator wants done.
#[derive(Debug, Clone)]
pub struct Order {
    /// The clearing.
    pub id: ClearingId,
    /// The operator's organization.
    pub organization: OrganizationId,
    /// The queue.
    pub queue: QueueName,
    /// What becomes of the letters.
    pub action: ClearingAction,
    /// Which ones.
    pub wanted: Wanted,
}

/// What came of a clearing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleared {
    /// How many letters were sent back or deleted.
    pub cleared: u64,
    /// The ids that no letter has, where ids were named and all letters were seen.
    pub not_found: Vec<String>,
    /// How many letters are left, approximately.
    pub remaining: u64,
    /// Whether everything is done that was wanted; otherwise the same has to be asked for again.
    pub is_complete: bool,
}

/// What one lane did in one turn.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// The ids of the letters that were sent back or deleted.
    pub(crate) cleared: Vec<String>,
    /// Letters that were not wanted.
    pub(crate) passed: Vec<Held>,
    /// Letters that were wanted, and that SQS did not take.
    pub(crate) refused: Vec<Held>,
    /// Whether no letter was left to receive.
    pub(crate) saw_end: bool,
}

/// A clearing under way.
#[derive(Debug)]
pub(crate) struct Clearing<'a> {
    wanted: &'a Wanted,
    began_at: Timestamp,
    cleared: BTreeSet<String>,
    held: Vec<Held>,
    saw_end: bool,
    /// Something that was wanted was not done, and not for want of time.
    is_broken: bool,
}

impl<'a> Clearing<'a> {
    pub(crate) const fn begin(wanted: &'a Wanted, began_at: Timestamp) -> Self {
        Self { wanted, began_at, cleared: BTreeSet::new(), held: Vec::new(), saw_end: false, is_broken: false }
    }

    /// Divides letters into those that are wanted and the others.
    pub(crate) fn sort(&self, letters: Vec<DeadLetter>) -> (Vec<DeadLetter>, Vec<DeadLetter>) {
        letters.into_iter().partition(|letter| match self.wanted {
            Wanted::All => letter.sent_at <= self.began_at,
            Wanted::Named(ids) => ids.contains(&letter.id),
        })
    }

    /// Takes what a lane did.
    pub(crate) fn take(&mut self, turn: Turn) {
        self.cleared.extend(turn.cleared);
        self.is_broken |= !turn.refused.is_empty();
        self.held.extend(turn.passed.into_iter().chain(turn.refused));
        self.saw_end |= turn.saw_end;
    }

    /// Notes that SQS did not answer.
    pub(crate) const fn interrupt(&mut self) {
        self.is_broken = true;
    }

    /// Tells whether nothing is left to do.
    pub(crate) fn is_over(&self) -> bool {
        self.saw_end || matches!(self.wanted, Wanted::Named(ids) if ids.is_subset(&self.cleared))
    }

    /// The ids of what was sent back or deleted.
    pub(crate) const fn cleared(&self) -> &BTreeSet<String> {
        &self.cleared
    }

    /// What has to be let go.
    pub(crate) fn held(&self) -> &[Held] {
        &self.held
    }

    /// Says what came of it, when so many letters are left.
    pub(crate) fn end(self, remaining: u64) -> Cleared {
        let is_complete = self.is_over() && !self.is_broken;
        let not_found = match self.wanted {
            Wanted::Named(ids) if is_complete => ids.difference(&self.cleared).cloned().collect(),
            _ => Vec::new(),
        };
        let cleared = u64::try_from(self.cleared.len()).unwrap_or(u64::MAX);
        Cleared { cleared, not_found, remaining, is_complete }
    }
}

/// As the audit trail says it: `all`, or the ids.
impl Serialize for Wanted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Named(ids) => ids.serialize(serializer),
        }
    }
}

impl fmt::Display for ClearingAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Redrive => "redrive",
            Self::Discard => "discard",
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn named(ids: &[&str]) -> Wanted {
        Wanted::Named(ids.iter().map(|id| (*id).to_owned()).collect())
    }

    fn turn(cleared: &[&str], saw_end: bool) -> Turn {
        Turn { cleared: cleared.iter().map(|id| (*id).to_owned()).collect(), saw_end, ..Turn::default() }
    }

    fn ended(wanted: &Wanted, turns: Vec<Turn>) -> (u64, Vec<String>, bool) {
        let mut clearing = Clearing::begin(wanted, Timestamp::UNIX_EPOCH);
        turns.into_iter().for_each(|turn| clearing.take(turn));
        let Cleared { cleared, not_found, is_complete, .. } = clearing.end(0);
        (cleared, not_found, is_complete)
    }

    #[test]
    fn all_letters_are_cleared_when_the_end_was_seen() {
        assert_eq!(ended(&Wanted::All, vec![turn(&["a", "b"], false)]), (2, vec![], false));
        assert_eq!(ended(&Wanted::All, vec![turn(&["a", "b"], false), turn(&[], true)]), (2, vec![], true));
    }

    #[test]
    fn named_letters_are_cleared_when_each_was_met_and_missed_only_at_the_end() {
        let wanted = named(&["a", "b"]);

        assert_eq!(ended(&wanted, vec![turn(&["a"], false)]), (1, vec![], false));
        assert_eq!(ended(&wanted, vec![turn(&["a"], false), turn(&["b"], false)]), (2, vec![], true));
        assert_eq!(ended(&wanted, vec![turn(&["a"], false), turn(&[], true)]), (1, vec!["b".to_owned()], true));
    }

    #[test]
    fn what_sqs_refuses_leaves_a_clearing_incomplete_and_nothing_missed() {
        let wanted = named(&["a", "b"]);
        let mut clearing = Clearing::begin(&wanted, Timestamp::UNIX_EPOCH);
        clearing.take(turn(&["a"], true));
        clearing.interrupt();

        let Cleared { cleared, not_found, is_complete, .. } = clearing.end(1);

        assert_eq!((cleared, not_found.len(), is_complete), (1, 0, false));
    }

    #[test]
    fn a_letter_that_comes_twice_counts_once() {
        assert_eq!(ended(&Wanted::All, vec![turn(&["a"], false), turn(&["a"], true)]), (1, vec![], true));
    }
}
