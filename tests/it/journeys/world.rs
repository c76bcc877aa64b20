//! The world of a journey: a running platform, an organization in it, and the words in which journeys are told.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use carillon_contracts::{CampaignId, ContactId, ListId, OrganizationId, Run, SenderId};
use carillon_kernel::MovableClock;
use carillon_local::platform::{BRISK, Port, Start};
use carillon_local::{Deployed, Platform, PlatformConfig};
use carillon_sending::keys::RunKey;
use carillon_sending::{Figures, Ledger};
use carillon_testkit::{Api, Login, Person};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;

use super::site::Site;

use super::privileges::{WrittenDown, nobody_did_what_they_may_not, watched};

/// How long a journey waits for something to become true.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// The one runtime in which all platforms live, whichever test started them.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

/// The platform of all journeys that need no fault knobs: each has an organization of its own in it.
static SHARED: OnceCell<Arc<Stage>> = OnceCell::const_new();

/// A platform with its data folder.
pub struct Stage {
    pub platform: Site,
    pub operator: Api,
    /// The clock of the platform; only a journey on a platform of its own may move it.
    pub clock: MovableClock,
    _folder: Option<TempDir>,
}

/// A platform, and an organization in it.
#[derive(Clone)]
pub struct World {
    pub stage: Arc<Stage>,
    pub api: Api,
    pub organization: OrganizationId,
}

/// The folder of the repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The settings of a platform in tests: nothing waits longer than a second or two.
pub fn config(folder: impl Into<PathBuf>) -> PlatformConfig {
    let mut config = PlatformConfig::new(repository(), folder);
    config.settings.extend(BRISK.map(|(name, value)| (name.to_owned(), value.to_owned())));
    config.parameters.insert("ErasureDelaySeconds".to_owned(), "0".to_owned());
    config.port = Port::Exactly(0);
    config.schedules = Start::OnRequest;
    config.flags_interval_seconds = 0;
    config.standins.firehose.buffer_ms = 100;
    config.setup_of = Some(watched());
    config
}

impl Stage {
    /// Starts a platform.
    pub async fn start(config: PlatformConfig, folder: Option<TempDir>) -> Arc<Self> {
        let started = Instant::now();
        let clock = MovableClock::default();
        let platform = Platform::start(PlatformConfig { clock: clock.clock(), ..config }).await.unwrap();
        let operator = Api::new(platform.url(), platform.bootstrap_organization("Operators").await.unwrap().expose());
        eprintln!("a platform started in {:?}", started.elapsed());
        Self::of(platform, operator, clock, folder)
    }

    /// Takes the deployment that a file describes.
    async fn deployed(file: PathBuf) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut standins = config(folder.path()).standins;
        standins.data_dir = folder.path().join("standins");
        let platform = Site::There(Box::new(Deployed::attach(&file, standins).await.unwrap()));
        let operator = Api::new(platform.url(), platform.bootstrap_organization("Operators").await.unwrap().expose());
        Arc::new(Self { platform, operator, clock: MovableClock::default(), _folder: Some(folder) })
    }

    /// Takes a platform that runs.
    pub fn of(platform: Platform, operator: Api, clock: MovableClock, folder: Option<TempDir>) -> Arc<Self> {
        Arc::new(Self { platform: Site::Here(Box::new(platform)), operator, clock, _folder: folder })
    }

    /// Starts a platform in a folder of its own.
    pub async fn alone() -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        Self::start(config(folder.path()), Some(folder)).await
    }

    async fn shared() -> Arc<Self> {
        let start = async || {
            let stage = match Site::deployment() {
                Some(file) => Self::deployed(file).await,
                None => Self::alone().await,
            };
            stage.set_fates().await;
            stage
        };
        Arc::clone(SHARED.get_or_init(start).await)
    }

    /// Sets the fates of addresses, by their domains, so that no journey on the shared platform needs to set knobs for all.
    async fn set_fates(&self) {
        let rule = |domain: &str, fate: &str| json!({ "pattern": format!("*@{domain}.example"), "fate": fate });
        let fates = ["bounce", "soft_bounce", "complain", "reject", "open", "click", "scan", "delay"];
        let rules: Vec<Value> = fates.iter().map(|fate| rule(&fate.replace('_', "-"), fate)).collect();
        self.operator.set_faults("ses", json!({ "rules": rules, "scanner_follows_links": true })).await;
        let undelivered = json!({ "pattern": "+120255599*", "fate": "undelivered" });
        self.operator.set_faults("twilio", json!({ "rules": [undelivered] })).await;
    }

    /// Makes an organization.
    pub async fn organization(self: &Arc<Self>, name: &str) -> World {
        let made = self.operator.post("/v1/organizations", json!({ "name": name })).await.expect(201);
        let api = self.operator.with_key(made["api_key"]["secret"].as_str().unwrap());
        World { stage: Arc::clone(self), api, organization: made["id"].as_str().unwrap().parse().unwrap() }
    }
}

/// Tells a journey on the platform that all share.
///
/// On the heap, as all journeys: the compiler counts how deep futures lie in one another.
pub fn journey<F: Future<Output = ()>>(told: impl FnOnce(World) -> F) {
    block_on(async {
        let world = Stage::shared().await.organization("Bells").await;
        Box::pin(told(world.clone())).await;
        world.nothing_is_dead().await;
        world.nobody_did_what_they_may_not();
    });
}

/// Tells a journey that looks inside the platform, which only one in this process shows.
pub fn journey_here<F: Future<Output = ()>>(told: impl FnOnce(World) -> F) {
    if Site::deployment().is_some() {
        return skipped("it looks inside the platform");
    }
    journey(told);
}

/// Tells a journey that turns knobs, on a platform of its own; nothing may be left unhandled at its end.
///
/// A deployment is one for all, whose journeys happen one after the other: there the knobs are turned back.
pub fn journey_alone<F: Future<Output = ()>>(told: impl FnOnce(World) -> F) {
    if Site::deployment().is_none() {
        return journey_in_time(told);
    }
    block_on(async {
        let world = Stage::shared().await.organization("Bells").await;
        for provider in ["ses", "twilio"] {
            world.stage.operator.set_faults(provider, json!({})).await;
        }
        world.stage.operator.turn_flags(json!({})).await;
        Box::pin(told(world.clone())).await;
        world.settle().await;
        world.nothing_is_dead().await;
        world.stage.set_fates().await;
    });
}

/// Tells a journey that moves the clock, or breaks what others need, on a platform of its own in this process; nothing may be left unhandled at
/// its end.
pub fn journey_in_time<F: Future<Output = ()>>(told: impl FnOnce(World) -> F) {
    if Site::deployment().is_some() {
        return skipped("it moves the clock, or breaks what others need");
    }
    block_on(async {
        let world = Stage::alone().await.organization("Bells").await;
        Box::pin(told(world.clone())).await;
        world.settle().await;
        world.nothing_is_dead().await;
        world.nobody_did_what_they_may_not();
        // A platform that nobody else holds is stopped; one that is left to a failed test dies with the process.
        let World { stage, .. } = world;
        if let Ok(stage) = Arc::try_unwrap(stage).map_err(drop) {
            stage.platform.stop().await;
        }
    });
}

/// Runs a test, after which it is written down what functions did in it.
fn block_on<F: Future<Output = ()>>(test: F) {
    let _at_the_end = WrittenDown;
    RUNTIME.block_on(test);
}

/// Runs a test that makes its platforms itself, in this process.
pub fn run<F: Future<Output = ()>>(test: F) {
    if Site::deployment().is_some() {
        return skipped("it starts platforms of its own");
    }
    block_on(test);
}

/// Says on standard error, where nobody catches it, that a journey was not told: to the test's harness it is one that went well.
fn skipped(reason: &str) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a journey");
    let _ = writeln!(std::io::stderr(), "skipped on a deployment: {name}: {reason}");
}

impl World {
    /// Waits until every queue is empty and nothing runs.
    pub async fn settle(&self) {
        if let Err(left) = self.stage.platform.settle_within(PATIENCE).await {
            panic!("{left}");
        }
    }

    /// Waits until something is true, told as a sentence.
    pub async fn until(&self, sentence: &str, mut holds: impl AsyncFnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(Instant::now() < deadline, "it never became true that {sentence}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The time on the platform's clock.
    pub fn now(&self) -> Timestamp {
        self.stage.clock.clock().now()
    }

    /// Moves the platform's clock on, in a journey on a platform of its own.
    pub fn advance(&self, by: Duration) {
        self.stage.clock.advance(by);
    }

    /// Somebody with an address that nobody else has.
    pub fn person(&self, name: &str) -> Person {
        Person::new(&format!("{name}@{}.example", self.organization.to_string().replace('_', "-")))
    }

    /// Somebody with an organization of their own, logged in.
    pub async fn owner(&self, name: &str) -> (Person, Login) {
        let person = self.person(name);
        let login = self.api.owner(&person, "Belfry").await;
        (person, login)
    }

    /// Gives an organization a plan, as the operator.
    pub async fn give_plan(&self, organization: OrganizationId, plan: &str) {
        let path = format!("/v1/operator/organizations/{organization}");
        let _ = self.stage.operator.call(Method::PATCH, &path, &json!({ "plan": plan })).await.expect(200);
    }

    /// Runs a schedule now.
    pub async fn run_schedule(&self, name: &str) {
        self.stage.platform.run_schedule(name).await.unwrap();
    }

    /// No function did what its policy does not allow; what one journey finds may be another's.
    pub fn nobody_did_what_they_may_not(&self) {
        // Nobody hears what a function elsewhere asks of AWS.
        let Site::Here(_) = self.stage.platform else { return };
        nobody_did_what_they_may_not();
    }

    /// Nothing was given up.
    pub async fn nothing_is_dead(&self) {
        let dead = self.stage.platform.dead_letters().await;
        assert!(dead.is_empty(), "{dead:#?}");
    }

    /// Creates contacts who want mail, on a list.
    pub async fn subscribers(&self, addresses: &[&str]) -> (ListId, Vec<ContactId>) {
        let list = self.api.create_list("Readers").await;
        let mut contacts = Vec::new();
        for address in addresses {
            contacts.push(self.api.create_subscriber(address).await);
        }
        self.api.add_members(list, &contacts).await;
        (list, contacts)
    }

    /// Imports so many contacts who want mail onto a list.
    pub async fn import_subscribers(&self, count: usize) -> ListId {
        let list = self.api.create_list("Readers").await;
        let mut csv = String::from("email,first_name\n");
        (0..count).for_each(|number| csv.push_str(&format!("reader{number}@many.example,Reader {number}\n")));
        let options = json!({ "list_ids": [list], "consent": { "email": "a form" } });
        let (import, answer) = self.api.import_csv(carillon_testkit::File { bytes: csv.into_bytes(), options }).await;
        let _ = answer.expect(202);
        self.until("the import is completed", async || self.api.import(import).await["status"] == "completed").await;
        list
    }

    /// Creates contacts who want texts, with a tag.
    pub async fn text_readers(&self, tag: &str, numbers: &[&str]) -> Vec<ContactId> {
        let mut contacts = Vec::new();
        for number in numbers {
            let consent = json!({ "sms": { "status": "subscribed", "source": "test" } });
            contacts
                .push(self.api.create_contact(json!({ "phone": number, "first_name": "Ada", "tags": [tag], "consent": consent })).await);
        }
        contacts
    }

    /// Creates a sender of mail.
    pub async fn mail_sender(&self) -> SenderId {
        self.api.create_sender(json!({ "channel": "email", "address": "news@bells.example", "name": "Bells" })).await
    }

    /// A number that no other organization has.
    pub fn text_number(&self) -> String {
        let [.., a, b, c] = self.organization.to_bytes();
        format!("+1415{:07}", u32::from_be_bytes([0, a, b, c]) % 10_000_000)
    }

    /// Creates a sender of texts, with the number of the organization.
    pub async fn text_sender(&self) -> (SenderId, String) {
        let number = self.text_number();
        (
            self.api.create_sender(json!({ "channel": "sms", "address": number, "help_text": "Bells: write to help@bells.example" })).await,
            number,
        )
    }

    /// Creates a mail campaign for a list.
    pub async fn mail_campaign(&self, list: ListId) -> CampaignId {
        let sender = self.mail_sender().await;
        let content = json!({ "subject": "Hello {{ first_name }}", "html": "<p>Ring, {{ first_name }}: <a href=\"https://bells.example/\">bells</a></p>" });
        let campaign =
            json!({ "name": "Spring", "channel": "email", "audience": { "lists": [list] }, "sender_id": sender, "content": content });
        self.api.create_campaign(campaign).await
    }

    /// Creates a campaign of texts for a tag, with a policy for doubt.
    pub async fn text_campaign(&self, tag: &str, doubt_policy: &str) -> CampaignId {
        let (sender, _) = self.text_sender().await;
        let content = json!({ "body": "Hello {{ first_name }}, bells ring." });
        let audience = json!({ "tags": [tag] });
        let campaign = json!({ "name": "Ring", "channel": "sms", "audience": audience, "sender_id": sender, "content": content, "doubt_policy": doubt_policy });
        self.api.create_campaign(campaign).await
    }

    /// Creates a campaign of texts for a tag, from the sender that has a number.
    pub async fn text_campaign_from(&self, number: &str, tag: &str) -> CampaignId {
        let senders = self.api.get("/v1/senders").await.expect(200);
        let sender = senders["data"].as_array().unwrap().iter().find(|sender| sender["address"] == number).unwrap()["id"].clone();
        let content = json!({ "body": "Hello {{ first_name }}, bells ring." });
        let campaign = json!({ "name": "Ring", "channel": "sms", "audience": { "tags": [tag] }, "sender_id": sender, "content": content });
        self.api.create_campaign(campaign).await
    }

    /// Waits until a campaign has ended by itself; gives it.
    pub async fn until_ended(&self, id: CampaignId) -> Value {
        self.until_status(id, &["sent", "failed"]).await
    }

    /// Waits until a campaign has one of these statuses; gives it.
    pub async fn until_status(&self, id: CampaignId, wanted: &[&str]) -> Value {
        self.until(&format!("the campaign is one of {wanted:?}"), async || {
            let status = self.api.campaign(id).await["status"].take();
            wanted.iter().any(|wanted| status == *wanted)
        })
        .await;
        self.api.campaign(id).await
    }

    /// Waits until a figure has a value.
    pub async fn until_figure(&self, id: CampaignId, name: &str, value: u64) {
        self.until(&format!("{name} is {value}"), async || self.api.figures(id).await[name] == value).await;
    }

    /// What the stand-ins were given to send for a campaign: how often to each recipient.
    pub async fn sent_to(&self, id: CampaignId) -> BTreeMap<String, u32> {
        let mut sent = BTreeMap::new();
        let mut cursor = String::new();
        loop {
            let page = self.api.outbox(&format!("campaign={id}{cursor}")).await;
            for message in page["items"].as_array().unwrap() {
                let to = message["to"].as_str().or_else(|| message["to"][0].as_str()).unwrap();
                *sent.entry(to.to_owned()).or_default() += 1;
            }
            match page["next_cursor"].as_u64() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return sent,
            }
        }
    }

    /// The figures that the API shows are those of a recount, and every recipient is counted exactly once.
    pub async fn figures_equal_a_recount(&self, id: CampaignId) -> Figures {
        let ledger = Ledger::from_setup(&self.stage.platform.setup_of("campaigns-get-statistics").unwrap()).unwrap();
        let of = RunKey::new(self.organization, Run::Campaign(id));
        let mut recounted = None;
        self.until("the figures are those of a recount", async || {
            let run = ledger.run(of).await.unwrap();
            let figures = Figures::new(&run, &ledger.recount(&run).await.unwrap());
            let shown = self.api.figures(id).await;
            let equal = shown == serde_json::to_value(&figures).unwrap();
            recounted = Some(figures);
            equal
        })
        .await;
        let figures = recounted.unwrap();
        let told = figures.sent + figures.failed + figures.suppressed + figures.in_doubt + figures.waiting + figures.cancelled;
        assert_eq!(told, figures.recipients, "{figures:?}");
        figures
    }
}
