//! The operations domain: what the operator does with the platform itself, whoever its organizations are.
//!
//! Reading order: [`queue_name`] (which queues there are), [`reference`] (what a message is about, without what it says), [`letter`]
//! (a message that was given up), [`clearing`] (which letters go where, and what came of it), [`dead_letters`] (the use cases).

pub mod clearing;
pub mod dead_letters;
mod error;
pub mod letter;
pub mod queue_name;
pub mod reference;

mod store;

pub use clearing::{Cleared, ClearingAction, Order, Wanted};
pub use dead_letters::{Clearings, DeadLetters};
pub use error::OperationsError;
pub use letter::{Letter, Look, QueueDepth};
pub use queue_name::QueueName;
pub use reference::{Reference, Referred};
