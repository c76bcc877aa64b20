//! A job over the trail that takes longer than a function runs: it goes on step by step, and each step replaces the version that it read.

use carillon_dynamo::{Key, StoreError};
use carillon_kernel::Clock;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::AuditError;
use super::store::AuditStore;
use super::{JobStatus, Progress};

/// A job as it is put.
#[derive(Debug)]
pub(super) struct Job<'a, T> {
    pub(super) key: Key,
    pub(super) entity: &'a str,
    pub(super) body: &'a T,
    pub(super) status: JobStatus,
    /// Counts its steps, from 1.
    pub(super) version: u64,
    /// When it goes by itself, in seconds since 1970.
    pub(super) ends_second: i64,
}

/// What is done step by step.
pub(super) trait Stepwise: Serialize + DeserializeOwned {
    fn job(&self) -> Job<'_, Self>;
}

/// Carries a job out until it is done or the time is over; nothing is done where there is none.
///
/// Safe to run twice and to die at any await when each step is: it goes on only from the version that was read.
pub(super) async fn carry_out<T: Stepwise, F: Future<Output = Result<T, AuditError>>>(
    (store, key): (&AuditStore, Key),
    (clock, until): (&Clock, Timestamp),
    step: impl Fn(T) -> F,
) -> Result<Progress, AuditError> {
    let Some(mut at) = store.find_job::<T>(key).await? else { return Ok(Progress::Done) };
    while at.job().status != JobStatus::Done {
        let seen = at.job().version;
        at = step(at).await?;
        let replace = store.replace_job(&at.job(), seen)?;
        match store.commit(vec![replace]).await {
            // Another run of the same job went on meanwhile, and goes on.
            Err(StoreError::Refused(_)) => return Ok(Progress::Done),
            outcome => outcome?,
        }
        // Each run gets at least one step further.
        if at.job().status != JobStatus::Done && clock.now() >= until {
            return Ok(Progress::More);
        }
    }
    Ok(Progress::Done)
}
