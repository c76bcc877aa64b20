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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use aws_smithy_runtime_api::client::http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
    use carillon_contracts::{CampaignId, OrganizationId};
    use carillon_kernel::{IdSource, ManualClock};
    use serde_json::{Value, json};

    use super::*;

    /// Tables and queues that are empty and slow: every request takes three seconds. Keeps what is sent to queues.
    #[derive(Debug, Clone)]
    struct Slow {
        clock: ManualClock,
        sent: Arc<Mutex<Vec<Value>>>,
    }

    impl HttpConnector for Slow {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            self.clock.advance(Duration::from_secs(3));
            let operation = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
            let answer = match operation.rsplit('.').next().unwrap() {
                "Query" => json!({ "Items": [], "Count": 0 }),
                "SendMessage" => {
                    let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
                    self.sent.lock().unwrap().push(serde_json::from_str(body["MessageBody"].as_str().unwrap()).unwrap());
                    json!({ "MessageId": "1" })
                }
                _ => json!({}),
            };
            HttpConnectorFuture::new(async move { Ok(HttpResponse::new(200.try_into().unwrap(), answer.to_string().into())) })
        }
    }

    impl HttpClient for Slow {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    #[tokio::test]
    async fn what_an_invocation_has_no_time_for_is_asked_for_again() {
        let slow = Slow { clock: ManualClock::at(Timestamp::from_second(1_700_000_000).unwrap()), sent: Arc::default() };
        let settings = [
            ("AWS_REGION", "local"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("LEDGER_TABLE", "ledger"),
            ("FINISHES_QUEUE_URL", "https://queues.example/1/finishes"),
            ("FIGURES_QUEUE_URL", "https://queues.example/1/figures"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let setup = Setup::new(slow.clock.clock(), IdSource::seeded(1)).with_settings(settings);
        let _: SharedHttpClient = setup.shared("http", || SharedHttpClient::new(slow.clone()));
        let function = SendingFoldFigures::build(&setup).unwrap();
        let (organization, run) = (OrganizationId::from_bytes([1; 16]), Run::Campaign(CampaignId::from_bytes([2; 16])));
        let request = FoldRequested { organization, run, pages: (0..16).collect() };
        let delivery = Delivery { moment: slow.clock.clock().now(), receives: 1, remaining: Duration::from_secs(30) };

        let results = function.handle_all(vec![request], delivery).await;

        // A page takes nine seconds: two are done when half of the time is over.
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        let rest = FoldRequested { organization, run, pages: (2..16).collect() };
        assert_eq!(*slow.sent.lock().unwrap(), [serde_json::to_value(rest).unwrap()]);
    }
}
