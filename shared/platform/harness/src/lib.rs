//! The harness: what stands around every function, on Lambda and locally alike.
//!
//! A function implements one of five traits, by its trigger: [`HttpFunction`] (a route with a caller), [`PublicFunction`] (a route
//! without one: health, unsubscribe, webhooks), [`QueueFunction`] (one message at a time), [`BatchFunction`] (an invocation's messages
//! together) or [`ScheduledFunction`]. [`Entry`] erases the type: a binary serves one entry, the local platform serves them all.
//!
//! Reading order: [`function`], [`call`], [`reply`], [`entry`], then `http`, `gate`, `credentials`, `rate`, `input`, `idempotency`, `queue`, `lambda`.

pub mod call;
pub mod entry;
pub mod function;
pub mod reply;

mod credentials;
mod edge;
mod event;
mod gate;
mod http;
mod idempotency;
mod input;
mod lambda;
mod log;
mod queue;
mod rate;
mod schedule;

pub use call::{Call, Listing, RawRequest};
pub use carillon_kernel::{Failure, Kind, Problem, Setup, SetupError};
pub use entry::{Entry, Invocation, Invoke, Trigger};
pub use event::{HttpEvent, HttpReply};
pub use function::{BatchFunction, Delivery, HttpFunction, Input, Nothing, PublicFunction, QueueFunction, ScheduledFunction};
pub use lambda::run;
pub use log::{FIGURES, LogFormat, start_log};
pub use rate::RateClass;
pub use reply::Reply;
