//! Where everything lies in the ledger's table.
//!
//! | item | pk | sk |
//! | --- | --- | --- |
//! | RUN | `{org}#{run}` | `RUN` |
//! | definition, frozen | `{org}#{run}` | `DEFINITION` |
//! | SUMS of a page | `{org}#{run}` | `SUMS#{page}` |
//! | PLAN n | `{org}#{run}#P{page}` | `PLAN#{n}` |
//! | STATE n | `{org}#{run}#P{page}` | `STATE#{n}` |
//! | FACTS n | `{org}#{run}#P{page}` | `STATE#{n}#FACTS`, beside its state, so that one range reads both |
//! | run under way | `ACTIVE` | `{channel}#{org}#{run}` |
//! | lane of a channel | `LANE#{channel}` | `LANE` |
//! | plan in doubt | `DOUBT` | `{since}#{org}#{run}#{n}` |
//! | watermark of events | `WATERMARK#{configuration set}` | `WATERMARK` |
//!
//! Plans that follow each other lie on sixteen pages in turn, so that no key takes more than a sixteenth of the writes of a run:
//! at ten thousand recipients a second that is some forty writes a second on each.

use carillon_contracts::{Channel, OrganizationId, Run};
use carillon_dynamo::Key;

/// How many pages take plans in turn.
pub const PAGES_IN_TURN: u32 = 16;

/// How many plans a page holds.
pub const PLANS_OF_PAGE: u32 = 250;

const PLANS_OF_BLOCK: u32 = PAGES_IN_TURN * PLANS_OF_PAGE;

/// Gives the page that a plan lies on.
#[must_use]
pub const fn page_of(plan: u32) -> u32 {
    (plan / PLANS_OF_BLOCK) * PAGES_IN_TURN + plan % PAGES_IN_TURN
}

/// Gives the number of pages that so many plans touch at the most.
#[must_use]
pub const fn pages_of(plans: u32) -> u32 {
    plans.div_ceil(PLANS_OF_BLOCK) * PAGES_IN_TURN
}

/// Lists the pages that the first so many plans lie on.
pub fn touched_pages(plans: u32) -> impl Iterator<Item = u32> {
    (0..pages_of(plans)).filter(move |page| first_plan_of(*page) < plans)
}

const fn first_plan_of(page: u32) -> u32 {
    (page / PAGES_IN_TURN) * PLANS_OF_BLOCK + page % PAGES_IN_TURN
}

/// The names of a run: its organization and itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunKey {
    /// The organization.
    pub organization: OrganizationId,
    /// The run.
    pub run: Run,
}

impl RunKey {
    /// Makes the names of a run.
    #[must_use]
    pub const fn new(organization: OrganizationId, run: Run) -> Self {
        Self { organization, run }
    }
}

pub(crate) const ACTIVE: &str = "ACTIVE";
pub(crate) const DOUBT: &str = "DOUBT";

pub(crate) fn run_partition(of: RunKey) -> String {
    format!("{}#{}", of.organization, of.run)
}

pub(crate) fn page_partition(of: RunKey, page: u32) -> String {
    format!("{}#{}#P{page}", of.organization, of.run)
}

pub(crate) fn run(of: RunKey) -> Key {
    Key::new(run_partition(of), "RUN")
}

pub(crate) fn definition(of: RunKey) -> Key {
    Key::new(run_partition(of), "DEFINITION")
}

pub(crate) fn sums(of: RunKey, page: u32) -> Key {
    Key::new(run_partition(of), format!("SUMS#{page:06}"))
}

pub(crate) fn plan(of: RunKey, number: u32) -> Key {
    Key::new(page_partition(of, page_of(number)), format!("PLAN#{number:07}"))
}

pub(crate) fn state(of: RunKey, number: u32) -> Key {
    Key::new(page_partition(of, page_of(number)), format!("STATE#{number:07}"))
}

pub(crate) fn facts(of: RunKey, number: u32) -> Key {
    Key::new(page_partition(of, page_of(number)), format!("STATE#{number:07}#FACTS"))
}

pub(crate) fn active(of: RunKey, channel: Channel) -> Key {
    Key::new(ACTIVE, format!("{channel}#{}#{}", of.organization, of.run))
}

pub(crate) fn lane(channel: Channel) -> Key {
    Key::new(format!("LANE#{channel}"), "LANE")
}

pub(crate) fn doubt(of: RunKey, number: u32, since_ms: i64) -> Key {
    Key::new(DOUBT, format!("{since_ms:015}#{}#{}#{number}", of.organization, of.run))
}

pub(crate) fn watermark(configuration_set: &str) -> Key {
    Key::new(format!("WATERMARK#{configuration_set}"), "WATERMARK")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_page_holds_its_number_of_plans_and_neighbours_lie_apart() {
        let mut plans: BTreeMap<u32, u32> = BTreeMap::new();
        for plan in 0..2 * PLANS_OF_BLOCK {
            *plans.entry(page_of(plan)).or_default() += 1;
            assert_ne!(page_of(plan), page_of(plan + 1));
        }

        assert_eq!(plans.len(), 32);
        assert!(plans.values().all(|count| *count == PLANS_OF_PAGE));
    }

    #[test]
    fn the_touched_pages_are_those_of_the_plans() {
        for plans in [0, 1, 15, 16, 17, 3999, 4000, 4001] {
            let mut expected: Vec<u32> = (0..plans).map(page_of).collect();
            expected.sort_unstable();
            expected.dedup();

            assert_eq!(touched_pages(plans).collect::<Vec<_>>(), expected, "{plans}");
        }
    }
}
