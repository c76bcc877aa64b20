//! Drops a future at one of its awaits.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// What became of a future that was to be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped<T> {
    /// It was dropped where it stood.
    Dropped,
    /// It ended before.
    Ended(T),
}

/// Polls a future, and drops it when it gives `Pending` for the `count`th time, counted from 1.
///
/// Work that dies at its awaits is tried with `count` = 1, 2, … until it gives [`Stopped::Ended`].
pub async fn stop_at<F: Future>(count: u32, future: F) -> Stopped<F::Output> {
    let mut future = pin!(future);
    let mut seen = 0;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Stopped::Ended(output)),
        Poll::Pending => {
            seen += 1;
            if seen >= count { Poll::Ready(Stopped::Dropped) } else { Poll::Pending }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn work_is_dropped_at_each_of_its_awaits_in_turn() {
        let mut reached = Vec::new();
        for count in 1.. {
            let steps = Cell::new(0);
            let work = async {
                for _ in 0..3 {
                    yield_now().await;
                    steps.set(steps.get() + 1);
                }
            };
            let stopped = stop_at(count, work).await;
            reached.push(steps.get());
            if stopped == Stopped::Ended(()) {
                break;
            }
        }

        assert_eq!(reached, [0, 1, 2, 3]);
    }
}
