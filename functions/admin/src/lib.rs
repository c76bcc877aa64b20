//! The functions that operate the platform itself.

mod check_health;

pub use check_health::Health;

/// The functions of this area.
pub const ENTRIES: &[carillon_harness::Entry] = &[carillon_harness::Entry::public::<Health>()];
