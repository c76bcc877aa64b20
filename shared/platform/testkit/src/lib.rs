//! Tools of the tests: stopping work at any moment, and seeing what goes over the wire.
//!
//! Reading order: [`stop_at`] drops a future at one of its awaits; [`Gate`] stops work before or after one of its calls to the world
//! outside, which is sharper, because it is known whether the call had its effect; [`Wire`] is the HTTP client of all AWS SDK clients
//! of a process, on which the gate stands, [`SimulatedQueues`] answer for SQS with a clock that the test moves, and the [`WriteMeter`]
//! counts the writes of every key; [`Turnstile`] is a gate on the way to a provider that is called without the SDK; [`Api`] is a client
//! of the HTTP API whose verbs are the ones that people use, [`Person`], [`Login`], [`Device`] and [`Browser`] are who uses it; [`mmdb`] writes the GeoIP databases of tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a toolbox of tests: what is wrong here must fail the test at once"
)]

mod actions;
mod api;
mod gate;
pub mod mmdb;
mod people;
mod queues;
mod stop;
mod turnstile;
mod wire;
mod writes;

pub use actions::{Action, Actions};
pub use api::{Answer, Api, File};
pub use gate::{Gate, Side, Stop};
pub use people::{Browser, Device, Login, Person};
pub use queues::{Queued, SimulatedQueues};
pub use stop::{Stopped, stop_at};
pub use turnstile::Turnstile;
pub use wire::Wire;
pub use writes::WriteMeter;
