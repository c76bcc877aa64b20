//! POST /v1/operator/dead-letters/{queue}/redrive: sends dead letters back to their queue: all of them, or those that are named.

use carillon_contracts::{ClearingId, Permission};
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_operations::{ClearingAction, Clearings, Order, QueueName};
use serde::Serialize;

use crate::which_letters::WhichLetters;

/// Sends dead letters back; a letter that is sent back twice does no harm, because every consumer bears it.
#[derive(Debug)]
pub struct DeadLettersRedrive {
    clearings: Clearings,
}

/// What came of it; while it is not complete, the same is to be asked for again.
#[derive(Debug, Serialize)]
struct Answer {
    id: ClearingId,
    queue: QueueName,
    redriven: u64,
    not_found: Vec<String>,
    remaining: u64,
    is_complete: bool,
}

impl HttpFunction for DeadLettersRedrive {
    const NAME: &'static str = "dead-letters-redrive";
    const PERMISSION: Permission = Permission::PlatformOperate;
    type Query = Nothing;
    type Body = WhichLetters;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { clearings: Clearings::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, WhichLetters>) -> Result<Reply, Failure> {
        let (id, organization, queue) = (call.new_id(), call.organization(), call.path("queue")?);
        let clearings = self.clearings.by(&call.trail());
        let order = Order { id, organization, queue, action: ClearingAction::Redrive, wanted: call.body.wanted() };

        let cleared = clearings.clear(&order).await?;

        let (not_found, remaining, is_complete) = (cleared.not_found, cleared.remaining, cleared.is_complete);
        Ok(Reply::ok(&Answer { id, queue, redriven: cleared.cleared, not_found, remaining, is_complete }))
    }
}
