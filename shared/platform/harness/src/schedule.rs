//! Runs scheduled work; a failure is the scheduler's to retry.

use carillon_kernel::{Clock, Setup, SetupError};
use serde_json::Value;

use crate::entry::{BoxFuture, Invocation, Invoke};
use crate::function::ScheduledFunction;
use crate::log;

struct Scheduled<F> {
    function: F,
    journal: log::Journal,
    clock: Clock,
}

pub(crate) fn build<F: ScheduledFunction>(setup: &Setup) -> Result<Box<dyn Invoke>, SetupError> {
    Ok(Box::new(Scheduled { function: F::build(setup)?, journal: log::Journal::from_setup(setup, F::NAME), clock: setup.clock() }))
}

impl<F: ScheduledFunction> Invoke for Scheduled<F> {
    fn invoke(&self, _event: Value, invocation: Invocation) -> BoxFuture<'_, Result<Value, String>> {
        Box::pin(async move {
            let span = self.journal.open(&invocation.request_id, invocation.remaining, log::Traces::one(invocation.trace));
            let outcome = span.run(self.function.handle(self.clock.now())).await;
            span.close_schedule(outcome.as_ref().err());
            outcome.map(|()| Value::Null).map_err(|failure| failure.code.to_owned())
        })
    }
}
