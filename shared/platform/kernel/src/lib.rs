//! The ground that every Carillon crate stands on: ids, time, randomness, errors, secrets, signatures, and the setup of a function.
//!
//! Reading order: [`id`], [`clock`], [`fault`], [`secret`], [`setup`], [`meter`].
//! Nothing here knows HTTP, Lambda or an AWS service.

pub mod clock;
pub mod fault;
pub mod id;
pub mod meter;
pub mod secret;
pub mod setup;

pub use clock::{Clock, IdSource, ManualClock, MovableClock};
pub use fault::{Failure, Fault, Kind, Problem};
pub use id::{Id, IdKind, ParseIdError};
pub use meter::Meter;
pub use secret::{KeyedHash, Secret, Signer};
pub use setup::{Setup, SetupError};
