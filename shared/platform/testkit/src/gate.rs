//! Stops work before or after one of its calls to the world outside.

use std::future::{Future, pending};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// On which side of a call the work dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The call is never made.
    Before,
    /// The call has its effect, and its answer is never read.
    After,
}

/// The call at which work dies, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// The call.
    pub call: u32,
    /// The side of it.
    pub side: Side,
}

#[derive(Debug, Default)]
struct Watch {
    stop: Option<Stop>,
    calls: u32,
    /// What was called, for messages of tests.
    names: Vec<String>,
}

/// A gate that every call of watched work passes; clones are the same gate.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    watch: Arc<Mutex<Watch>>,
    reached: Arc<Notify>,
}

tokio::task_local! {
    static WATCHED: Gate;
}

impl Gate {
    /// Runs work until its stop; `None` when it died there, and its output when it made fewer calls.
    pub async fn run<F: Future>(&self, stop: Stop, work: F) -> Option<F::Output> {
        *self.lock() = Watch { stop: Some(stop), ..Watch::default() };
        let ended = tokio::select! {
            biased;
            () = self.reached.notified() => None,
            output = WATCHED.scope(self.clone(), work) => Some(output),
        };
        self.lock().stop = None;
        ended
    }

    /// Lists the calls of the last run, in their order.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.lock().names.clone()
    }

    /// The gate of the work that runs in this task, if it is watched.
    pub(crate) fn watching() -> Option<Self> {
        WATCHED.try_with(Self::clone).ok()
    }

    /// Passes the gate before a call; gives the number of the call, and never returns when the work is to die here.
    pub(crate) async fn before(&self, name: &str) -> u32 {
        let call = {
            let mut watch = self.lock();
            watch.calls += 1;
            watch.names.push(name.to_owned());
            watch.calls
        };
        self.stop_if(Stop { call, side: Side::Before }).await;
        call
    }

    /// Passes the gate after a call.
    pub(crate) async fn after(&self, call: u32) {
        self.stop_if(Stop { call, side: Side::After }).await;
    }

    async fn stop_if(&self, here: Stop) {
        if self.lock().stop == Some(here) {
            self.reached.notify_one();
            pending::<()>().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    async fn work(effects: &Cell<u32>) {
        for name in ["first", "second"] {
            let gate = Gate::watching().unwrap();
            let call = gate.before(name).await;
            effects.set(effects.get() + 1);
            gate.after(call).await;
        }
    }

    #[tokio::test]
    async fn work_dies_before_or_after_the_chosen_call() {
        let gate = Gate::default();
        let mut effects_of = Vec::new();
        for (call, side) in [(1, Side::Before), (1, Side::After), (2, Side::Before), (2, Side::After)] {
            let effects = Cell::new(0);
            assert_eq!(gate.run(Stop { call, side }, work(&effects)).await, None);
            effects_of.push(effects.get());
        }
        let effects = Cell::new(0);

        let ended = gate.run(Stop { call: 3, side: Side::Before }, work(&effects)).await;

        assert_eq!(effects_of, [0, 1, 1, 2]);
        assert_eq!((ended, gate.calls()), (Some(()), vec!["first".to_owned(), "second".to_owned()]));
    }
}
