//! What became of one recipient of a plan, one letter each, so that fifty of them are one small attribute.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The outcome of one entry. It moves forward only: from waiting, through doubt perhaps, to one of the final ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Nothing was tried, or what was tried was refused for now.
    Waiting,
    /// The provider took it.
    Accepted,
    /// The provider refuses it for good; "retry failed" tries it again.
    Failed,
    /// The recipient was excluded after the plan was written: suppressed or unsubscribed.
    Excluded,
    /// It is not known whether the provider took it.
    InDoubt,
    /// It never became known whether the provider took it, and it is not tried again.
    Unresolved,
}

impl Outcome {
    /// Tells whether nothing more will be tried.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::InDoubt)
    }

    const fn letter(self) -> char {
        match self {
            Self::Waiting => '.',
            Self::Accepted => 'a',
            Self::Failed => 'f',
            Self::Excluded => 'x',
            Self::InDoubt => 'd',
            Self::Unresolved => 'u',
        }
    }

    const fn of_letter(letter: char) -> Option<Self> {
        Some(match letter {
            '.' => Self::Waiting,
            'a' => Self::Accepted,
            'f' => Self::Failed,
            'x' => Self::Excluded,
            'd' => Self::InDoubt,
            'u' => Self::Unresolved,
            _ => return None,
        })
    }
}

/// The outcomes of all entries of a plan, in the plan's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcomes(Vec<Outcome>);

impl Outcomes {
    /// Makes the outcomes of a plan with so many entries, all waiting.
    #[must_use]
    pub fn waiting(entries: usize) -> Self {
        Self(vec![Outcome::Waiting; entries])
    }

    /// Gives the outcome of an entry.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Outcome> {
        self.0.get(index).copied()
    }

    /// Sets the outcome of an entry.
    pub fn set(&mut self, index: usize, outcome: Outcome) {
        if let Some(place) = self.0.get_mut(index) {
            *place = outcome;
        }
    }

    /// Lists entries with their outcomes.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Outcome)> + '_ {
        self.0.iter().copied().enumerate()
    }

    /// Lists the entries with this outcome.
    pub fn having(&self, wanted: Outcome) -> impl Iterator<Item = usize> + '_ {
        self.iter().filter(move |(_, outcome)| *outcome == wanted).map(|(index, _)| index)
    }

    /// Turns every entry of one outcome into another.
    pub fn turn(&mut self, from: Outcome, to: Outcome) {
        self.0.iter_mut().filter(|outcome| **outcome == from).for_each(|outcome| *outcome = to);
    }

    /// Tells whether any entry has this outcome.
    #[must_use]
    pub fn any(&self, wanted: Outcome) -> bool {
        self.0.contains(&wanted)
    }

    /// Tells whether nothing more will be tried for any entry.
    #[must_use]
    pub fn are_final(&self) -> bool {
        self.0.iter().all(|outcome| outcome.is_final())
    }
}

impl fmt::Display for Outcomes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|outcome| fmt::Write::write_char(formatter, outcome.letter()))
    }
}

impl Serialize for Outcomes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Outcomes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let letters = text.chars().map(|letter| Outcome::of_letter(letter).ok_or_else(|| serde::de::Error::custom("unknown outcome")));
        letters.collect::<Result<_, _>>().map(Self)
    }
}
