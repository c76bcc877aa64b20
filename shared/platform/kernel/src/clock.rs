//! Time and randomness as arguments, so that everything built on them can be replayed.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use jiff::Timestamp;
use uuid::{Builder, Uuid};

use crate::id::{Id, IdKind};

/// Tells the time in milliseconds precision, from the system or from a test.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// Makes the clock of the system.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    pub fn system() -> Self {
        Self(Arc::new(|| truncate(Timestamp::now())))
    }

    /// Tells the present moment, in whole milliseconds.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Clock")
    }
}

fn truncate(moment: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(moment.as_millisecond()).unwrap_or(moment)
}

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// Makes a clock that stands at `moment`.
    #[must_use]
    pub fn at(moment: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(moment.as_millisecond())))
    }

    /// Moves the clock on.
    pub fn advance(&self, by: std::time::Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Gives the [`Clock`] that functions take.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let shared = Arc::clone(&self.0);
        Clock(Arc::new(move || Timestamp::from_millisecond(shared.load(Ordering::SeqCst)).unwrap_or_default()))
    }
}

/// A clock that runs as the system's does, and can be moved on: for tests of what waits for hours or days.
#[derive(Debug, Clone, Default)]
pub struct MovableClock(Arc<AtomicI64>);

impl MovableClock {
    /// Moves the clock on.
    pub fn advance(&self, by: std::time::Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Gives the [`Clock`] that functions take.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let (system, ahead) = (Clock::system(), Arc::clone(&self.0));
        Clock(Arc::new(move || {
            let millisecond = system.now().as_millisecond().saturating_add(ahead.load(Ordering::SeqCst));
            Timestamp::from_millisecond(millisecond).unwrap_or_default()
        }))
    }
}

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

/// Makes ids and random bytes, from the system or from a seed.
#[derive(Clone)]
pub struct IdSource(Arc<Fill>);

impl IdSource {
    /// Makes the source that draws from the operating system.
    #[must_use]
    pub fn system() -> Self {
        let random = SystemRandom::new();
        Self(Arc::new(move |bytes| {
            if random.fill(bytes).is_err() {
                // Without randomness nothing may be named or signed.
                std::process::abort();
            }
        }))
    }

    /// Makes a source that gives the same ids for the same seed (SplitMix64), for tests and simulations.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let state = Mutex::new(seed);
        Self(Arc::new(move |bytes| {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            for chunk in bytes.chunks_mut(8) {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut mixed = *state;
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                mixed ^= mixed >> 31;
                chunk.iter_mut().zip(mixed.to_le_bytes()).for_each(|(to, from)| *to = from);
            }
        }))
    }

    /// Makes a new id that sorts by `moment`.
    #[must_use]
    pub fn id<K: IdKind>(&self, moment: Timestamp) -> Id<K> {
        Id::from_uuid(self.uuid(moment))
    }

    /// Makes a UUID v7 of `moment`.
    #[must_use]
    pub fn uuid(&self, moment: Timestamp) -> Uuid {
        let random = self.bytes::<10>();
        Builder::from_unix_timestamp_millis(u64::try_from(moment.as_millisecond()).unwrap_or_default(), &random).into_uuid()
    }

    /// Draws `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.0)(&mut bytes);
        bytes
    }
}

impl fmt::Debug for IdSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("IdSource")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        assert_eq!(IdSource::seeded(7).bytes::<16>(), IdSource::seeded(7).bytes::<16>());
        assert_ne!(IdSource::seeded(7).bytes::<16>(), IdSource::seeded(8).bytes::<16>());
    }

    #[test]
    fn a_movable_clock_goes_ahead_of_the_systems() {
        let movable = MovableClock::default();
        let (clock, before) = (movable.clock(), Clock::system().now());

        movable.advance(std::time::Duration::from_secs(3600));

        assert!(clock.now().as_second() - before.as_second() >= 3600);
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let manual = ManualClock::at(Timestamp::from_second(1_700_000_000).unwrap());
        let clock = manual.clock();

        manual.advance(std::time::Duration::from_secs(5));

        assert_eq!(clock.now().as_second(), 1_700_000_005);
    }
}
