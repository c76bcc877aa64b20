//! The audit trail, after its records were written: reading it, sealing it, proving it, taking it along.
//!
//! Records come into being in the transaction of each change (`carillon_dynamo::Trail`). The [`sealer`] chains them afterwards, so that
//! writers never wait for each other: a [`seal`] holds the hashes of the records that it covers and the code of the seal before, under a
//! key that the table does not hold. [`verification`] recomputes all of it, [`verifier`] does so as a job; [`export`] writes files.
//!
//! | what is done to the table | what tells |
//! | --- | --- |
//! | a sealed record is edited or removed | its seal holds another hash, or names a record that is not there |
//! | address or program of a record are edited | the hash of its origin; an erasure takes them away, which is none |
//! | a record is added to a time that was sealed | no seal names it; one that was left for the sealer is sealed after its time |
//! | a seal is edited, moved or removed | its code, its number, the code that the next one holds of it, the gap |
//! | the last seals are removed | the head; a head that is set back is told by one that a caller kept |
//!
//! Whoever writes to the table before a record is sealed can still change it: the settling time is as long as the slowest writer may take.
//!
//! Reading order: [`record`], [`seal`], [`verification`], [`error`], [`sealer`], [`reader`], [`export`], [`verifier`], `job`, `store`.

pub mod error;
pub mod export;
pub mod reader;
pub mod record;
pub mod seal;
pub mod sealer;
pub mod verification;
pub mod verifier;

mod job;
mod store;

pub use error::AuditError;
pub use export::{ExportFormat, TrailExportView, TrailExports};
pub use reader::AuditTrail;
pub use record::{TrailFilter, TrailRecord};
pub use sealer::Sealer;
pub use verification::{Finding, FindingKind, KnownHead};
pub use verifier::{VerificationView, Verifications, Verifier};

use serde::{Deserialize, Serialize};

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Nothing was done yet.
    Pending,
    /// Some of it was done.
    Running,
    /// All of it was done.
    Done,
}

/// What is left of a job after a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a job that is not done goes on by another message"]
pub enum Progress {
    /// Nothing: it is done, or another run of the same job does it.
    Done,
    /// The time was over before the work was.
    More,
}
