//! Asks for pages to be summed up, once for all that happens to a page within some seconds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use carillon_contracts::Run;
use carillon_contracts::message::FoldRequested;
use carillon_harness::{Failure, Setup, SetupError};
use carillon_kernel::Clock;
use carillon_queue::Queue;
use carillon_sending::keys::RunKey;

/// The requests of one worker.
///
/// A request is delayed, so the fold that it causes sees all that is written until then: a worker that has one on the way needs no
/// other for the same page. A worker that dies between a write and its request leaves the page to the schedule that looks for
/// runs without progress.
#[derive(Debug)]
pub(crate) struct FoldRequests {
    queue: Queue<FoldRequested>,
    delay_seconds: u32,
    clock: Clock,
    on_the_way: Mutex<HashMap<(RunKey, u32), i64>>,
}

impl FoldRequests {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            queue: Queue::from_setup(setup)?,
            delay_seconds: setup.number("FOLD_DELAY_SECONDS")?,
            clock: setup.clock(),
            on_the_way: Mutex::default(),
        })
    }

    /// Asks for a page of a run, after something was written to it.
    pub(crate) async fn ask(&self, of: RunKey, page: u32) -> Result<(), Failure> {
        if matches!(of.run, Run::Message(_)) {
            return Ok(());
        }
        let now = self.clock.now().as_millisecond();
        if self.lock().get(&(of, page)).is_some_and(|due| now < *due) {
            return Ok(());
        }
        let request = FoldRequested { organization: of.organization, run: of.run, pages: vec![page] };
        // The fold comes no earlier than this, whatever the sending takes.
        let due = now + i64::from(self.delay_seconds) * 1000;
        self.queue.send_after(&request, self.delay_seconds).await?;
        let mut known = self.lock();
        known.retain(|_, due| now < *due);
        known.insert((of, page), due);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(RunKey, u32), i64>> {
        self.on_the_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
