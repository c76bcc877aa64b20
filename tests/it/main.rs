//! The tests of the platform as a whole: that its parts fit together, and its journeys through the local platform.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod completeness;
mod journeys;
mod simulation;
