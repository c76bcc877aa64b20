//! The part of an invocation's time after which a long job goes on in the next one.

use carillon_harness::Delivery;
use jiff::{SignedDuration, Timestamp};

/// Gives the moment when half of the time is over: the step under way still ends.
pub(crate) fn half_of(delivery: Delivery) -> Timestamp {
    let half = SignedDuration::try_from(delivery.remaining).unwrap_or(SignedDuration::MAX) / 2;
    delivery.moment.saturating_add(half).unwrap_or(delivery.moment)
}
