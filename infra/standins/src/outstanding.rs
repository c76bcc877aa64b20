//! Which messages still owe events: for `settle`, and for a restart that must send the events which a kill swallowed.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use tokio::sync::Notify;

use crate::clock::lock;

/// The messages that owe events, and the next place in the order of acceptance.
#[derive(Default)]
pub(crate) struct Outstanding {
    state: Mutex<State>,
    settled: Notify,
}

#[derive(Default)]
struct State {
    next_sequence: u64,
    open: BTreeSet<u64>,
}

/// Held by everything that still has to happen for one message; the last holder's end settles the message.
pub(crate) struct Ticket {
    sequence: u64,
    outstanding: Arc<Outstanding>,
}

impl Outstanding {
    /// Goes on after the last message of an earlier run.
    pub(crate) fn starting_at(next_sequence: u64) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { next_sequence, open: BTreeSet::new() }), settled: Notify::new() })
    }

    /// Takes the next place in the order.
    pub(crate) fn next(self: &Arc<Self>) -> Arc<Ticket> {
        let mut state = lock(&self.state);
        let sequence = state.next_sequence;
        state.next_sequence += 1;
        state.open.insert(sequence);
        Arc::new(Ticket { sequence, outstanding: Arc::clone(self) })
    }

    /// Opens a message of an earlier run again.
    pub(crate) fn reopen(self: &Arc<Self>, sequence: u64) -> Arc<Ticket> {
        lock(&self.state).open.insert(sequence);
        Arc::new(Ticket { sequence, outstanding: Arc::clone(self) })
    }

    /// Every message before this one is settled.
    pub(crate) fn watermark(&self) -> u64 {
        let state = lock(&self.state);
        state.open.first().copied().unwrap_or(state.next_sequence)
    }

    /// Whether any message owes something.
    pub(crate) fn is_open(&self) -> bool {
        !lock(&self.state).open.is_empty()
    }

    /// Waits until no message owes anything.
    pub(crate) async fn wait(&self) {
        loop {
            let mut settled = std::pin::pin!(self.settled.notified());
            settled.as_mut().enable();
            if lock(&self.state).open.is_empty() {
                return;
            }
            settled.await;
        }
    }
}

impl Ticket {
    /// The message's place in the order.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = lock(&self.outstanding.state);
        state.open.remove(&self.sequence);
        if state.open.is_empty() {
            self.outstanding.settled.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_watermark_stops_at_the_oldest_message_that_owes_something() {
        let outstanding = Outstanding::starting_at(5);
        let (fifth, sixth) = (outstanding.next(), outstanding.next());

        drop(sixth);
        assert_eq!(outstanding.watermark(), 5);
        drop(fifth);

        assert_eq!(outstanding.watermark(), 7);
        outstanding.wait().await;
    }
}
