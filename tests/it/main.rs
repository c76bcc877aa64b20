//! The tests of the platform as a whole: that its parts fit together, and its journeys through the local platform.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]
// Journeys are futures in futures in futures.
#![recursion_limit = "256"]

mod completeness;
mod journeys;
mod simulation;
