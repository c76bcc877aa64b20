//! How many invocations run, so that somebody can wait until none does.

use tokio::sync::watch;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    running: usize,
    started: u64,
}

/// Counts invocations; clones share the counts.
#[derive(Debug, Clone, Default)]
pub struct Activity(watch::Sender<Counts>);

/// An invocation that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Running(Activity);

/// A moment at which nothing ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Idle(Counts);

impl Activity {
    pub(crate) fn start(&self) -> Running {
        self.0.send_modify(|counts| {
            counts.running += 1;
            counts.started += 1;
        });
        Running(self.clone())
    }

    /// Tells how many invocations run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.borrow().running
    }

    /// Waits until nothing runs.
    pub(crate) async fn idle(&self) -> Idle {
        let mut counts = self.0.subscribe();
        match counts.wait_for(|counts| counts.running == 0).await {
            Ok(counts) => Idle(*counts),
            // The sender lives as long as `self`.
            Err(_) => Idle(Counts::default()),
        }
    }

    /// Tells whether nothing was started since that moment.
    pub(crate) fn is_still(&self, idle: Idle) -> bool {
        *self.0.borrow() == idle.0
    }

    /// Waits until something is started after that moment.
    pub(crate) async fn stirs(&self, idle: Idle) {
        let mut counts = self.0.subscribe();
        // The sender lives as long as `self`.
        let _ = counts.wait_for(|counts| *counts != idle.0).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.send_modify(|counts| counts.running -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_invocation_that_came_and_went_is_noticed() {
        let activity = Activity::default();
        let idle = activity.idle().await;
        assert!(activity.is_still(idle));

        drop(activity.start());

        assert_eq!(activity.running(), 0);
        assert!(!activity.is_still(idle));
        activity.stirs(idle).await;
    }

    #[tokio::test]
    async fn nothing_is_idle_while_an_invocation_runs() {
        let activity = Activity::default();
        let running = activity.start();
        let waiting = tokio::spawn({
            let activity = activity.clone();
            async move { activity.idle().await }
        });
        assert_eq!(activity.running(), 1);

        drop(running);

        let idle = waiting.await.unwrap();
        assert!(activity.is_still(idle));
    }
}
