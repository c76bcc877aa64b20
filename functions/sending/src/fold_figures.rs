//! Queue: sums up pages of runs anew, and asks to end a campaign all of whose entries have their outcomes.
//!
//! Safe to run twice: a page's sums are recomputed from its states and facts, and replaced under a version. What an invocation has
//! no time for, it asks for again.

use std::collections::{BTreeMap, BTreeSet};

use carillon_contracts::Run;
use carillon_contracts::message::{FinishRequested, FoldRequested};
use carillon_harness::{BatchFunction, Delivery, Failure, Setup, SetupError};
use carillon_kernel::Clock;
use carillon_queue::Queue;
use carillon_sending::keys::RunKey;
use carillon_sending::{Ledger, RunStatus};
use jiff::{SignedDuration, Timestamp};

/// Which part of its time an invocation sums up: what is left is enough for the page that it is at.
const PART_OF_TIME: i32 = 2;

/// The function.
pub struct SendingFoldFigures {
    ledger: Ledger,
    finishes: Queue<FinishRequested>,
    rest: Queue<FoldRequested>,
    clock: Clock,
}

impl BatchFunction for SendingFoldFigures {
    const NAME: &'static str = "sending-fold-figures";
    type Message = FoldRequested;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            ledger: Ledger::from_setup(setup)?,
            finishes: Queue::from_setup(setup)?,
            rest: Queue::from_setup(setup)?,
            clock: setup.clock(),
        })
    }

    async fn handle_all(&self, messages: Vec<FoldRequested>, delivery: Delivery) -> Vec<Result<(), Failure>> {
        let part = SignedDuration::try_from(delivery.remaining).unwrap_or(SignedDuration::MAX) / PART_OF_TIME;
        let until = delivery.moment.saturating_add(part).unwrap_or(Timestamp::MAX);
        let mut runs: BTreeMap<RunKey, (BTreeSet<u32>, Vec<usize>)> = BTreeMap::new();
        for (place, message) in messages.iter().enumerate() {
            let (pages, askers) = runs.entry(RunKey::new(message.organization, message.run)).or_default();
            pages.extend(&message.pages);
            askers.push(place);
        }
        let mut results: Vec<Result<(), Failure>> = messages.iter().map(|_| Ok(())).collect();
        for (of, (pages, askers)) in runs {
            if let Err(failure) = self.fold(of, &pages, until).await {
                for place in askers {
                    if let Some(result) = results.get_mut(place) {
                        *result = Err(failure.share());
                    }
                }
            }
        }
        results
    }
}

impl SendingFoldFigures {
    async fn fold(&self, of: RunKey, pages: &BTreeSet<u32>, until: Timestamp) -> Result<(), Failure> {
        let mut pages = pages.iter().copied();
        while let Some(page) = pages.next() {
            self.ledger.fold_page(of, page).await?;
            if pages.len() > 0 && self.clock.now() > until {
                let rest = FoldRequested { organization: of.organization, run: of.run, pages: pages.collect() };
                return Ok(self.rest.send(&rest).await?);
            }
        }
        let Run::Campaign(campaign) = of.run else { return Ok(()) };
        let run = self.ledger.run(of).await?;
        if run.status != RunStatus::Sending || !run.expanded {
            return Ok(());
        }
        if self.ledger.counts(of).await?.settled() < run.recipients {
            return Ok(());
        }
        Ok(self.finishes.send(&FinishRequested { organization: of.organization, campaign }).await?)
    }
}
