//! What happens seldom: work that does not fit into an invocation, files that are gone, a sweep of every queue.

use std::time::Duration;

use carillon_contracts::message::{AudienceExpansionRequested, FoldRequested, ImportChunkRequested, TrailVerificationRequested};
use carillon_contracts::{CampaignId, Run};
use carillon_dynamo::{Change, Condition, Key, Table, text};
use carillon_harness::Invocation;
use carillon_local::platform::Start;
use carillon_local::{PlatformConfig, registry};
use carillon_testkit::File;
use reqwest::Method;
use serde_json::{Value, json};

use super::site::Site;
use super::{Stage, World, config, journey, journey_in_time, places, run, watch};

/// A platform on which nobody takes messages from the queues.
async fn quiet() -> World {
    let folder = tempfile::tempdir().unwrap();
    let quiet = PlatformConfig { pollers: Start::OnRequest, ..config(folder.path()) };
    Stage::start(quiet, Some(folder)).await.organization("Bells").await
}

/// Lets a consumer handle a message in no time at all.
async fn out_of_time(world: &World, function: &str, message: Value) {
    handle(world, function, (message, Duration::ZERO)).await;
}

/// Lets a consumer handle a message in so much time.
async fn handle(world: &World, function: &str, (message, remaining): (Value, Duration)) {
    let entry = registry::entries().into_iter().find(|entry| entry.name == function).unwrap();
    let built = (entry.build)(&watch(function, &world.stage.platform.setup_of(function).unwrap())).unwrap();
    let event =
        json!({ "Records": [{ "messageId": "seldom", "body": message.to_string(), "attributes": { "ApproximateReceiveCount": "1" } }] });
    let invocation = Invocation { request_id: "seldom".to_owned(), remaining, trace: None };

    let answer = built.invoke(event, invocation).await.unwrap();

    assert_eq!(answer["batchItemFailures"], json!([]), "{function} wants it again");
}

/// How many messages are in the queue that a setting of a function names, delayed ones included.
async fn waiting(world: &World, function: &str, setting: &str) -> u32 {
    let url = world.stage.platform.setup_of(function).unwrap().text(setting).unwrap();
    let asked = world.stage.platform.clients().sqs.get_queue_attributes().queue_url(url).attribute_names("All".into());
    let attributes = asked.send().await.unwrap().attributes.unwrap();
    let count =
        |name: &str| -> u32 { attributes.iter().find(|(known, _)| known.as_str() == name).map_or(0, |(_, count)| count.parse().unwrap()) };
    count("ApproximateNumberOfMessages") + count("ApproximateNumberOfMessagesDelayed")
}

/// Takes a message from the queue that a setting of a function names.
async fn taken(world: &World, function: &str, setting: &str) -> Value {
    let url = world.stage.platform.setup_of(function).unwrap().text(setting).unwrap();
    let received = world.stage.platform.clients().sqs.receive_message().queue_url(url).send().await.unwrap();
    serde_json::from_str(received.messages()[0].body.as_deref().unwrap()).unwrap()
}

async fn sent_campaign(world: &World) -> CampaignId {
    let (list, _) = world.subscribers(&["ada@seldom.example"]).await;
    let campaign = world.mail_campaign(list).await;
    world.api.send_campaign(campaign).await;
    campaign
}

/// Deletes every file of imports; tells how many there were.
async fn lose_files(world: &World) -> usize {
    let platform = &world.stage.platform;
    let bucket = platform.setup_of("imports-start").unwrap().text("BUCKET").unwrap();
    let s3 = &platform.clients().s3;
    let listed = s3.list_objects_v2().bucket(&bucket).prefix("imports/").send().await.unwrap();
    let keys: Vec<String> = listed.contents().iter().filter_map(|object| object.key.clone()).collect();
    for key in &keys {
        let _ = s3.delete_object().bucket(&bucket).key(key).send().await.unwrap();
    }
    keys.len()
}

#[test]
fn the_sweep_sends_what_was_left_for_every_queue_that_it_knows() {
    run(async {
        let world = quiet().await;
        let sweep = "sending-sweep-outbox";
        let platform = &world.stage.platform;
        let table = Table::from_setup(&platform.setup_of(sweep).unwrap(), "ENTITIES_TABLE").unwrap();
        let deployment = crate::completeness::deployment();
        let queues = deployment.function(sweep).unwrap().environment.keys().filter(|name| name.ends_with("_QUEUE_URL"));
        let queues: Vec<&String> = queues.collect();

        for (number, queue) in queues.iter().enumerate() {
            let item = json!({ "entity": "outbox", "schema": 1, "queue": queue, "body": "{}" });
            let key = Key::new("OUTBOX#0", format!("2020-01-01T00:00:00.000Z#{number}"));
            table.commit(vec![table.put(key, &item, Condition::Absent).unwrap()]).await.unwrap();
        }
        world.run_schedule(sweep).await;

        assert!(queues.len() > 10, "{queues:?}");
        for queue in queues {
            assert_eq!(waiting(&world, sweep, queue).await, 1, "{queue}");
        }
        world.nobody_did_what_they_may_not();
    });
}

#[test]
fn an_audience_that_does_not_fit_into_an_invocation_goes_on_in_the_next() {
    run(async {
        let world = quiet().await;
        let campaign = sent_campaign(&world).await;
        let message = AudienceExpansionRequested { organization: world.organization, campaign, plan: 0 };
        let before = waiting(&world, "sending-expand-audience", "AUDIENCE_EXPANSIONS_QUEUE_URL").await;

        out_of_time(&world, "sending-expand-audience", json!(message)).await;

        assert_eq!(waiting(&world, "sending-expand-audience", "AUDIENCE_EXPANSIONS_QUEUE_URL").await, before + 1);
        world.nobody_did_what_they_may_not();
    });
}

#[test]
fn pages_that_do_not_fit_into_an_invocation_are_summed_up_in_the_next() {
    run(async {
        let world = quiet().await;
        let run = Run::Campaign(sent_campaign(&world).await);

        let message = FoldRequested { organization: world.organization, run, pages: vec![0, 1] };
        out_of_time(&world, "sending-fold-figures", json!(message)).await;

        assert_eq!(waiting(&world, "sending-fold-figures", "FIGURES_QUEUE_URL").await, 1);
        world.nobody_did_what_they_may_not();
    });
}

#[test]
fn a_verification_of_a_trail_that_does_not_fit_into_an_invocation_goes_on_in_the_next() {
    run(async {
        let world = quiet().await;
        let verification = world.api.post("/v1/audit/verifications", json!({})).await.expect(202)["id"].as_str().unwrap().parse().unwrap();
        let message = TrailVerificationRequested { organization: world.organization, verification };
        let before = waiting(&world, "identity-verify-trail", "TRAIL_VERIFICATIONS_QUEUE_URL").await;

        out_of_time(&world, "identity-verify-trail", json!(message)).await;

        assert_eq!(waiting(&world, "identity-verify-trail", "TRAIL_VERIFICATIONS_QUEUE_URL").await, before + 1);
        world.nobody_did_what_they_may_not();
    });
}

#[test]
fn work_for_more_than_a_minute_is_released_by_the_schedule_bit_by_bit() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let slow = PlatformConfig { pollers: Start::OnRequest, ..config(folder.path()).setting("SMS_RATE_PER_SECOND", "1") };
        let world = Stage::start(slow, Some(folder)).await.organization("Bells").await;
        let numbers: Vec<String> = (200..320).map(|number| format!("+1202555{number:04}")).collect();
        let _ = world.text_readers("ring", &numbers.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let campaign = world.text_campaign("ring", "at_most_once").await;
        world.api.send_campaign(campaign).await;
        let message = AudienceExpansionRequested { organization: world.organization, campaign, plan: 0 };
        handle(&world, "sending-expand-audience", (json!(message), Duration::from_secs(30))).await;
        let before = waiting(&world, "sending-release-work", "RELEASES_QUEUE_URL").await;

        world.run_schedule("sending-release-on-schedule").await;

        assert_eq!(waiting(&world, "sending-release-work", "RELEASES_QUEUE_URL").await, before + 1);
        world.nobody_did_what_they_may_not();
    });
}

#[test]
fn a_run_that_goes_on_is_released_by_the_schedule_where_it_has_work_left() {
    run(async {
        let world = quiet().await;
        let campaign = sent_campaign(&world).await;
        let message = AudienceExpansionRequested { organization: world.organization, campaign, plan: 0 };
        handle(&world, "sending-expand-audience", (json!(message), Duration::from_secs(30))).await;
        let schedule = "sending-release-on-schedule";
        world.run_schedule(schedule).await;
        assert_eq!(waiting(&world, schedule, "EMAIL_DELIVERIES_QUEUE_URL").await, 1);

        for verb in ["pause", "resume"] {
            let _ = world.api.steer(campaign, verb).await.expect(200);
        }
        world.run_schedule(schedule).await;

        assert_eq!(waiting(&world, schedule, "EMAIL_DELIVERIES_QUEUE_URL").await, 2);
        world.nobody_did_what_they_may_not();
    });
}

#[test]
fn whoever_opted_out_at_the_provider_gets_no_single_text_either_and_is_suppressed() {
    run(async {
        // What people write lies in a queue, so that only the provider knows of it.
        let world = quiet().await;
        let (sender, own) = world.text_sender().await;
        let contact = world.api.create_contact(json!({ "phone": "+12025550187" })).await;
        for number in ["+12025550187", "+12025550188"] {
            let _ = world.api.post("/_twilio/inbound", json!({ "from": number, "to": own, "body": "STOP" })).await.expect(201);
            let text = json!({ "channel": "sms", "to": number, "sender_id": sender, "content": { "body": "Your code is 17." } });
            let message = world.api.send_message(text).await;

            let asked = taken(&world, "sending-deliver-message", "MESSAGE_DELIVERIES_QUEUE_URL").await;
            handle(&world, "sending-deliver-message", (asked, Duration::from_secs(30))).await;

            assert_ne!(world.api.message(message).await["status"], "sent");
        }
        assert_eq!(world.api.contact(contact).await["suppressed"]["sms"], json!(["stop"]));
        assert_eq!(world.api.get("/v1/suppressions").await.expect(200)["data"].as_array().unwrap().len(), 2);
        world.nobody_did_what_they_may_not();
    });
}

#[test]
fn a_throttle_of_texts_is_waited_for() {
    journey_in_time(async |world| {
        let numbers = ["+12025550191", "+12025550192", "+12025550193"];
        let _ = world.text_readers("ring", &numbers).await;
        let campaign = world.text_campaign("ring", "at_most_once").await;
        world.stage.operator.set_faults("twilio", json!({ "throttle_per_second": 0.5 })).await;
        world.api.send_campaign(campaign).await;
        world.until("one is sent", async || !world.sent_to(campaign).await.is_empty()).await;
        world.stage.operator.set_faults("twilio", json!({})).await;

        let ended = world.until_ended(campaign).await;

        assert_eq!(ended["totals"]["sent"], 3, "{ended}");
    });
}

#[test]
fn an_import_whose_file_is_gone_fails() {
    run(async {
        let world = quiet().await;
        let (import, answer) = world.api.import_csv(File { bytes: b"email\nada@gone.example\n".to_vec(), options: json!({}) }).await;
        let _ = answer.expect(202);
        assert_eq!(lose_files(&world).await, 1);

        let message = ImportChunkRequested { organization: world.organization, import, chunk: 0, offset: 0, first_row: 1 };
        out_of_time(&world, "imports-import-chunk", json!(message)).await;

        assert_eq!(world.api.import(import).await["status"], "failed");
        world.nobody_did_what_they_may_not();
    });
}

#[test]
fn a_report_that_is_gone_is_absent() {
    journey_in_time(async |world| {
        let csv = b"email\nnot-an-address\nada@gone.example\n".to_vec();
        let (import, answer) = world.api.import_csv(File { bytes: csv, options: json!({}) }).await;
        let _ = answer.expect(202);
        world.until("the import is completed", async || world.api.import(import).await["status"] == "completed").await;
        assert_eq!(world.api.get(&format!("/v1/imports/{import}/rejected")).await.status, 200);

        assert!(lose_files(&world).await > 0);

        assert_eq!(world.api.get(&format!("/v1/imports/{import}/rejected")).await.status, 404);
    });
}

#[test]
fn an_answer_is_given_again_to_its_caller_and_a_key_of_what_failed_is_free() {
    journey_in_time(async |world| {
        let (_, login) = world.owner("ada").await;
        for api in [&world.api, &login.api] {
            let post = async |path: &str, (body, key): (Value, &str)| {
                api.call_with(Method::POST, path, (&body, &[("idempotency-key", key)])).await
            };
            let list = json!({ "name": "Readers" });
            let _ = api.create_contact(json!({ "email": "taken@answers.example" })).await;

            let (first, again) = (post("/v1/lists", (list.clone(), "list")).await, post("/v1/lists", (list, "list")).await);
            let refused = post("/v1/contacts", (json!({ "email": "taken@answers.example" }), "contact")).await;
            let made = post("/v1/contacts", (json!({ "email": "free@answers.example" }), "contact")).await;

            assert_eq!((first.status, first.json()), (again.status, again.json()));
            assert_eq!((again.header("idempotency-replayed"), refused.status, made.status), (Some("true"), 409, 201), "{}", refused.text);
        }
    });
}

/// Forgets what was answered under every idempotency key, as if each process had died before it kept its answer.
async fn forget_answers(world: &World) {
    let platform = &world.stage.platform;
    let table = Table::from_setup(&platform.setup_of("lists-create").unwrap(), "ENTITIES_TABLE").unwrap();
    let Site::Here(here) = platform else { unreachable!("journeys in time happen here") };
    let kept = places::all(here).await.into_iter().filter(|place| place.kind == "idempotency");
    for place in kept {
        let (pk, sk) = place.key.split_once(' ').unwrap();
        let ended = Change::new().set("lease_until", text("2020-01-01T00:00:00Z")).remove("status").remove("headers").remove("body");
        table.commit(vec![table.update(Key::new(pk, sk), ended, Condition::Present)]).await.unwrap();
    }
}

#[test]
fn what_was_made_and_never_answered_is_found_when_it_is_asked_for_again() {
    journey_in_time(async |world| {
        let sender = world.mail_sender().await;
        let contact = world.api.create_subscriber("kept@again.example").await;
        let content = json!({ "subject": "Hello", "html": "<p>Hello</p>" });
        let message = json!({ "channel": "email", "to": "ada@again.example", "sender_id": sender, "content": content });
        let asked = [
            ("/v1/contacts", json!({ "email": "new@again.example", "tags": ["bell"] })),
            ("/v1/lists", json!({ "name": "Readers" })),
            ("/v1/senders", json!({ "channel": "email", "address": "more@bells.example", "name": "Bells" })),
            ("/v1/templates", json!({ "name": "Welcome", "channel": "email", "content": content })),
            ("/v1/campaigns", json!({ "name": "Spring", "channel": "email", "content": content })),
            ("/v1/messages", message),
            ("/v1/suppressions", json!({ "channel": "email", "address": "never@again.example" })),
        ];
        let ask = async || {
            let mut answers = Vec::new();
            for (path, body) in &asked {
                let answer = world.api.call_with(Method::POST, path, (body, &[("idempotency-key", path)])).await;
                assert!(answer.status < 300, "{path}: {}", answer.text);
                answers.push((*path, answer.json()["id"].clone()));
            }
            answers
        };

        let first = ask().await;
        world.settle().await;
        forget_answers(&world).await;

        assert_eq!(ask().await, first);
        assert_eq!(world.api.contact(contact).await["email"], "kept@again.example");
    });
}

#[test]
fn a_draft_changes_its_content_and_takes_a_template_instead() {
    journey(async |world| {
        let content = json!({ "subject": "Hello", "html": "<p>Hello</p>" });
        let template = json!({ "name": "Welcome", "channel": "email", "content": content });
        let template = world.api.post("/v1/templates", template).await.expect(201)["id"].clone();
        let campaign = world.api.create_campaign(json!({ "name": "Spring", "channel": "email", "content": content })).await;
        let change = async |patch: Value| world.api.call(Method::PATCH, &format!("/v1/campaigns/{campaign}"), &patch).await.expect(200);

        let changed = change(json!({ "content": { "subject": "Hello again", "html": "<p>Again</p>" } })).await;
        assert_eq!(world.api.campaign(campaign).await["content"]["subject"], "Hello again", "{changed}");
        let changed = change(json!({ "content": null, "template_id": template })).await;

        assert_eq!((&changed["template_id"], &changed["content"]), (&template, &Value::Null), "{changed}");
    });
}

#[test]
fn a_single_message_of_a_template_goes_to_a_contact() {
    journey(async |world| {
        let content = json!({ "subject": "Hello {{ first_name }}", "html": "<p>Hello {{ first_name }}</p>" });
        let template = json!({ "name": "Welcome", "channel": "email", "content": content });
        let template = world.api.post("/v1/templates", template).await.expect(201)["id"].clone();
        let contact = world.api.create_contact(json!({ "email": "ada@template.example", "first_name": "Ada" })).await;
        let sender = world.mail_sender().await;

        for to in [("contact_id", json!(contact)), ("to", json!("ada@template.example"))] {
            let mut message = json!({ "channel": "email", "sender_id": sender, "template_id": template });
            message[to.0] = to.1;
            let message = world.api.send_message(message).await;
            world.until("the message is delivered", async || world.api.message(message).await["status"] == "delivered").await;
        }

        let mail = world.api.outbox("to=ada@template.example").await["items"][0].clone();
        assert_eq!(mail["subject"], "Hello Ada");
    });
}
