//! The stage of a simulation: the whole platform, with queues and a clock that the test moves, and functions that it calls itself.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use carillon_contracts::{CampaignId, OrganizationId, Run};
use carillon_harness::{Entry, Invocation};
use carillon_kernel::clock::ManualClock;
use carillon_kernel::{Clock, IdSource, Setup};
use carillon_local::platform::Start;
use carillon_local::template::model::Source;
use carillon_local::{Platform, registry};
use carillon_sending::keys::RunKey;
use carillon_sending::{Figures, Ledger};
use carillon_testkit::{Api, Gate, Queued, SimulatedQueues, Stop, Stopped, Turnstile, Wire, stop_at};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::journeys::{config, watch};

/// How much time passes in a round in which nothing else happens: more than a claim's lease, and than a turn of every schedule.
const ROUND: Duration = Duration::from_secs(70);
/// The rounds after which everything must have ended.
const MOST_ROUNDS: u32 = 25;
/// The messages after which something goes round in circles.
const MOST_MESSAGES: u32 = 3_000;
/// How long a message stays away that a function could not handle, in seconds.
const VISIBILITY_SECONDS: u64 = 60;
const SCHEDULES: [&str; 3] = ["sending-sweep-outbox", "sending-release-on-schedule", "sending-resolve-doubt"];

/// The stage.
pub struct Stage {
    pub platform: Platform,
    pub queues: SimulatedQueues,
    pub gate: Gate,
    operator: Api,
    clock: ManualClock,
    /// The function of each queue.
    consumers: BTreeMap<String, String>,
    /// Queues that the stand-ins fill, which stand outside the simulation.
    outside: Vec<(String, String)>,
    choices: RefCell<IdSource>,
    _folder: TempDir,
}

/// An organization on the stage.
#[derive(Clone)]
pub struct Tenant {
    pub api: Api,
    pub organization: OrganizationId,
}

impl Stage {
    /// Builds the stage; everything that is left to chance follows from the seed.
    pub async fn build(seed: u64) -> Self {
        eprintln!("seed {seed}");
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Clock::system().now());
        let queues = SimulatedQueues::new(clock.clock());
        let setup = Setup::new(clock.clock(), IdSource::seeded(seed));
        Wire::default().with_queues(queues.clone()).put_into(&setup);
        let gate = Gate::default();
        let turnstile = Turnstile::start(gate.clone()).await;
        let platform = start(folder.path(), (&clock, setup), &turnstile).await;
        let operator = Api::new(platform.url(), platform.bootstrap_organization("Operators").await.unwrap().expose());
        let choices = RefCell::new(IdSource::seeded(seed ^ 0x5eed));
        let (consumers, outside) = (consumers(&platform), outside(&platform).await);
        Self { platform, queues, gate, operator, clock, consumers, outside, choices, _folder: folder }
    }

    /// Makes an organization.
    pub async fn tenant(&self) -> Tenant {
        let made = self.operator.post("/v1/organizations", json!({ "name": "Bells" })).await.expect(201);
        let api = self.operator.with_key(made["api_key"]["secret"].as_str().unwrap());
        Tenant { api, organization: made["id"].as_str().unwrap().parse().unwrap() }
    }

    /// Who operates the platform.
    pub const fn operator(&self) -> &Api {
        &self.operator
    }

    /// Sets a provider's knobs.
    pub async fn set_faults(&self, provider: &str, knobs: Value) {
        self.operator.set_faults(provider, knobs).await;
    }

    /// The queue that a function reads.
    pub fn queue_of(&self, function: &str) -> String {
        let found = self.consumers.iter().find(|(_, consumer)| *consumer == function);
        found.unwrap_or_else(|| panic!("{function} reads no queue")).0.clone()
    }

    /// Handles messages until one for this function is there; takes it.
    pub async fn until_message_for(&self, function: &str) -> Queued {
        let queue = self.queue_of(function);
        for _ in 0..MOST_MESSAGES {
            let ready = self.ready().await;
            if let Some(message) = self.queues.take(&queue, 0) {
                return message;
            }
            assert!(self.handle_one_of(&ready).await || self.move_to_next_message(), "no message came for {function}");
        }
        panic!("no message came for {function}");
    }

    /// Lets a function handle a message, and stops it; false when it ended before.
    ///
    /// The function is one of its own, whose memory dies with it, as a process does.
    pub async fn stop_at_message(&self, message: &Queued, stop: Stop) -> bool {
        let function = self.built(&self.consumers[&message.queue]);
        let event = event(message);
        self.gate.run(stop, function.invoke(event, invocation())).await.is_none()
    }

    /// Lets a function handle a message, and drops it where it gives `Pending` for the `count`th time; false when it ended before.
    ///
    /// The function is the platform's own, whose memory stays, as it does when an invocation runs into its time-out.
    pub async fn drop_at_await(&self, message: &Queued, count: u32) -> bool {
        let function = self.platform.functions().find(&self.consumers[&message.queue]).unwrap();
        stop_at(count, function.call(event(message), message.id.clone())).await == Stopped::Dropped
    }

    /// Runs a schedule, and stops it; false when it ended before.
    pub async fn stop_at_schedule(&self, function: &str, stop: Stop) -> bool {
        let function = self.built(function);
        self.gate.run(stop, function.invoke(json!({}), invocation())).await.is_none()
    }

    /// Lets a route answer a request, and stops it; false when it ended before.
    pub async fn stop_at_request(&self, function: &str, event: Value, stop: Stop) -> bool {
        let function = self.built(function);
        self.gate.run(stop, function.invoke(event, invocation())).await.is_none()
    }

    /// Handles messages until no queue has any; time moves on to the next one where there is none now.
    pub async fn until_quiet(&self) {
        for _ in 0..MOST_MESSAGES {
            let ready = self.ready().await;
            if !self.handle_one_of(&ready).await && !self.move_to_next_message() {
                return;
            }
        }
        panic!("the messages go round in circles");
    }

    /// Lets time pass and schedules run until something is true.
    pub async fn until(&self, sentence: &str, mut holds: impl AsyncFnMut() -> bool) {
        self.until_quiet().await;
        for _ in 0..MOST_ROUNDS {
            if holds().await {
                return;
            }
            self.advance(ROUND);
            self.until_quiet().await;
            for schedule in SCHEDULES {
                self.platform.run_schedule(schedule).await.unwrap();
            }
            self.until_quiet().await;
        }
        panic!("it never became true that {sentence}");
    }

    /// Moves the time of everything.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.platform.standins().advance(by);
    }

    /// Lists the queues with messages that can be received now; where there are none, what the stand-ins still have is brought in.
    async fn ready(&self) -> Vec<String> {
        let ready = self.queues.ready();
        if !ready.is_empty() {
            return ready;
        }
        self.bring_in().await;
        self.queues.ready()
    }

    /// Handles a message that chance chooses; false when there is none.
    async fn handle_one_of(&self, ready: &[String]) -> bool {
        let Some(queue) = ready.get(self.choose(ready.len())) else { return false };
        let Some(message) = self.queues.take(queue, self.choose(usize::MAX)) else { return false };
        assert!(message.receives < 30, "{message:?} is never handled");
        let function = self.platform.functions().find(&self.consumers[queue]).unwrap();
        let answer = function.call(event(&message), message.id.clone()).await.unwrap();
        let failures = answer["batchItemFailures"].as_array().map_or(0, Vec::len);
        if failures > 0 {
            self.queues.put_back(message, VISIBILITY_SECONDS);
        }
        true
    }

    fn move_to_next_message(&self) -> bool {
        let Some(due) = self.queues.next_due_ms() else { return false };
        let wait = due - self.clock.clock().now().as_millisecond();
        self.advance(Duration::from_millis(u64::try_from(wait).unwrap_or_default()));
        true
    }

    /// Waits until the stand-ins have reported everything, and brings in what they reported.
    async fn bring_in(&self) {
        self.platform.standins().settle().await;
        let sqs = &self.platform.clients().sqs;
        for (queue, url) in &self.outside {
            loop {
                let received = sqs.receive_message().queue_url(url).max_number_of_messages(10).send().await.unwrap();
                let messages = received.messages.unwrap_or_default();
                if messages.is_empty() {
                    break;
                }
                for message in messages {
                    self.queues.send(queue, message.body.as_deref().unwrap(), 0);
                    let handle = message.receipt_handle.unwrap();
                    sqs.delete_message().queue_url(url).receipt_handle(handle).send().await.unwrap();
                }
            }
        }
    }

    fn built(&self, function: &str) -> Arc<dyn carillon_harness::Invoke> {
        let entry: Entry = registry::entries().into_iter().find(|entry| entry.name == function).unwrap();
        (entry.build)(&watch(function, &self.platform.setup_of(function).unwrap())).unwrap().into()
    }

    fn choose(&self, below: usize) -> usize {
        usize::from_le_bytes(self.choices.borrow().bytes()) % below.max(1)
    }
}

impl Tenant {
    /// The figures that the API shows are those of a recount; every recipient is in exactly one final state.
    pub async fn figures_equal_a_recount(&self, stage: &Stage, campaign: CampaignId) -> Figures {
        let ledger = Ledger::from_setup(&stage.platform.setup_of("campaigns-get-statistics").unwrap()).unwrap();
        let run = ledger.run(RunKey::new(self.organization, Run::Campaign(campaign))).await.unwrap();
        let figures = Figures::new(&run, &ledger.recount(&run).await.unwrap());
        assert_eq!(self.api.figures(campaign).await, serde_json::to_value(&figures).unwrap(), "the figures are not those of a recount");
        assert_eq!(figures.sent + figures.failed + figures.suppressed + figures.in_doubt, figures.recipients, "{figures:?}");
        assert_eq!((figures.waiting, figures.cancelled), (0, 0), "{figures:?}");
        let listed = self.api.recipients(campaign, None).await;
        assert_eq!(listed.len() as u64, figures.recipients);
        assert!(listed.iter().all(|recipient| recipient["state"] != "waiting"), "{listed:?}");
        figures
    }

    /// How often each recipient was sent to.
    pub async fn sent_to(&self, campaign: CampaignId) -> BTreeMap<String, u32> {
        let mut sent = BTreeMap::new();
        for message in self.api.outbox(&format!("campaign={campaign}")).await["items"].as_array().unwrap() {
            let to = message["to"].as_str().or_else(|| message["to"][0].as_str()).unwrap();
            *sent.entry(to.to_owned()).or_default() += 1;
        }
        sent
    }
}

async fn start(folder: &std::path::Path, (clock, setup): (&ManualClock, Setup), turnstile: &Turnstile) -> Platform {
    let mut config = config(folder)
        .setting("TWILIO_BASE_URL", turnstile.url())
        .setting("FOLD_DELAY_SECONDS", "5")
        .setting("DOUBT_SETTLING_SECONDS", "60")
        .setting("DOUBT_GIVING_UP_SECONDS", "600")
        .setting("STANDSTILL_SECONDS", "120");
    config.pollers = Start::OnRequest;
    config.clock = clock.clock();
    config.standins.started_at = Some(clock.clock().now());
    // Two recipients a second: plans of two.
    config.standins.ses.max_send_rate = 2.0;
    config.setup = Some(setup);
    let platform = Platform::start(config).await.unwrap();
    turnstile.lead_to(&platform.setup_of("sending-deliver-sms").unwrap().text("AWS_ENDPOINT_URL_SESV2").unwrap());
    platform
}

fn consumers(platform: &Platform) -> BTreeMap<String, String> {
    let functions = platform.deployment().functions.iter();
    let sources = functions.flat_map(|function| function.sources.iter().map(move |source| (function, source)));
    sources
        .filter_map(|(function, source)| match source {
            Source::Queue(source) => Some((source.queue.clone(), function.name.clone())),
            Source::Schedule(_) => None,
        })
        .collect()
}

async fn outside(platform: &Platform) -> Vec<(String, String)> {
    let deployment = platform.deployment();
    let exceptions = deployment.subscriptions.iter().map(|subscription| subscription.queue.clone());
    let notified = deployment.buckets.iter().flat_map(|bucket| bucket.notifications.iter().map(|notification| notification.queue.clone()));
    let mut outside = Vec::new();
    for queue in exceptions.chain(notified) {
        let url = platform.clients().sqs.get_queue_url().queue_name(&queue).send().await.unwrap().queue_url.unwrap();
        outside.push((queue, url));
    }
    outside
}

fn event(message: &Queued) -> Value {
    let attributes = json!({ "ApproximateReceiveCount": message.receives.to_string() });
    json!({ "Records": [{ "messageId": message.id, "body": message.body, "attributes": attributes }] })
}

fn invocation() -> Invocation {
    Invocation { request_id: "simulation".to_owned(), remaining: Duration::from_secs(30), trace: None }
}
