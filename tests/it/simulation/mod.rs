//! Every consumer of the path dies at every one of its calls, before it and after it, and what it was to do is done all the same:
//! its message comes twice more, in any order among the others; then time passes, and schedules run.
//!
//! Work acts on the world only by calls (to tables, queues, buckets and providers), so that dying before or after each call is all that
//! dying at an await can be; whether the call had its effect is known here, where a future that is dropped somewhere leaves it open.

mod dead_letters;
mod drops;
mod losses;
mod people;
mod requests;
mod stage;

use std::time::Duration;

use carillon_contracts::{CampaignId, ListId, SenderId};
use carillon_testkit::{File, Queued, Side, Stop};
use serde_json::{Value, json};

use crate::journeys::run;
use stage::{Stage, Tenant};

/// The addresses of an audience: three plans of two.
const READERS: [&str; 5] = ["a@plan.example", "b@plan.example", "c@plan.example", "d@plan.example", "e@plan.example"];
const NUMBERS: [&str; 3] = ["+12025550141", "+12025550142", "+12025550143"];

/// Something that goes on while a consumer dies.
struct Case {
    tenant: Tenant,
    campaign: CampaignId,
}

/// Lists every call and side in turn, until one is beyond the last call.
async fn at_every_call(mut dies_at: impl AsyncFnMut(Stop) -> bool) {
    for side in [Side::Before, Side::After] {
        let mut call = 1;
        while dies_at(Stop { call, side }).await {
            call += 1;
        }
        assert!(call > 1, "nothing was ever stopped");
        eprintln!("{side:?}: {} calls", call - 1);
    }
}

/// Lets a consumer die at a call, then brings its message twice again, once late.
async fn die_and_come_again(stage: &Stage, message: Queued, stop: Stop) -> bool {
    let died = stage.stop_at_message(&message, stop).await;
    stage.queues.put_back(message.clone(), 0);
    stage.queues.put_back(message, 3);
    died
}

/// An organization with a list of readers and a sender: campaigns one after the other go to the same people.
struct Readers {
    tenant: Tenant,
    list: ListId,
    sender: SenderId,
}

impl Readers {
    async fn of(stage: &Stage) -> Self {
        let tenant = stage.tenant().await;
        let list = tenant.api.create_list("Readers").await;
        let mut contacts = Vec::new();
        for address in READERS {
            contacts.push(tenant.api.create_subscriber(address).await);
        }
        tenant.api.add_members(list, &contacts).await;
        let sender = tenant.api.create_sender(json!({ "channel": "email", "address": "news@bells.example" })).await;
        Self { tenant, list, sender }
    }

    async fn draft(&self) -> Case {
        let content = json!({ "subject": "Hello", "html": "<p>Ring, {{ first_name }}</p>" });
        let audience = json!({ "lists": [self.list] });
        let draft = json!({ "name": "Spring", "channel": "email", "audience": audience, "sender_id": self.sender, "content": content });
        Case { tenant: self.tenant.clone(), campaign: self.tenant.api.create_campaign(draft).await }
    }

    async fn campaign(&self) -> Case {
        let case = self.draft().await;
        case.tenant.api.send_campaign(case.campaign).await;
        case
    }
}

async fn text_campaign(stage: &Stage, case: u32) -> Case {
    let tenant = stage.tenant().await;
    for number in NUMBERS {
        let consent = json!({ "sms": { "status": "subscribed", "source": "test" } });
        let _ = tenant.api.create_contact(json!({ "phone": number, "tags": ["ring"], "consent": consent })).await;
    }
    let sender = tenant.api.create_sender(json!({ "channel": "sms", "address": format!("+1415{case:07}") })).await;
    let content = json!({ "body": "Bells ring." });
    let campaign = json!({ "name": "Ring", "channel": "sms", "audience": { "tags": ["ring"] }, "sender_id": sender, "content": content });
    let campaign = tenant.api.create_campaign(campaign).await;
    tenant.api.send_campaign(campaign).await;
    Case { tenant, campaign }
}

impl Case {
    /// The request that sends the campaign, with an idempotency key, as API Gateway gives it to the function.
    fn send_event(&self, path: &str) -> Value {
        let headers = json!({ "authorization": format!("Bearer {}", self.tenant.api.key()), "idempotency-key": path });
        let http = json!({ "method": "POST", "path": path, "sourceIp": "192.0.2.1" });
        json!({
            "version": "2.0",
            "rawPath": path,
            "headers": headers,
            "pathParameters": { "campaign_id": self.campaign },
            "requestContext": { "requestId": "simulation", "http": http },
        })
    }

    async fn ends(&self, stage: &Stage) -> Value {
        let ended = async || {
            let status = self.tenant.api.campaign(self.campaign).await["status"].take();
            status == "sent" || status == "failed"
        };
        stage.until("the campaign has ended", ended).await;
        // The last facts may have come after the end.
        stage.until_quiet().await;
        self.tenant.api.campaign(self.campaign).await
    }

    /// Everybody got it, exactly once, and all counts say so.
    async fn everybody_got_it_once(&self, stage: &Stage, expected: usize) {
        let ended = self.ends(stage).await;
        let sent = self.tenant.sent_to(self.campaign).await;
        assert_eq!((sent.len(), sent.values().max()), (expected, Some(&1)), "{sent:?}");
        let figures = self.tenant.figures_equal_a_recount(stage, self.campaign).await;
        assert_eq!((figures.sent, figures.recipients), (expected as u64, expected as u64), "{figures:?}");
        assert_eq!(figures.reported["delivered"], expected as u64, "{figures:?}");
        assert_eq!(ended["totals"]["sent"], expected, "{ended}");
    }

    /// Nobody got it twice; whoever did not is told to be in doubt.
    async fn nobody_got_it_twice(&self, stage: &Stage, expected: usize) {
        let ended = self.ends(stage).await;
        let sent = self.tenant.sent_to(self.campaign).await;
        assert!(sent.values().all(|count| *count == 1), "{sent:?}");
        let figures = self.tenant.figures_equal_a_recount(stage, self.campaign).await;
        assert_eq!((figures.sent as usize, figures.recipients as usize), (sent.len(), expected), "{figures:?}");
        assert_eq!(figures.in_doubt as usize, expected - sent.len(), "{figures:?}");
        assert_eq!(ended["totals"]["in_doubt"], figures.in_doubt, "{ended}");
    }
}

/// A mail campaign whose consumer dies at every call in turn.
async fn a_mail_campaign_survives(function: &str, seed: u64) {
    let stage = Stage::build(seed).await;
    let readers = Readers::of(&stage).await;
    at_every_call(async |stop| {
        let case = readers.campaign().await;
        let message = stage.until_message_for(function).await;
        let died = die_and_come_again(&stage, message, stop).await;
        case.everybody_got_it_once(&stage, READERS.len()).await;
        died
    })
    .await;
}

#[test]
fn expanding_an_audience_survives_a_death_at_every_call() {
    run(a_mail_campaign_survives("sending-expand-audience", 1));
}

#[test]
fn releasing_work_survives_a_death_at_every_call() {
    run(a_mail_campaign_survives("sending-release-work", 2));
}

#[test]
fn delivering_mail_survives_a_death_at_every_call() {
    run(a_mail_campaign_survives("sending-deliver-email", 3));
}

#[test]
fn folding_figures_survives_a_death_at_every_call() {
    run(a_mail_campaign_survives("sending-fold-figures", 4));
}

#[test]
fn finishing_a_campaign_survives_a_death_at_every_call() {
    run(a_mail_campaign_survives("campaigns-finish", 5));
}

#[test]
fn folding_events_survives_a_death_at_every_call() {
    run(a_mail_campaign_survives("feedback-fold-ses-events", 6));
}

#[test]
fn deleting_a_list_survives_a_death_at_every_call() {
    run(async {
        let stage = Stage::build(18).await;
        at_every_call(async |stop| {
            let api = stage.tenant().await.api;
            let (list, other) = (api.create_list("Readers").await, api.create_list("Others").await);
            let mut contacts = Vec::new();
            for address in READERS {
                contacts.push(api.create_subscriber(address).await);
            }
            api.add_members(list, &contacts).await;
            api.add_members(other, &contacts).await;
            let _ = api.delete(&format!("/v1/lists/{list}")).await.expect(204);
            let message = stage.until_message_for("lists-delete-memberships").await;
            let died = die_and_come_again(&stage, message, stop).await;
            stage.until_quiet().await;
            for contact in contacts {
                assert_eq!(api.contact(contact).await["list_ids"], json!([other]));
            }
            assert_eq!(api.get(&format!("/v1/lists/{list}")).await.status, 404);
            assert_eq!(api.get(&format!("/v1/lists/{other}")).await.expect(200)["members"]["contacts"], READERS.len());
            died
        })
        .await;
    });
}

#[test]
fn expanding_an_audience_without_anybody_survives_a_death_at_every_call() {
    run(async {
        let stage = Stage::build(7).await;
        at_every_call(async |stop| {
            let tenant = stage.tenant().await;
            let _ = tenant.api.create_contact(json!({ "email": "quiet@nobody.example" })).await;
            let sender = tenant.api.create_sender(json!({ "channel": "email", "address": "news@bells.example" })).await;
            let content = json!({ "subject": "Hello", "html": "<p>Ring</p>" });
            let campaign =
                json!({ "name": "Spring", "channel": "email", "audience": { "all": true }, "sender_id": sender, "content": content });
            let campaign = tenant.api.create_campaign(campaign).await;
            tenant.api.send_campaign(campaign).await;
            let message = stage.until_message_for("sending-expand-audience").await;
            let died = die_and_come_again(&stage, message, stop).await;
            let ended = Case { tenant, campaign }.ends(&stage).await;
            assert_eq!((&ended["totals"]["recipients"], &ended["totals"]["skipped"]), (&json!(0), &json!(1)));
            died
        })
        .await;
    });
}

#[test]
fn delivering_texts_survives_a_death_at_every_call() {
    run(async {
        let stage = Stage::build(8).await;
        let mut number = 0;
        at_every_call(async |stop| {
            number += 1;
            let case = text_campaign(&stage, number).await;
            let message = stage.until_message_for("sending-deliver-sms").await;
            let died = die_and_come_again(&stage, message, stop).await;
            case.nobody_got_it_twice(&stage, NUMBERS.len()).await;
            died
        })
        .await;
    });
}

#[test]
fn recording_the_statuses_of_texts_survives_a_death_at_every_call() {
    run(async {
        let stage = Stage::build(9).await;
        let mut number = 0;
        at_every_call(async |stop| {
            number += 1;
            let case = text_campaign(&stage, number).await;
            let message = stage.until_message_for("feedback-record-twilio-status").await;
            let died = die_and_come_again(&stage, message, stop).await;
            case.everybody_got_it_once(&stage, NUMBERS.len()).await;
            died
        })
        .await;
    });
}

#[test]
fn receiving_bounces_survives_a_death_at_every_call() {
    run(async {
        let stage = Stage::build(10).await;
        stage.set_faults("ses", json!({ "rules": [{ "pattern": "a@plan.example", "fate": "bounce" }] })).await;
        at_every_call(async |stop| {
            // Others than before: whoever bounced is not written to again.
            let case = Readers::of(&stage).await.campaign().await;
            let message = stage.until_message_for("feedback-receive-ses-exceptions").await;
            let died = die_and_come_again(&stage, message, stop).await;
            let _ = case.ends(&stage).await;
            let figures = case.tenant.figures_equal_a_recount(&stage, case.campaign).await;
            assert_eq!((figures.sent, figures.reported["bounced_hard"], figures.reported["delivered"]), (5, 1, 4));
            let suppressed = case.tenant.api.get("/v1/suppressions").await.expect(200);
            assert_eq!(suppressed["data"].as_array().map(Vec::len), Some(1), "{suppressed}");
            died
        })
        .await;
    });
}

#[test]
fn stop_by_text_survives_a_death_at_every_call() {
    run(async {
        let stage = Stage::build(11).await;
        let mut number = 0;
        at_every_call(async |stop| {
            number += 1;
            let tenant = stage.tenant().await;
            let own = format!("+1416{number:07}");
            let _ = tenant.api.create_sender(json!({ "channel": "sms", "address": own })).await;
            let contact = tenant.api.create_contact(json!({ "phone": NUMBERS[0] })).await;
            let _ = tenant.api.post("/_twilio/inbound", json!({ "from": NUMBERS[0], "to": own, "body": "stop" })).await.expect(201);
            let message = stage.until_message_for("feedback-handle-inbound-sms").await;
            let died = die_and_come_again(&stage, message, stop).await;
            stage.until_quiet().await;
            assert_eq!(tenant.api.contact(contact).await["suppressed"]["sms"], json!(["stop"]));
            died
        })
        .await;
    });
}

#[test]
fn delivering_a_single_message_survives_a_death_at_every_call() {
    run(async {
        let stage = Stage::build(12).await;
        at_every_call(async |stop| {
            let tenant = stage.tenant().await;
            let sender = tenant.api.create_sender(json!({ "channel": "email", "address": "shop@bells.example" })).await;
            let content = json!({ "subject": "Receipt", "html": "<p>Thanks</p>" });
            let to = format!("{}@buyer.example", tenant.organization);
            let message = json!({ "channel": "email", "to": to, "sender_id": sender, "content": content });
            let id = tenant.api.send_message(message).await;
            let message = stage.until_message_for("sending-deliver-message").await;
            let died = die_and_come_again(&stage, message, stop).await;
            stage.until("the message is delivered", async || tenant.api.message(id).await["status"] == "delivered").await;
            assert_eq!(tenant.api.outbox(&format!("to={to}")).await["items"].as_array().map(Vec::len), Some(1));
            died
        })
        .await;
    });
}

#[test]
fn resolving_doubt_survives_a_death_at_every_call() {
    run(async {
        let stage = Stage::build(13).await;
        let readers = Readers::of(&stage).await;
        at_every_call(async |stop| {
            // Some mails were taken without an answer, others not at all: both are in doubt.
            stage.set_faults("ses", json!({ "refuse_share": 0.5, "server_error_after_acceptance_share": 1.0 })).await;
            let case = readers.campaign().await;
            stage.until_quiet().await;
            stage.set_faults("ses", json!({})).await;
            stage.advance(Duration::from_secs(70));
            let died = stage.stop_at_schedule("sending-resolve-doubt", stop).await;
            case.everybody_got_it_once(&stage, READERS.len()).await;
            died
        })
        .await;
    });
}

#[test]
fn releasing_on_schedule_survives_a_death_at_every_call() {
    run(async {
        let stage = Stage::build(14).await;
        let readers = Readers::of(&stage).await;
        at_every_call(async |stop| {
            let case = readers.campaign().await;
            let message = stage.until_message_for("sending-release-work").await;
            let died = stage.stop_at_schedule("sending-release-on-schedule", stop).await;
            stage.queues.put_back(message, 0);
            case.everybody_got_it_once(&stage, READERS.len()).await;
            died
        })
        .await;
    });
}

#[test]
fn a_file_that_is_replaced_after_the_start_is_not_imported() {
    run(async {
        let stage = Stage::build(23).await;
        let api = stage.tenant().await.api;
        let import = api.post("/v1/imports", Value::Null).await.expect(201);
        let (id, url) = (import["id"].as_str().unwrap(), import["upload"]["url"].as_str().unwrap());
        api.upload(url, b"email\nada@plan.example\n".to_vec()).await;
        let _ = api.post(&format!("/v1/imports/{id}/start"), json!({})).await.expect(202);

        api.upload(url, b"email\nmallory@plan.example\neve@plan.example\n".to_vec()).await;
        stage.until_quiet().await;

        assert_eq!(api.import(id.parse().unwrap()).await["status"], "failed");
        assert_eq!(api.get("/v1/contacts").await.expect(200)["data"], json!([]));
    });
}

#[test]
fn importing_a_chunk_survives_a_death_at_every_call() {
    run(async {
        let stage = Stage::build(15).await;
        let csv = "email,first_name\na@rows.example,Ada\nB@rows.example,Bea\nb@rows.example,Again\nbroken,Nobody\nc@rows.example,Cem\n";
        let mut contacts_before = None;
        at_every_call(async |stop| {
            let tenant = stage.tenant().await;
            let list = tenant.api.create_list("Rows").await;
            let options = json!({ "list_ids": [list], "tags": ["rows"] });
            let (import, answer) = tenant.api.import_csv(File { bytes: csv.as_bytes().to_vec(), options }).await;
            let _ = answer.expect(202);
            let message = stage.until_message_for("imports-import-chunk").await;
            let died = die_and_come_again(&stage, message, stop).await;
            stage.until("the import is completed", async || tenant.api.import(import).await["status"] == "completed").await;
            let counts = tenant.api.import(import).await["counts"].take();
            let contacts = tenant.api.get("/v1/contacts").await.expect(200)["data"].as_array().map(Vec::len);
            assert_eq!((&counts["rows"], contacts), (&json!(5), Some(3)), "{counts}");
            assert_eq!(contacts_before.get_or_insert(counts.clone()), &counts);
            died
        })
        .await;
    });
}
