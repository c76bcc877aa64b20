//! Limits of providers: so many per second, so many per rolling day.

use std::collections::VecDeque;

use tokio::time::{Duration, Instant};

/// A bucket of tokens that holds one second's worth.
#[derive(Default)]
pub(crate) struct TokenBucket {
    spent: f64,
    last: Option<Instant>,
}

impl TokenBucket {
    /// Takes tokens at a rate per second, or none if there are not enough.
    pub(crate) fn take(&mut self, tokens: f64, per_second: f64) -> bool {
        let now = Instant::now();
        let elapsed = self.last.map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        self.last = Some(now);
        self.spent = (self.spent - elapsed.as_secs_f64() * per_second).max(0.0);
        // A rate below the wish still lets one wish through when the bucket is untouched.
        let capacity = per_second.max(tokens);
        let granted = self.spent + tokens <= capacity + 1e-9;
        if granted {
            self.spent += tokens;
        }
        granted
    }

    /// Lets time pass beside what passes by itself.
    pub(crate) fn advance(&mut self, by: Duration, per_second: f64) {
        self.spent = (self.spent - by.as_secs_f64() * per_second).max(0.0);
    }
}

/// Counts what happened in the last 24 hours, hour by hour.
#[derive(Default)]
pub(crate) struct RollingDay {
    hours: VecDeque<(i64, u64)>,
}

impl RollingDay {
    /// Adds to the present hour.
    pub(crate) fn add(&mut self, hour: i64, count: u64) {
        self.forget(hour);
        match self.hours.back_mut() {
            Some((last, total)) if *last == hour => *total = total.saturating_add(count),
            _ => self.hours.push_back((hour, count)),
        }
    }

    /// The count of the last 24 hours.
    pub(crate) fn total(&mut self, hour: i64) -> u64 {
        self.forget(hour);
        self.hours.iter().map(|(_, count)| count).sum()
    }

    fn forget(&mut self, hour: i64) {
        while self.hours.front().is_some_and(|(first, _)| *first <= hour - 24) {
            self.hours.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_grants_its_rate_and_refills_with_time() {
        let mut bucket = TokenBucket::default();

        let burst = (0..20).filter(|_| bucket.take(1.0, 14.0)).count();
        tokio::time::advance(Duration::from_millis(500)).await;
        let later = (0..20).filter(|_| bucket.take(1.0, 14.0)).count();

        assert_eq!((burst, later), (14, 7));
    }

    #[test]
    fn a_day_forgets_what_is_older() {
        let mut day = RollingDay::default();
        day.add(0, 5);
        day.add(10, 7);

        assert_eq!(day.total(23), 12);
        assert_eq!(day.total(24), 7);
        assert_eq!(day.total(40), 0);
    }
}
