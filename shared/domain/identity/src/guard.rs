//! The guard at everything that is guessed at: each try takes its turn before anything is compared.

use std::time::Duration;

use carillon_contracts::Origin;
use carillon_kernel::{Setup, SetupError};
use jiff::Timestamp;

use crate::account_error::AccountError;
use crate::account_store::AccountStore;
use crate::attempts::{Policies, Subject, Turn};

/// How often a turn is tried for that somebody else took at the same moment.
const TRIES: u32 = 3;

/// The guard.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    store: AccountStore,
    policies: Policies,
}

/// A try that may be made.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    subjects: Vec<Subject>,
    /// Whether this try, if it fails, is the first that makes the next one wait.
    pub(crate) locks: bool,
}

impl Guard {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { store: AccountStore::from_setup(setup)?, policies: Policies::from_setup(setup)? })
    }

    /// Takes the turn of a try at a subject by a client.
    ///
    /// At one subject no two tries share a turn. A client is counted without such care, because an office is one: so many who log in at
    /// the same moment must not get into each other's way, and how many a client makes at a moment is limited elsewhere.
    pub(crate) async fn enter(&self, subject: Subject, origin: &Origin, moment: Timestamp) -> Result<Pass, AccountError> {
        let subjects: Vec<Subject> = [Some(subject), origin.ip.map(Subject::Client)].into_iter().flatten().collect();
        for _ in 0..TRIES {
            let mut locks = false;
            let (mut own, mut of_client) = (Vec::new(), Vec::new());
            for (subject, attempts) in subjects.iter().zip(self.store.find_attempts(&subjects).await?) {
                let policy = self.policies.of(subject);
                let (attempts, turn) = attempts.unwrap_or_default().take(&policy, moment);
                let this_one = match turn {
                    Turn::Wait(wait) => return Err(AccountError::TooManyAttempts(wait)),
                    Turn::Taken { locks, .. } => locks,
                };
                if let Subject::Client(_) = subject {
                    of_client.push(self.store.count_turn(subject, &attempts, &policy));
                } else {
                    locks = this_one;
                    own.push(self.store.take_turn(subject, &attempts, &policy)?);
                }
            }
            match self.store.commit(own).await.map_err(AccountError::from) {
                Err(AccountError::Raced) => continue,
                taken => taken?,
            }
            self.store.commit(of_client).await?;
            return Ok(Pass { subjects, locks });
        }
        Err(AccountError::TooManyAttempts(Duration::from_secs(1)))
    }

    /// Gives the turn of a success back: what was tried is forgotten, and the client gets its turn again.
    pub(crate) async fn leave(&self, pass: Pass) -> Result<(), AccountError> {
        for subject in &pass.subjects {
            let write = match subject {
                Subject::Client(_) => self.store.give_turn_back(subject),
                _ => self.store.forget_attempts(subject),
            };
            match self.store.commit(vec![write]).await.map_err(AccountError::from) {
                // Somebody else took a turn meanwhile, or it was forgotten: nothing is lost but one free try.
                Ok(()) | Err(AccountError::Raced) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
