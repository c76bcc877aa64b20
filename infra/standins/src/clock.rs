//! The stand-ins' time: wall time that advances with tokio's clock, so that tests can pause it.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// Tells the time.
pub(crate) struct Clock {
    started_at: Timestamp,
    origin: Instant,
}

impl Clock {
    /// Starts at a given moment, or at the machine's present.
    pub(crate) fn start(started_at: Option<Timestamp>) -> Self {
        Self { started_at: started_at.unwrap_or_else(machine_time), origin: Instant::now() }
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    /// The wall time of an instant.
    fn at(&self, instant: Instant) -> Timestamp {
        let elapsed: Duration = instant.saturating_duration_since(self.origin);
        self.started_at.checked_add(elapsed).unwrap_or(self.started_at)
    }
}

/// The machine's wall time.
#[allow(clippy::disallowed_methods, reason = "the stand-ins are the edge: this is the only place that reads the wall clock")]
fn machine_time() -> Timestamp {
    Timestamp::now()
}

/// Locks a mutex, also one whose holder panicked: what the stand-ins guard stays usable.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
