//! When a process asks for the flags, and what holds meanwhile.

use std::sync::Arc;

use carillon_kernel::{Setup, SetupError};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::flag::{Flag, Off};
use crate::session::{Asker, INTERVAL_SECONDS, Latest};

#[cfg(test)]
mod tests;

/// The flags of a process; clones, and all functions of the process, share what was heard.
#[derive(Debug, Clone)]
pub struct Flags {
    asker: Asker,
    heard: Arc<Mutex<Heard>>,
}

/// What was heard last.
#[derive(Debug)]
struct Heard {
    off: Off,
    /// The token of the next question.
    token: Option<String>,
    /// When the next question may be asked.
    due: Timestamp,
    /// Whether the last question was not answered as it should: it is told once.
    is_told: bool,
}

impl Flags {
    /// Makes the client; nothing is asked before a flag is needed.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing or no ARN of a configuration.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        let (asker, name) = Asker::from_setup(setup)?;
        let heard = || Arc::new(Mutex::new(Heard { off: Off::default(), token: None, due: Timestamp::MIN, is_told: false }));
        Ok(Self { asker, heard: setup.shared(&name, heard) })
    }

    /// Tells whether a flag is on, after what was heard in this interval; asks when nothing was.
    ///
    /// Whoever comes while a question is under way waits for its answer: at the start of a process nobody acts on a default that the
    /// answer contradicts. A question that is dropped on its way leaves no trace but a lost token, and the next one begins a new session.
    pub async fn is_on(&self, flag: Flag, now: Timestamp) -> bool {
        let mut heard = self.heard.lock().await;
        if heard.due <= now {
            self.ask(&mut heard, now).await;
        }
        !heard.off.contains(flag)
    }

    async fn ask(&self, heard: &mut Heard, now: Timestamp) {
        let token = heard.token.take();
        match self.asker.latest(token).await {
            Ok(latest) => heard.take(latest, now),
            Err(silence) => {
                heard.due = after(now, INTERVAL_SECONDS);
                if !std::mem::replace(&mut heard.is_told, true) {
                    tracing::warn!(error = %silence, off = ?heard.off, "flags cannot be had: the last known ones hold");
                }
            }
        }
    }
}

impl Heard {
    fn take(&mut self, latest: Latest, now: Timestamp) {
        self.token = latest.token;
        self.due = after(now, latest.interval_seconds);
        let Some(document) = latest.document else {
            // The same as before; what cannot be read stays told.
            return;
        };
        match Off::read(&document) {
            Ok(off) => {
                if off != self.off {
                    tracing::info!(?off, "flags have changed");
                }
                self.off = off;
                self.is_told = false;
            }
            // An alarm counts this line, and takes the document back that caused it.
            Err(error) => {
                self.is_told = true;
                tracing::error!(%error, off = ?self.off, "flags cannot be read: the last known ones hold");
            }
        }
    }
}

fn after(now: Timestamp, seconds: i32) -> Timestamp {
    now.saturating_add(SignedDuration::from_secs(i64::from(seconds.max(0)))).unwrap_or(Timestamp::MAX)
}
