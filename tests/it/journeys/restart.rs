//! The platform stops, or is killed, and goes on where it was.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use carillon_contracts::CampaignId;
use carillon_kernel::Clock;
use carillon_kernel::clock::ManualClock;
use carillon_local::{Platform, PlatformConfig};
use carillon_testkit::Api;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{config, run};

/// The setting by which the test below runs as the child process of another one.
const CHILD_FOLDER: &str = "CARILLON_TEST_CHILD_FOLDER";
/// How much later a restarted platform is: every lease of the killed one has ended.
const LATER: Duration = Duration::from_secs(90);
const RECIPIENTS: usize = 40;

fn slow(folder: &Path) -> PlatformConfig {
    let mut slow = config(folder);
    slow.standins.ses.max_send_rate = 10.0;
    slow
}

/// A platform on `folder` whose clock is ahead, so that nobody waits for leases.
async fn later(folder: &Path) -> Platform {
    let start = Clock::system().now() + LATER;
    let manual = ManualClock::at(start);
    let mut config = slow(folder);
    config.clock = manual.clock();
    config.standins.started_at = Some(start);
    tokio::spawn(async move {
        let tick = Duration::from_millis(10);
        let mut ticks = tokio::time::interval(tick);
        loop {
            ticks.tick().await;
            manual.advance(tick);
        }
    });
    Platform::start(config).await.unwrap()
}

#[test]
fn a_platform_that_was_stopped_in_mid_campaign_goes_on_at_its_next_start() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let platform = Platform::start(slow(folder.path())).await.unwrap();
        let key = platform.bootstrap_organization("Bells").await.unwrap();
        let api = Api::new(platform.url(), key.expose());
        let campaign = under_way(&api).await;

        platform.stop().await;
        let platform = later(folder.path()).await;

        ends_exactly(&platform, &Api::new(platform.url(), key.expose()), campaign).await;
        platform.stop().await;
    });
}

#[test]
fn a_platform_that_was_killed_in_mid_campaign_ends_it_with_exact_totals() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let mut child = spawn(&folder);
        let (url, key) = address(&mut child, folder.path()).await;
        let campaign = under_way(&Api::new(&url, &key)).await;

        // SIGKILL: no handler runs, nothing is put down.
        child.kill().unwrap();
        child.wait().unwrap();
        let platform = later(folder.path()).await;

        ends_exactly(&platform, &Api::new(platform.url(), &key), campaign).await;
        platform.stop().await;
    });
}

/// Sends a campaign, and returns when some of its mails are out and others are not.
async fn under_way(api: &Api) -> CampaignId {
    let list = api.create_list("Readers").await;
    let mut csv = String::from("email,first_name\n");
    (0..RECIPIENTS).for_each(|number| csv.push_str(&format!("reader{number}@restart.example,Ada\n")));
    let options = json!({ "list_ids": [list], "consent": { "email": "a form" } });
    let (import, answer) = api.import_csv(carillon_testkit::File { bytes: csv.into_bytes(), options }).await;
    let _ = answer.expect(202);
    until(async || api.import(import).await["status"] == "completed").await;
    let sender = api.create_sender(json!({ "channel": "email", "address": "news@bells.example" })).await;
    let content = json!({ "subject": "Hello", "html": "<p>Ring, {{ first_name }}</p>" });
    let campaign =
        json!({ "name": "Spring", "channel": "email", "audience": { "lists": [list] }, "sender_id": sender, "content": content });
    let campaign = api.create_campaign(campaign).await;
    api.send_campaign(campaign).await;
    until(async || total(api, campaign).await > 0).await;
    assert!(total(api, campaign).await < RECIPIENTS as u64);
    campaign
}

async fn total(api: &Api, campaign: CampaignId) -> u64 {
    api.outbox(&format!("campaign={campaign}")).await["total"].as_u64().unwrap()
}

async fn ends_exactly(platform: &Platform, api: &Api, campaign: CampaignId) {
    let deadline = std::time::Instant::now() + Duration::from_secs(90);
    loop {
        for schedule in ["sending-sweep-outbox", "sending-release-on-schedule", "sending-resolve-doubt"] {
            platform.run_schedule(schedule).await.unwrap();
        }
        let settled = platform.settle_within(Duration::from_secs(60)).await;
        settled.unwrap_or_else(|left| panic!("{left}"));
        if api.campaign(campaign).await["status"] == "sent" {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{}", api.figures(campaign).await);
    }
    let outbox = api.outbox(&format!("campaign={campaign}")).await;
    let told = |of: &Value, name: &str| of[name].as_u64().unwrap();
    assert_eq!((told(&outbox, "total"), told(&outbox, "duplicates")), (RECIPIENTS as u64, 0));
    let totals = api.campaign(campaign).await["totals"].take();
    assert_eq!((told(&totals, "sent"), told(&totals, "failed"), told(&totals, "in_doubt")), (RECIPIENTS as u64, 0, 0), "{totals}");
    assert!(platform.dead_letters().await.is_empty());
}

pub(super) async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(90);
    while !holds().await {
        assert!(std::time::Instant::now() < deadline, "it took too long");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Starts this very program again, to run the platform in a process of its own.
fn spawn(folder: &TempDir) -> Child {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(program);
    command.args(["journeys::restart::the_platform_of_a_child_process", "--exact", "--ignored", "--nocapture"]);
    command.env(CHILD_FOLDER, folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

pub(super) async fn address(child: &mut Child, folder: &Path) -> (String, String) {
    let file = folder.join("address");
    until(async || {
        assert_eq!(child.try_wait().unwrap(), None, "the child process ended");
        std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n'))
    })
    .await;
    let text = std::fs::read_to_string(&file).unwrap();
    let (url, key) = text.trim().split_once(' ').unwrap();
    (url.to_owned(), key.to_owned())
}

#[test]
#[ignore = "runs as the child process of another test only"]
#[expect(clippy::disallowed_methods, reason = "what a child process is told comes in its environment")]
fn the_platform_of_a_child_process() {
    let Ok(folder) = std::env::var(CHILD_FOLDER) else { return };
    let folder = Path::new(&folder);
    run(async {
        let platform = Platform::start(slow(folder)).await.unwrap();
        let key = platform.bootstrap_organization("Bells").await.unwrap();
        std::fs::write(folder.join("address"), format!("{} {}\n", platform.url(), key.expose())).unwrap();
        std::future::pending::<()>().await;
    });
}
