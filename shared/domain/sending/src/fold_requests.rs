//! Asks for pages to be summed up, once for all that happens to a page within some seconds.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use carillon_contracts::Run;
use carillon_contracts::message::FoldRequested;
use carillon_kernel::{Clock, Setup, SetupError};
use carillon_queue::{Queue, QueueError};

use crate::keys::RunKey;

/// The requests of one worker.
///
/// A request is delayed, so the fold that it causes sees all that is written until then: a worker that has one on the way needs no
/// other for the same page. A worker that dies between a write and its request leaves the page to the schedule that looks for
/// runs at a standstill.
#[derive(Debug)]
pub struct FoldRequests {
    queue: Queue<FoldRequested>,
    delay_seconds: u32,
    clock: Clock,
    /// The pages that a request is on the way for, and when it is due at the earliest, in milliseconds since 1970.
    on_the_way: Mutex<HashMap<(RunKey, u32), i64>>,
}

impl FoldRequests {
    /// Opens the queue of requests; needs the setting `FOLD_DELAY_SECONDS`.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            queue: Queue::from_setup(setup)?,
            delay_seconds: setup.number("FOLD_DELAY_SECONDS")?,
            clock: setup.clock(),
            on_the_way: Mutex::default(),
        })
    }

    /// Asks for pages of runs, after something was written to them. Single messages have no sums.
    ///
    /// # Errors
    /// [`QueueError`] when the queue does not take a request.
    pub async fn ask(&self, touched: impl IntoIterator<Item = (RunKey, Vec<u32>)>) -> Result<(), QueueError> {
        let now = self.clock.now().as_millisecond();
        let requests: Vec<(FoldRequested, u32)> =
            touched.into_iter().filter_map(|(of, pages)| Some((self.request(of, pages, now)?, self.delay_seconds))).collect();
        if requests.is_empty() {
            return Ok(());
        }
        self.queue.send_all(&requests).await?;
        // The folds come no earlier than this, whatever the sending took.
        let due = now + i64::from(self.delay_seconds) * 1000;
        let mut known = self.lock();
        known.retain(|_, due| now < *due);
        for (request, _) in requests {
            let of = RunKey::new(request.organization, request.run);
            known.extend(request.pages.into_iter().map(|page| ((of, page), due)));
        }
        Ok(())
    }

    fn request(&self, of: RunKey, mut pages: Vec<u32>, now: i64) -> Option<FoldRequested> {
        let known = self.lock();
        pages.retain(|page| known.get(&(of, *page)).is_none_or(|due| *due <= now));
        let is_wanted = matches!(of.run, Run::Campaign(_)) && !pages.is_empty();
        is_wanted.then_some(FoldRequested { organization: of.organization, run: of.run, pages })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(RunKey, u32), i64>> {
        self.on_the_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
