//! Data keys that the process holds for a few minutes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::cipher::Cipher;
use crate::keys::Wrapped;
use crate::scope::Owner;

/// How long a data key stays in memory.
const LIFETIME: SignedDuration = SignedDuration::from_mins(5);
/// How many secrets one data key seals at most.
const MOST_SEALS: u32 = 10_000;
/// How many data keys stay in memory at most.
const MOST_KEYS: usize = 1_000;

/// The data keys of a process; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cache(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// The key that seals what an owner seals next.
    sealing: HashMap<Owner, (Wrapped, u32)>,
    open: HashMap<Wrapped, (Arc<Cipher>, Timestamp)>,
}

impl Cache {
    /// Gives the key that seals for an owner now, if there is one under the key `newest`.
    pub(crate) fn sealing(&self, owner: Owner, newest: &str, moment: Timestamp) -> Option<(Wrapped, Arc<Cipher>)> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget_old(moment);
        let (wrapped, seals) = kept.sealing.get_mut(&owner)?;
        if *seals >= MOST_SEALS || wrapped.key != newest {
            return None;
        }
        *seals += 1;
        let wrapped = wrapped.clone();
        let cipher = Arc::clone(&kept.open.get(&wrapped)?.0);
        Some((wrapped, cipher))
    }

    /// Gives a data key that was unwrapped before.
    pub(crate) fn find(&self, wrapped: &Wrapped, moment: Timestamp) -> Option<Arc<Cipher>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget_old(moment);
        kept.open.get(wrapped).map(|(cipher, _)| Arc::clone(cipher))
    }

    /// Keeps a data key that was unwrapped.
    pub(crate) fn keep(&self, wrapped: &Wrapped, cipher: &Arc<Cipher>, moment: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.open.len() >= MOST_KEYS {
            let oldest = kept.open.iter().min_by_key(|(_, (_, at))| *at).map(|(wrapped, _)| wrapped.clone());
            oldest.map(|wrapped| kept.open.remove(&wrapped));
        }
        kept.open.insert(wrapped.clone(), (Arc::clone(cipher), moment));
    }

    /// Keeps a new data key, to seal with it.
    pub(crate) fn seal_with(&self, wrapped: &Wrapped, cipher: &Arc<Cipher>, moment: Timestamp) {
        self.keep(wrapped, cipher, moment);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.sealing.insert(wrapped.owner, (wrapped.clone(), 1));
    }
}

impl Kept {
    fn forget_old(&mut self, moment: Timestamp) {
        let Self { sealing, open } = self;
        open.retain(|_, (_, at)| moment.duration_since(*at) < LIFETIME);
        sealing.retain(|_, (wrapped, _)| open.contains_key(wrapped));
    }
}
