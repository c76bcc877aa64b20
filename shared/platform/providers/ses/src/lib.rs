//! SES, API version 2, as the send path needs it: one bulk call, made once, and told apart by what it proves.
//!
//! SES has no idempotency token, so a call is never repeated here: [`Ses::send_bulk`] makes one attempt with a time-out of its own.
//! What came of it is either one [`EntryOutcome`] for each entry, or a [`CallFailure`] of the whole call that says whether nothing was
//! sent, or whether nobody knows.
//!
//! Reading order: [`bulk`], [`outcome`], [`failure`], [`client`].

pub mod bulk;
pub mod client;
pub mod failure;
pub mod outcome;

pub use bulk::{BulkEmail, BulkEntry};
pub use client::{Account, Ses};
pub use failure::CallFailure;
pub use outcome::EntryOutcome;
