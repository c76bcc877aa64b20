//! What each function may weigh: `infra/binaries/budget.json`, the largest archive of each in bytes.

use std::collections::BTreeMap;
use std::fmt;

use crate::size::Size;

/// The largest archive of each function, in bytes.
pub type Budget = BTreeMap<String, u64>;

/// How a function and its budget differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Breach {
    /// It is larger than it may be.
    TooLarge {
        /// The function.
        function: String,
        /// Its archive, in bytes.
        archive: u64,
        /// What it may be.
        most: u64,
    },
    /// Nothing says how large it may be.
    Unlimited(String),
    /// There is no such function.
    Gone(String),
}

impl fmt::Display for Breach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { function, archive, most } => {
                write!(formatter, "{function}: the archive has {archive} bytes, and may have {most}")
            }
            Self::Unlimited(function) => write!(formatter, "{function}: the budget does not name it"),
            Self::Gone(function) => write!(formatter, "{function}: the budget names it, but it was not built"),
        }
    }
}

/// Compares what was built with the budget.
#[must_use]
pub fn breaches(built: &BTreeMap<String, Size>, budget: &Budget) -> Vec<Breach> {
    let of_built = built.iter().filter_map(|(function, size)| match budget.get(function) {
        None => Some(Breach::Unlimited(function.clone())),
        Some(most) if size.archive > *most => Some(Breach::TooLarge { function: function.clone(), archive: size.archive, most: *most }),
        Some(_) => None,
    });
    let gone = budget.keys().filter(|function| !built.contains_key(*function)).map(|function| Breach::Gone(function.clone()));
    of_built.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_told() {
        let size = |archive| Size { file: 0, archive };
        let built = BTreeMap::from([("small".to_owned(), size(10)), ("large".to_owned(), size(11)), ("new".to_owned(), size(1))]);
        let budget = Budget::from([("small".to_owned(), 10), ("large".to_owned(), 10), ("old".to_owned(), 10)]);

        let expected = [
            Breach::TooLarge { function: "large".to_owned(), archive: 11, most: 10 },
            Breach::Unlimited("new".to_owned()),
            Breach::Gone("old".to_owned()),
        ];
        assert_eq!(breaches(&built, &budget), expected);
    }
}
