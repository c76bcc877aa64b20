//! The ground that every Carillon crate stands on: ids, time, randomness, errors, secrets, signatures, and the setup of a function.
//!
//! Reading order: [`id`], [`clock`], [`fault`], [`secret`], [`setup`], [`meter`], [`ear`], [`trace`].
//! Nothing here knows HTTP, Lambda or an AWS service.

pub mod clock;
pub mod ear;
pub mod fault;
pub mod id;
pub mod meter;
pub mod secret;
pub mod setup;
pub mod trace;

pub use clock::{Clock, IdSource, ManualClock, MovableClock};
pub use ear::Ear;
pub use fault::{Failure, Fault, Kind, Problem};
pub use id::{Id, IdKind, ParseIdError};
pub use meter::Meter;
pub use secret::{KeyedHash, Secret, Signer};
pub use setup::{Setup, SetupError};
pub use trace::Trace;
