//! The sums of a run: recomputed from states and facts, never counted up, so that no crash can lose or double any.

use std::collections::BTreeMap;

use carillon_contracts::fact::FactKind;
use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::outcome::Outcome;
use crate::plan::Skipped;
use crate::run::{RunRecord, RunStatus};
use crate::state::State;

/// What a recipient's state is shown as: computed from the outcome and all the facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientStatus {
    /// Not sent yet.
    Waiting,
    /// The provider took it.
    Sent,
    /// It arrived.
    Delivered,
    /// It came back.
    Bounced,
    /// The recipient complained.
    Complained,
    /// The provider refused it.
    Failed,
    /// The recipient was suppressed or unsubscribed before it was sent.
    Suppressed,
    /// The run was cancelled before it was sent.
    Cancelled,
    /// It is not known whether the provider took it.
    InDoubt,
}

impl RecipientStatus {
    /// Computes the status of one entry.
    #[must_use]
    pub fn of(outcome: Outcome, index: usize, facts: &Facts) -> Self {
        let knows = |kind| facts.knows(kind, index);
        let accepted =
            outcome == Outcome::Accepted || (matches!(outcome, Outcome::InDoubt | Outcome::Unresolved) && facts.prove_acceptance(index));
        match outcome {
            _ if accepted && knows(FactKind::Complained) => Self::Complained,
            _ if accepted && (knows(FactKind::BouncedHard) || knows(FactKind::BouncedSoft) || knows(FactKind::Undelivered)) => {
                Self::Bounced
            }
            _ if accepted && (knows(FactKind::Rejected) || knows(FactKind::RenderingFailed)) => Self::Failed,
            _ if accepted && knows(FactKind::Delivered) => Self::Delivered,
            _ if accepted => Self::Sent,
            Outcome::Waiting => Self::Waiting,
            Outcome::Failed => Self::Failed,
            Outcome::Excluded => Self::Suppressed,
            Outcome::Accepted | Outcome::InDoubt | Outcome::Unresolved => Self::InDoubt,
        }
    }
}

/// The sums of one page, as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Counts every replacement.
    #[serde(default)]
    pub version: u64,
    /// The counts.
    #[serde(flatten)]
    pub counts: Counts,
}

/// Counts of entries; each entry is in exactly one of the first six, and in any number of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Touched, and waiting to be tried again.
    pub waiting: u64,
    /// Taken by the provider.
    pub accepted: u64,
    /// Refused by the provider.
    pub failed: u64,
    /// Excluded after the plan was written.
    pub excluded: u64,
    /// In doubt, being resolved.
    pub in_doubt: u64,
    /// In doubt for good.
    pub unresolved: u64,
    /// Arrived.
    pub delivered: u64,
    /// Refused by the recipient's server for good.
    pub bounced_hard: u64,
    /// Given up by the provider for a passing reason.
    pub bounced_soft: u64,
    /// Texts that did not arrive.
    pub undelivered: u64,
    /// Complained about.
    pub complained: u64,
    /// Taken, and refused by the provider afterwards.
    pub rejected: u64,
    /// Opened by a person.
    pub opened: u64,
    /// Loaded by a machine.
    pub opened_by_machine: u64,
    /// Clicked by a person.
    pub clicked: u64,
    /// Clicked by a machine.
    pub clicked_by_machine: u64,
    /// Unsubscribed by this message.
    pub unsubscribed: u64,
}

impl Counts {
    /// Counts the entries of one plan.
    pub fn count(&mut self, state: &State, facts: &Facts) {
        for (index, outcome) in state.outcomes.iter() {
            let proven = matches!(outcome, Outcome::InDoubt | Outcome::Unresolved) && facts.prove_acceptance(index);
            let place = match outcome {
                _ if proven => &mut self.accepted,
                Outcome::Waiting => &mut self.waiting,
                Outcome::Accepted => &mut self.accepted,
                Outcome::Failed => &mut self.failed,
                Outcome::Excluded => &mut self.excluded,
                Outcome::InDoubt => &mut self.in_doubt,
                Outcome::Unresolved => &mut self.unresolved,
            };
            *place += 1;
            self.count_facts(index, facts);
        }
    }

    fn count_facts(&mut self, index: usize, facts: &Facts) {
        let mut tally = |kinds: &[FactKind], place: fn(&mut Self) -> &mut u64| {
            if kinds.iter().any(|kind| facts.knows(*kind, index)) {
                *place(self) += 1;
            }
        };
        tally(&[FactKind::Delivered], |counts| &mut counts.delivered);
        tally(&[FactKind::BouncedHard], |counts| &mut counts.bounced_hard);
        tally(&[FactKind::BouncedSoft], |counts| &mut counts.bounced_soft);
        tally(&[FactKind::Undelivered], |counts| &mut counts.undelivered);
        tally(&[FactKind::Complained], |counts| &mut counts.complained);
        tally(&[FactKind::Rejected, FactKind::RenderingFailed], |counts| &mut counts.rejected);
        tally(&[FactKind::Opened], |counts| &mut counts.opened);
        tally(&[FactKind::OpenedByMachine], |counts| &mut counts.opened_by_machine);
        tally(&[FactKind::Clicked], |counts| &mut counts.clicked);
        tally(&[FactKind::ClickedByMachine], |counts| &mut counts.clicked_by_machine);
        tally(&[FactKind::Unsubscribed], |counts| &mut counts.unsubscribed);
    }

    /// Adds the counts of another page.
    pub fn merge(&mut self, other: &Self) {
        self.waiting += other.waiting;
        self.accepted += other.accepted;
        self.failed += other.failed;
        self.excluded += other.excluded;
        self.in_doubt += other.in_doubt;
        self.unresolved += other.unresolved;
        self.delivered += other.delivered;
        self.bounced_hard += other.bounced_hard;
        self.bounced_soft += other.bounced_soft;
        self.undelivered += other.undelivered;
        self.complained += other.complained;
        self.rejected += other.rejected;
        self.opened += other.opened;
        self.opened_by_machine += other.opened_by_machine;
        self.clicked += other.clicked;
        self.clicked_by_machine += other.clicked_by_machine;
        self.unsubscribed += other.unsubscribed;
    }

    /// How many entries have a final outcome.
    #[must_use]
    pub const fn settled(&self) -> u64 {
        self.accepted + self.failed + self.excluded + self.unresolved
    }
}

/// The statistics of a run, as the API shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Whether the whole audience was planned: until then `recipients` grows.
    pub audience_complete: bool,
    /// Everybody who is planned to get it.
    pub recipients: u64,
    /// Left out while planning, by reason.
    pub skipped: Skipped,
    /// Not tried yet, or to be tried again.
    pub waiting: u64,
    /// Not sent, because the run was cancelled.
    pub cancelled: u64,
    /// Taken by the provider (of these the figures below speak).
    pub sent: u64,
    /// Refused by the provider.
    pub failed: u64,
    /// Excluded after they were planned: suppressed or unsubscribed in the meantime.
    pub suppressed: u64,
    /// Not known whether the provider took it; being resolved while the run goes on, final when it has ended.
    pub in_doubt: u64,
    /// The counts of what providers reported.
    #[serde(flatten)]
    pub reported: BTreeMap<String, u64>,
}

impl Figures {
    /// Makes the statistics of a run and the counts of all its pages.
    #[must_use]
    pub fn new(run: &RunRecord, counts: &Counts) -> Self {
        let open = run.recipients.saturating_sub(counts.settled() + counts.in_doubt);
        let cancelled = if run.status == RunStatus::Cancelled { open } else { 0 };
        let reported = [
            ("delivered", counts.delivered),
            ("bounced_hard", counts.bounced_hard),
            ("bounced_soft", counts.bounced_soft),
            ("undelivered", counts.undelivered),
            ("complained", counts.complained),
            ("rejected", counts.rejected),
            ("opened", counts.opened),
            ("opened_by_machine", counts.opened_by_machine),
            ("clicked", counts.clicked),
            ("clicked_by_machine", counts.clicked_by_machine),
            ("unsubscribed", counts.unsubscribed),
        ];
        Self {
            audience_complete: run.expanded,
            recipients: run.recipients,
            skipped: run.skipped.clone(),
            waiting: open - cancelled,
            cancelled,
            sent: counts.accepted,
            failed: counts.failed,
            suppressed: counts.excluded,
            in_doubt: counts.in_doubt + counts.unresolved,
            reported: reported.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcomes;

    #[test]
    fn every_entry_is_in_exactly_one_of_the_outcome_counts() {
        let mut state = State::untouched(0, 6);
        state.outcomes = serde_json::from_str::<Outcomes>("\".afxdu\"").unwrap();
        let mut facts = Facts::default();
        facts.add(FactKind::Sent, 0, 4);
        facts.add(FactKind::Delivered, 0, 1);

        let mut counts = Counts::default();
        counts.count(&state, &facts);

        assert_eq!(counts.waiting + counts.settled() + counts.in_doubt, 6);
        assert_eq!((counts.accepted, counts.in_doubt, counts.unresolved, counts.delivered), (2, 0, 1, 1));
    }

    #[test]
    fn a_bounce_after_a_delivery_is_shown_as_a_bounce() {
        let mut facts = Facts::default();
        facts.add(FactKind::Delivered, 0, 0);
        assert_eq!(RecipientStatus::of(Outcome::Accepted, 0, &facts), RecipientStatus::Delivered);

        facts.add(FactKind::BouncedHard, 0, 0);

        assert_eq!(RecipientStatus::of(Outcome::Accepted, 0, &facts), RecipientStatus::Bounced);
    }
}
