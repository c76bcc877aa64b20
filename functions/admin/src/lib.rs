//! The functions that operate the platform itself.

mod check_health;
mod discard_dead_letters;
mod get_dead_letters;
mod list_dead_letters;
mod redrive_dead_letters;
mod which_letters;

pub use check_health::Health;
pub use discard_dead_letters::DeadLettersDiscard;
pub use get_dead_letters::DeadLettersGet;
pub use list_dead_letters::DeadLettersList;
pub use redrive_dead_letters::DeadLettersRedrive;

use carillon_harness::Entry;

/// The functions of this area.
pub const ENTRIES: &[Entry] = &[
    Entry::public::<Health>(),
    Entry::http::<DeadLettersList>(),
    Entry::http::<DeadLettersGet>(),
    Entry::http::<DeadLettersRedrive>(),
    Entry::http::<DeadLettersDiscard>(),
];
