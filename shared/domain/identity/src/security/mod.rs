//! Security events: what looks unlike the usual, written down for the organization and told to the owner.
//!
//! A login is compared with what is remembered of the user's earlier ones ([`sign_in`], a pure rule); where a GeoIP database is configured,
//! with the place that it says an address has ([`place`]). What is found becomes an event ([`event`]), one for each kind, person and hour
//! however often it happens, in the login's own transaction, with at most one notice to its owner an hour.
//!
//! Reading order: [`kind`], [`sign_in`], [`place`], [`event`], [`error`], [`service`], `store`.

pub mod error;
pub mod event;
pub mod kind;
pub mod place;
pub mod service;
pub mod sign_in;

mod store;

pub use error::SecurityError;
pub use event::{SecurityEvent, Subject, Suspicion};
pub use kind::SecurityEventKind;
pub use place::{CheckStatus, GeoIp, Place};
pub use service::{Raised, SecurityEventFilter, SecurityEvents};
pub use sign_in::{Assessment, SignIn, SignIns};
