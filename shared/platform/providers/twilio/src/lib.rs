//! Twilio's Messages resource, and the signature of its webhooks.
//!
//! The Messages resource has no idempotency key, so a call is never repeated here: [`Twilio::send`] makes one attempt with a time-out
//! of its own, and a [`CallFailure`] says whether nothing was sent, or whether nobody knows. The status callback, whose address names
//! the attempt, resolves the doubt.
//!
//! Reading order: [`client`], [`failure`], [`signature`].

pub mod client;
pub mod failure;
pub mod signature;

pub use client::{Accepted, From, Sms, Twilio};
pub use failure::CallFailure;
