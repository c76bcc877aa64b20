//! How much work is released when: about a minute's worth at a time, fair across organizations, within the account's rate.

use std::collections::{BTreeMap, VecDeque};

use carillon_contracts::OrganizationId;

use crate::keys::RunKey;

/// How far ahead work is released, in milliseconds.
pub const HORIZON_MS: i64 = 60_000;

/// The most plans that one pass releases: the next pass follows at once.
pub const MOST_PLANS_OF_PASS: usize = 2_000;

/// The share of the account's rate that campaigns leave to single messages.
pub const RESERVED_SHARE: f64 = 0.1;

/// A run that has plans to release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The run.
    pub of: RunKey,
    /// Its plans that may be released, in order.
    pub plans: VecDeque<u32>,
    /// How many recipients a plan has at the most.
    pub batch: u32,
}

/// A plan and the moment, in milliseconds since 1970, at which it is to be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// The run.
    pub of: RunKey,
    /// The plan.
    pub plan: u32,
    /// When.
    pub at_ms: i64,
}

/// Takes plans in turn, one organization after the other and within it one run after the other, until the horizon is full.
///
/// `reserved_ms` is up to when the lane's time is given away already; the answer tells up to when it is afterwards.
#[must_use]
pub fn release(waiting: Vec<Waiting>, rate_per_second: f64, (reserved_ms, now_ms): (i64, i64)) -> (Vec<Release>, i64) {
    let mut organizations: BTreeMap<OrganizationId, VecDeque<Waiting>> = BTreeMap::new();
    for run in waiting {
        organizations.entry(run.of.organization).or_default().push_back(run);
    }
    let mut turns: VecDeque<VecDeque<Waiting>> = organizations.into_values().collect();
    let mut reserved = reserved_ms.max(now_ms) as f64;
    let mut released = Vec::new();
    while reserved < (now_ms + HORIZON_MS) as f64 && released.len() < MOST_PLANS_OF_PASS {
        let Some(mut organization) = turns.pop_front() else { break };
        let Some(mut run) = organization.pop_front() else { continue };
        if let Some(plan) = run.plans.pop_front() {
            released.push(Release { of: run.of, plan, at_ms: reserved as i64 });
            reserved += f64::from(run.batch) * 1000.0 / rate_per_second.max(0.1);
            organization.push_back(run);
        }
        turns.push_back(organization);
    }
    (released, reserved as i64)
}

#[cfg(test)]
mod tests {
    use carillon_contracts::{CampaignId, Run};

    use super::*;

    fn run(organization: u8, campaign: u8, plans: u32) -> Waiting {
        let of = RunKey::new(OrganizationId::from_bytes([organization; 16]), Run::Campaign(CampaignId::from_bytes([campaign; 16])));
        Waiting { of, plans: (0..plans).collect(), batch: 50 }
    }

    #[test]
    fn a_minute_of_work_is_released_and_spread_over_the_minute() {
        let (released, reserved) = release(vec![run(1, 1, 1000)], 100.0, (0, 1_000_000));

        assert_eq!(released.len(), 120);
        assert_eq!(released[1].at_ms - released[0].at_ms, 500);
        assert_eq!(reserved, 1_060_000);
    }

    #[test]
    fn organizations_take_turns_whatever_the_number_of_their_runs() {
        let waiting = vec![run(1, 1, 1000), run(1, 2, 1000), run(1, 3, 1000), run(2, 4, 1000)];

        let (released, _) = release(waiting, 100.0, (0, 0));

        let of_second = released.iter().filter(|release| release.of.organization == OrganizationId::from_bytes([2; 16])).count();
        assert_eq!(of_second * 2, released.len());
    }

    #[test]
    fn nothing_more_is_released_while_the_minute_is_full() {
        assert_eq!(release(vec![run(1, 1, 10)], 100.0, (60_000, 0)), (Vec::new(), 60_000));
    }

    #[test]
    fn a_throttled_lane_still_makes_progress() {
        let (released, _) = release(vec![run(1, 1, 10)], 0.0, (0, 0));

        assert_eq!(released.len(), 1);
    }
}
