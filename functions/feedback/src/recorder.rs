//! Records facts in the ledger, and asks for the sums of the touched pages.

use carillon_contracts::{EntryRef, FactKind, OrganizationId};
use carillon_harness::{Failure, Setup, SetupError};
use carillon_sending::{FoldRequests, Ledger};
use jiff::Timestamp;

/// A fact as the ledger takes it.
pub(crate) type Fact = (OrganizationId, EntryRef, FactKind);

/// The way of facts into the ledger. A worker that dies between the facts and the request gets its messages again.
#[derive(Debug)]
pub(crate) struct Recorder {
    ledger: Ledger,
    folds: FoldRequests,
}

impl Recorder {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { ledger: Ledger::from_setup(setup)?, folds: FoldRequests::from_setup(setup)? })
    }

    /// Records facts; safe to repeat.
    pub(crate) async fn record(&self, facts: &[Fact], moment: Timestamp) -> Result<(), Failure> {
        let touched = self.ledger.record_facts(facts, moment).await?;
        Ok(self.folds.ask(touched).await?)
    }

    /// The ledger, for what is no fact.
    pub(crate) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}
