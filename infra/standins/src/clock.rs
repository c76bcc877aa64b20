//! The stand-ins' time: wall time that advances with tokio's clock, so that tests can pause it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Tells the time.
pub(crate) struct Clock {
    started_at: Timestamp,
    origin: Instant,
    moved_ms: AtomicI64,
}

impl Clock {
    /// Starts at a given moment, or at the machine's present.
    pub(crate) fn start(started_at: Option<Timestamp>) -> Self {
        Self { started_at: started_at.unwrap_or_else(machine_time), origin: Instant::now(), moved_ms: AtomicI64::new(0) }
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    /// Moves the time on, beside what passes by itself.
    pub(crate) fn advance(&self, by: Duration) {
        self.moved_ms.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// The wall time of an instant.
    fn at(&self, instant: Instant) -> Timestamp {
        let elapsed: Duration = instant.saturating_duration_since(self.origin);
        let moved = SignedDuration::from_millis(self.moved_ms.load(Ordering::SeqCst));
        self.started_at.checked_add(elapsed).and_then(|now| now.checked_add(moved)).unwrap_or(self.started_at)
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
