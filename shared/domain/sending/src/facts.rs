//! FACTS n: what providers reported of a plan's entries afterwards. Sets of numbers that only grow, merged without reading.

use std::collections::{BTreeMap, BTreeSet};

use carillon_contracts::fact::FactKind;
use carillon_dynamo::{Change, Item};

/// What is known of the entries of one plan, by kind: each number is an entry of an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<FactKind, BTreeSet<u16>>);

/// How many numbers an attempt takes: more than a plan has entries.
const ENTRIES_OF_ATTEMPT: u16 = 64;

impl Facts {
    /// Adds a fact about an entry of an attempt.
    pub fn add(&mut self, kind: FactKind, attempt: u8, index: u8) {
        self.0.entry(kind).or_default().insert(u16::from(attempt) * ENTRIES_OF_ATTEMPT + u16::from(index));
    }

    /// Tells whether a fact is known of an entry, whatever the attempt.
    #[must_use]
    pub fn knows(&self, kind: FactKind, index: usize) -> bool {
        self.0.get(&kind).is_some_and(|numbers| numbers.iter().any(|number| usize::from(number % ENTRIES_OF_ATTEMPT) == index))
    }

    /// Tells whether anything is known of an entry that proves that the provider took it, at whatever attempt.
    #[must_use]
    pub fn prove_acceptance(&self, index: usize) -> bool {
        FactKind::ALL.into_iter().filter(|kind| *kind != FactKind::Unsubscribed).any(|kind| self.knows(kind, index))
    }

    /// Writes the change that merges these facts into the stored ones.
    pub(crate) fn change(&self) -> Change {
        self.0.iter().fold(Change::new(), |change, (kind, numbers)| change.add_numbers(attribute(*kind), numbers))
    }

    /// Reads the facts of a stored item.
    pub(crate) fn read(item: &Item) -> Self {
        let kinds = FactKind::ALL.into_iter().map(|kind| (kind, item.numbers(attribute(kind)).collect::<BTreeSet<u16>>()));
        Self(kinds.filter(|(_, numbers)| !numbers.is_empty()).collect())
    }
}

/// The attribute of a kind: short, because DynamoDB bills for names.
const fn attribute(kind: FactKind) -> &'static str {
    match kind {
        FactKind::Sent => "s",
        FactKind::Delivered => "d",
        FactKind::Delayed => "l",
        FactKind::BouncedHard => "bh",
        FactKind::BouncedSoft => "bs",
        FactKind::Complained => "c",
        FactKind::Rejected => "r",
        FactKind::RenderingFailed => "rf",
        FactKind::Opened => "o",
        FactKind::OpenedByMachine => "om",
        FactKind::Clicked => "k",
        FactKind::ClickedByMachine => "km",
        FactKind::Undelivered => "u",
        FactKind::Unsubscribed => "un",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_of_any_attempt_proves_acceptance_of_its_entry_only() {
        let mut facts = Facts::default();
        facts.add(FactKind::Sent, 1, 7);
        facts.add(FactKind::Unsubscribed, 1, 8);

        assert!(facts.prove_acceptance(7));
        assert!(!facts.prove_acceptance(8));
        assert!(facts.knows(FactKind::Sent, 7));
        assert!(!facts.knows(FactKind::Delivered, 7));
    }
}
