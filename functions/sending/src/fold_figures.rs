//! Queue: sums up pages of runs anew, and asks to end a campaign all of whose entries have their outcomes.
//!
//! Safe to run twice: a page's sums are recomputed from its states and facts, and replaced under a version.

use std::collections::{BTreeMap, BTreeSet};

use carillon_contracts::Run;
use carillon_contracts::message::{FinishRequested, FoldRequested};
use carillon_harness::{BatchFunction, Delivery, Failure, Setup, SetupError};
use carillon_queue::Queue;
use carillon_sending::keys::RunKey;
use carillon_sending::{Ledger, RunStatus};

/// The function.
pub struct SendingFoldFigures {
    ledger: Ledger,
    finishes: Queue<FinishRequested>,
}

impl BatchFunction for SendingFoldFigures {
    const NAME: &'static str = "sending-fold-figures";
    type Message = FoldRequested;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { ledger: Ledger::from_setup(setup)?, finishes: Queue::from_setup(setup)? })
    }

    async fn handle_all(&self, messages: Vec<FoldRequested>, _: Delivery) -> Vec<Result<(), Failure>> {
        let mut runs: BTreeMap<RunKey, (BTreeSet<u32>, Vec<usize>)> = BTreeMap::new();
        for (place, message) in messages.iter().enumerate() {
            let (pages, askers) = runs.entry(RunKey::new(message.organization, message.run)).or_default();
            pages.extend(&message.pages);
            askers.push(place);
        }
        let mut results: Vec<Result<(), Failure>> = messages.iter().map(|_| Ok(())).collect();
        for (of, (pages, askers)) in runs {
            if let Err(failure) = self.fold(of, &pages).await {
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
    async fn fold(&self, of: RunKey, pages: &BTreeSet<u32>) -> Result<(), Failure> {
        for page in pages {
            self.ledger.fold_page(of, *page).await?;
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
