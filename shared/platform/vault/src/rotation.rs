//! Rotation: what old keys wrapped is found and wrapped under the newest one.
//!
//! | access pattern | key |
//! | --- | --- |
//! | what one key wrapped, a shard of it | index: `SEALED#{key}#{shard}` · `{pk}#{sk}` |
//!
//! It runs while the platform does: a secret opens before, during and after, and a secret that changes meanwhile is left as it is.

use carillon_dynamo::{Change, Condition, Cursor, Key, Query, StoreError, Table, text};
use carillon_kernel::{Setup, SetupError};
use serde::Deserialize;

use crate::error::VaultError;
use crate::sealed::{SHARDS, SealedSecret, partition};
use crate::vault::Vault;

const PER_PAGE: u32 = 100;

/// Wraps data keys anew.
#[derive(Debug, Clone)]
pub struct Rotation {
    vault: Vault,
    entities: Table,
}

/// What a turn of the rotation did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// How many secrets are under the newest key now.
    pub done: u32,
    /// How many could not be wrapped anew: a later turn tries again.
    pub failed: u32,
}

/// What is read of an item that holds a sealed secret.
#[derive(Debug, Deserialize)]
struct Listed {
    pk: String,
    sk: String,
    sealed: SealedSecret,
}

impl Rotation {
    /// Opens the rotation: the vault's settings, and `ENTITIES_TABLE`.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { vault: Vault::from_setup(setup)?, entities: Table::from_setup(setup, "ENTITIES_TABLE")? })
    }

    /// Wraps up to about `most` secrets of the old keys under the newest one.
    ///
    /// # Errors
    /// [`VaultError`] when the table does not answer, or the last failure when nothing but failures was met.
    pub async fn run(&self, most: u32) -> Result<Rewrapped, VaultError> {
        let mut sum = Rewrapped::default();
        let mut last_failure = None;
        for key in self.vault.old_keys() {
            for shard in 0..SHARDS {
                let mut start = None;
                loop {
                    let (items, next) = self.page(partition(&key, shard), start).await?;
                    for listed in items {
                        match self.rewrap(listed).await {
                            Ok(()) => sum.done += 1,
                            Err(failure) => {
                                sum.failed += 1;
                                last_failure = Some(failure);
                            }
                        }
                    }
                    start = next;
                    if sum.done + sum.failed >= most || start.is_none() {
                        break;
                    }
                }
            }
        }
        match last_failure {
            Some(failure) if sum.done == 0 => Err(failure),
            _ => Ok(sum),
        }
    }

    async fn page(&self, partition: String, start: Option<Cursor>) -> Result<(Vec<Listed>, Option<Cursor>), VaultError> {
        let page = self.entities.query(Query::index(partition).limit(PER_PAGE).start(start)).await?;
        Ok((page.items, page.next))
    }

    async fn rewrap(&self, listed: Listed) -> Result<(), VaultError> {
        let Some(rewrapped) = self.vault.rewrap(&listed.sealed).await? else { return Ok(()) };
        let change = Change::new().set("sealed", text(rewrapped.to_string())).set("gsi1pk", text(rewrapped.partition()));
        let same = Condition::Equals("sealed", text(listed.sealed.to_string()));
        match self.entities.commit(vec![self.entities.update(Key::new(listed.pk, listed.sk), change, same)]).await {
            // Sealed anew or deleted meanwhile: nothing is left to do.
            Err(StoreError::Refused(_)) => Ok(()),
            other => Ok(other?),
        }
    }
}
