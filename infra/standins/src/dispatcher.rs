//! When SES's events leave: a heap of what is due, the Firehose, and the SNS envelopes.

use std::{
    cmp::Ordering,
    collections::BinaryHeap,
    future::Future,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use tokio::{
    sync::{
        Semaphore,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    time::{Duration, Instant, sleep, sleep_until},
};

use crate::{
    config::StandinsConfig,
    firehose::{Batch, Firehose},
    outstanding::Ticket,
    ses::{SesEvent, sns_envelope, write_event},
    sinks::SinkError,
    standins::Standins,
};

/// How often a sink is tried, with growing pauses in between.
const SINK_ATTEMPTS: u32 = 6;
/// How long the note of what is settled may lag.
const WATERMARK_LAG: Duration = Duration::from_secs(1);
/// Envelopes that are handed over at the same time, at most.
const EXCEPTION_CONCURRENCY: usize = 32;
/// Commands that are taken before due work is looked at again.
const COMMANDS_AT_ONCE: usize = 10_000;

/// Something that happens at a moment.
pub(crate) struct Scheduled {
    pub(crate) due: Instant,
    pub(crate) event: SesEvent,
    pub(crate) ticket: Arc<Ticket>,
}

/// Hands work to the dispatcher's task.
pub(crate) struct Dispatcher {
    sender: UnboundedSender<Command>,
    settlers: Arc<AtomicUsize>,
}

enum Command {
    Schedule(Scheduled),
    Wake,
}

impl Dispatcher {
    /// Makes the dispatcher and the task that does its work.
    pub(crate) fn new(config: &StandinsConfig) -> (Self, DispatcherTask) {
        let (sender, receiver) = unbounded_channel();
        let settlers = Arc::new(AtomicUsize::new(0));
        let task = DispatcherTask {
            receiver,
            settlers: Arc::clone(&settlers),
            heap: BinaryHeap::new(),
            order: 0,
            firehose: Firehose::new(config.firehose.clone()),
            batch_slots: Arc::new(Semaphore::new(config.firehose.concurrency.max(1))),
            exception_slots: Arc::new(Semaphore::new(EXCEPTION_CONCURRENCY)),
            watermark_due: None,
        };
        (Self { sender, settlers }, task)
    }

    /// Schedules something.
    pub(crate) fn schedule(&self, scheduled: Scheduled) {
        // The task ends only with the stand-ins themselves: nobody is left to miss it.
        let _ = self.sender.send(Command::Schedule(scheduled));
    }

    /// Says that something was accepted or settled, so that the note of what is settled is written soon.
    pub(crate) fn wake(&self) {
        let _ = self.sender.send(Command::Wake);
    }

    /// While somebody settles, batches do not wait for their time.
    pub(crate) fn start_settling(&self) -> Settling {
        self.settlers.fetch_add(1, SeqCst);
        self.wake();
        Settling(Arc::clone(&self.settlers))
    }
}

/// Held by somebody who settles.
pub(crate) struct Settling(Arc<AtomicUsize>);

impl Drop for Settling {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// The dispatcher's work.
pub(crate) struct DispatcherTask {
    receiver: UnboundedReceiver<Command>,
    settlers: Arc<AtomicUsize>,
    heap: BinaryHeap<Queued>,
    order: u64,
    firehose: Firehose,
    batch_slots: Arc<Semaphore>,
    exception_slots: Arc<Semaphore>,
    watermark_due: Option<Instant>,
}

impl DispatcherTask {
    /// Works until the stand-ins are dropped.
    pub(crate) async fn run(mut self, standins: Weak<Standins>) {
        loop {
            match standins.upgrade() {
                Some(standins) => self.work(&standins),
                None => return,
            }
            let wake = self.next_wake();
            tokio::select! {
                command = self.receiver.recv() => match command {
                    Some(command) => self.take(command),
                    None => return,
                },
                () = wait_until(wake) => {}
            }
            for _ in 0..COMMANDS_AT_ONCE {
                match self.receiver.try_recv() {
                    Ok(command) => self.take(command),
                    Err(_) => break,
                }
            }
        }
    }

    fn take(&mut self, command: Command) {
        self.watermark_due.get_or_insert_with(|| Instant::now() + WATERMARK_LAG);
        if let Command::Schedule(scheduled) = command {
            self.order += 1;
            self.heap.push(Queued { order: self.order, scheduled });
        }
    }

    fn work(&mut self, standins: &Arc<Standins>) {
        let now = Instant::now();
        while self.heap.peek().is_some_and(|queued| queued.scheduled.due <= now) {
            let Some(queued) = self.heap.pop() else { break };
            self.emit(standins, queued.scheduled);
        }
        let settling = self.settlers.load(SeqCst) > 0 && self.receiver.is_empty();
        if settling || self.firehose.is_ripe() {
            self.flush(standins);
        }
        if self.watermark_due.is_some_and(|due| due <= now) {
            standins.write_watermark();
            self.watermark_due = standins.outstanding.is_open().then(|| now + WATERMARK_LAG);
        }
    }

    fn emit(&mut self, standins: &Arc<Standins>, scheduled: Scheduled) {
        let now = standins.clock.now();
        let account = standins.ses.account();
        if !scheduled.event.kind.is_exception() {
            self.firehose.push(scheduled.ticket, |bytes| {
                write_event(&scheduled.event, &account, now, bytes);
                bytes.push(b'\n');
            });
            if self.firehose.is_ripe() {
                self.flush(standins);
            }
            return;
        }
        let mut message = Vec::new();
        write_event(&scheduled.event, &account, now, &mut message);
        let envelope = sns_envelope(&message, &account, now);
        let (sinks, slots) = (standins.sinks.clone(), Arc::clone(&self.exception_slots));
        tokio::spawn(async move {
            let _slot = slots.acquire().await;
            insist("exception", || sinks.exceptions.exception(envelope.clone())).await;
            drop(scheduled.ticket);
        });
    }

    fn flush(&mut self, standins: &Arc<Standins>) {
        let Some(Batch { key, bytes, tickets }) = self.firehose.take(standins.clock.now()) else { return };
        let (sinks, slots) = (standins.sinks.clone(), Arc::clone(&self.batch_slots));
        tokio::spawn(async move {
            let _slot = slots.acquire().await;
            insist("batch", || sinks.batches.put(key.clone(), bytes.clone())).await;
            drop(tickets);
        });
    }

    fn next_wake(&self) -> Option<Instant> {
        let event = self.heap.peek().map(|queued| queued.scheduled.due);
        [event, self.firehose.due(), self.watermark_due].into_iter().flatten().min()
    }
}

/// Tries a sink until it takes what it is given, or gives up: providers retry, and not for ever.
async fn insist<F, R>(what: &'static str, mut attempt: F)
where
    F: FnMut() -> R,
    R: Future<Output = Result<(), SinkError>>,
{
    let mut pause = Duration::from_millis(50);
    for _ in 1..SINK_ATTEMPTS {
        match attempt().await {
            Ok(()) => return,
            Err(error) => tracing::debug!(what, reason = error.reason, "a sink refused, trying again"),
        }
        sleep(pause).await;
        pause *= 3;
    }
    if let Err(error) = attempt().await {
        tracing::warn!(what, reason = error.reason, "an event was lost: its sink kept refusing");
    }
}

async fn wait_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Ordered so that the heap gives the earliest first, and what came first among equals.
struct Queued {
    order: u64,
    scheduled: Scheduled,
}

impl Queued {
    fn key(&self) -> (Instant, u64) {
        (self.scheduled.due, self.order)
    }
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Queued {}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Queued {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}
