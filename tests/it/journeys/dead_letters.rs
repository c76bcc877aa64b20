//! Messages that were given up: the operator sees why and what they are about, sends them back when the cause is mended, or discards them.

use carillon_contracts::ContactId;
use carillon_testkit::{Answer, Api};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{World, journey_alone};

/// Texts that people write back; they are given up when nobody has the number that was written to.
const TEXTS: &str = "inbound-sms";
const ROUTE: &str = "/v1/operator/dead-letters";

fn operator(world: &World) -> &Api {
    &world.stage.operator
}

/// Puts messages into a queue, or into its dead letters, as AWS itself would.
async fn put(world: &World, queue: &str, bodies: &[String]) {
    let base = world.stage.platform.setup_of("dead-letters-list").unwrap().text("QUEUES_URL").unwrap();
    let sqs = &world.stage.platform.clients().sqs;
    let sent = bodies.iter().map(|body| sqs.send_message().queue_url(format!("{base}{queue}")).message_body(body).send());
    for sent in join_all(sent).await {
        let _ = sent.unwrap();
    }
}

async fn depth(world: &World, queue: &str) -> u64 {
    let listed = operator(world).get(ROUTE).await.expect(200);
    let found = listed["data"].as_array().unwrap().iter().find(|one| one["queue"] == queue);
    found.unwrap_or_else(|| panic!("{queue} is not listed: {listed}"))["dead_letters"].as_u64().unwrap()
}

async fn until_dead(world: &World, queue: &str, count: u64) {
    world.until(&format!("{queue} has {count} dead letters"), async || depth(world, queue).await == count).await;
}

async fn look(world: &World, queue: &str) -> Vec<Value> {
    let look = operator(world).get(&format!("{ROUTE}/{queue}?limit=100")).await.expect(200);
    assert_eq!(look["has_more"], false, "{look}");
    look["data"].as_array().unwrap().clone()
}

async fn clear(world: &World, (queue, verb): (&str, &str), messages: Value) -> Value {
    operator(world).post(&format!("{ROUTE}/{queue}/{verb}"), json!({ "messages": messages })).await.expect(200)
}

fn ids(letters: &[Value]) -> Vec<&str> {
    letters.iter().map(|letter| letter["id"].as_str().unwrap()).collect()
}

/// What the operator's audit trail says of a clearing: what was asked for, and what came of it. Both have the moment of the request.
async fn told(world: &World, queue: &str, clearing: &Value) -> (Value, Value) {
    let records = operator(world).get(&format!("/v1/audit/records?limit=100&kind=dead_letters&id={queue}")).await.expect(200);
    let changes = records["data"].as_array().unwrap().iter().flat_map(|record| record["changes"].as_array().unwrap().clone());
    let all: Vec<Value> = changes.map(|change| change["after"].clone()).filter(|after| after["clearing"] == clearing["id"]).collect();
    let (begun, ended): (Vec<Value>, Vec<Value>) = all.into_iter().partition(|told| told["cleared"].is_null());
    assert_eq!((begun.len(), ended.len()), (1, 1), "{begun:?} {ended:?}");
    (begun[0].clone(), ended[0].clone())
}

#[test]
fn what_nobody_can_read_is_shown_with_its_reason_and_discarded() {
    journey_alone(async |world| {
        let campaign = "cmp_01040g2081040g2081040g2081";
        put(&world, "finishes", &[json!({ "campaign": campaign, "to": "ada@bells.example" }).to_string()]).await;
        until_dead(&world, "finishes", 1).await;
        // SQS moves a message without a word of why.
        let moved = json!({ "campaign": campaign, "organization": world.organization }).to_string();
        put(&world, "finishes-dead-letters", &[moved]).await;
        until_dead(&world, "finishes", 2).await;

        let letters = look(&world, "finishes").await;
        let of = |reason: &str| letters.iter().find(|letter| letter["reason"] == reason).unwrap_or_else(|| panic!("{letters:?}"));
        let (unreadable, moved) = (of("queue.unreadable"), of("queue.received_too_often"));
        assert_eq!((&unreadable["message"], &unreadable["received_count"]), (&json!("FinishRequested"), &json!(1)));
        assert_eq!(unreadable["reference"], json!({ "campaign": campaign }));
        assert_eq!(moved["reference"], json!({ "campaign": campaign, "organization": world.organization }));
        assert_eq!(ids(&look(&world, "finishes").await).len(), 2, "a look takes nothing away");

        let first = clear(&world, ("finishes", "discard"), json!([unreadable["id"], "nobody"])).await;
        assert_eq!((&first["discarded"], &first["not_found"], &first["is_complete"]), (&json!(1), &json!(["nobody"]), &json!(true)));
        assert_eq!(ids(&look(&world, "finishes").await), [moved["id"].as_str().unwrap()]);
        let rest = clear(&world, ("finishes", "discard"), json!("all")).await;
        assert_eq!((&rest["discarded"], &rest["remaining"], &rest["is_complete"]), (&json!(1), &json!(0), &json!(true)));

        assert!(look(&world, "finishes").await.is_empty());
        let (begun, ended) = told(&world, "finishes", &first).await;
        assert_eq!((&begun["action"], begun["messages"].as_array().unwrap().len()), (&json!("discard"), 2), "{begun}");
        assert_eq!((&ended["cleared"], &ended["messages"]), (&json!(1), &json!([unreadable["id"]])), "{ended}");
    });
}

/// How many of these people have stopped texts.
async fn stopped(world: &World, contacts: &[ContactId]) -> usize {
    let mut count = 0;
    for contact in contacts {
        count += usize::from(world.api.contact(*contact).await["suppressed"]["sms"] == json!(["stop"]));
    }
    count
}

/// Three people write STOP to a number that nobody has set up yet; the texts wait until somebody has.
#[test]
fn texts_that_were_given_up_do_what_they_say_when_they_are_sent_back() {
    journey_alone(async |world| {
        let numbers = ["+12025550131", "+12025550132", "+12025550133"];
        let contacts = world.text_readers("ring", &numbers).await;
        for number in numbers {
            let inbound = json!({ "from": number, "to": world.text_number(), "body": "STOP" });
            let _ = world.api.post("/_twilio/inbound", inbound).await.expect(201);
        }
        until_dead(&world, TEXTS, 3).await;

        let letters = look(&world, TEXTS).await;
        assert!(letters.iter().all(|letter| letter["reason"] == "feedback.unknown_number"), "{letters:?}");
        let text = serde_json::to_string(&letters).unwrap();
        assert!(text.contains("\"sid\":\"SM") && !text.contains("+1") && !text.contains("STOP"), "{text}");

        // As long as the cause is there, a letter comes back, as another one.
        let early = clear(&world, (TEXTS, "redrive"), json!([letters[0]["id"]])).await;
        assert_eq!((&early["redriven"], &early["is_complete"]), (&json!(1), &json!(true)), "{early}");
        world.settle().await;
        until_dead(&world, TEXTS, 3).await;
        // All of them come back, too, and are not sent round in a circle.
        let all = clear(&world, (TEXTS, "redrive"), json!("all")).await;
        assert_eq!((&all["redriven"], &all["is_complete"]), (&json!(3), &json!(true)), "{all}");
        world.settle().await;
        until_dead(&world, TEXTS, 3).await;
        let letters = look(&world, TEXTS).await;

        let _ = world.text_sender().await;
        let some = clear(&world, (TEXTS, "redrive"), json!([letters[0]["id"], letters[1]["id"]])).await;
        assert_eq!((&some["redriven"], &some["not_found"], &some["is_complete"]), (&json!(2), &json!([]), &json!(true)), "{some}");
        world.until("two have stopped", async || stopped(&world, &contacts).await == 2).await;
        world.settle().await;
        assert_eq!(stopped(&world, &contacts).await, 2);

        let rest = clear(&world, (TEXTS, "redrive"), json!("all")).await;
        assert_eq!((&rest["redriven"], &rest["remaining"], &rest["is_complete"]), (&json!(1), &json!(0), &json!(true)), "{rest}");
        world.until("all have stopped", async || stopped(&world, &contacts).await == 3).await;

        assert_eq!(depth(&world, TEXTS).await, 0);
        let (begun, ended) = told(&world, TEXTS, &rest).await;
        assert_eq!((&begun["action"], &begun["messages"]), (&json!("redrive"), &json!("all")), "{begun}");
        assert_eq!((&ended["cleared"], ended["messages"].as_array().unwrap().len()), (&json!(1), 1), "{ended}");
    });
}

#[test]
fn many_letters_are_shown_in_part_and_sent_back_together() {
    journey_alone(async |world| {
        // Nobody is asked anything by a text that says nothing: who reads it leaves it alone.
        let text =
            |number: u32| json!({ "sid": format!("SM{number:032x}"), "from": "+12025550141", "to": "+12025550142", "body": "Ring!" });
        let texts: Vec<String> = (0..125).map(|number| text(number).to_string()).collect();
        put(&world, &format!("{TEXTS}-dead-letters"), &texts).await;
        until_dead(&world, TEXTS, 125).await;

        let some = operator(&world).get(&format!("{ROUTE}/{TEXTS}?limit=20")).await.expect(200);
        assert_eq!((some["data"].as_array().unwrap().len(), &some["has_more"], &some["dead_letters"]), (20, &json!(true), &json!(125)));
        let redrive = async || {
            let (path, body) = (format!("{ROUTE}/{TEXTS}/redrive"), json!({ "messages": "all" }));
            operator(&world).call_with(Method::POST, &path, (&body, &[("idempotency-key", "all of them")])).await
        };
        let answer = redrive().await.expect(200);
        assert_eq!((&answer["redriven"], &answer["remaining"], &answer["is_complete"]), (&json!(125), &json!(0), &json!(true)), "{answer}");

        let again = redrive().await;
        assert_eq!((again.header("idempotency-replayed"), again.json()), (Some("true"), answer));
        world.settle().await;
        assert_eq!(depth(&world, TEXTS).await, 0);
    });
}

#[test]
fn a_queue_that_is_none_and_a_request_without_sense_are_refused() {
    journey_alone(async |world| {
        let refused = |answer: Answer| (answer.status, answer.code());
        let (none, path) = (format!("{ROUTE}/belfries"), format!("{ROUTE}/{TEXTS}"));

        assert_eq!(refused(operator(&world).get(&none).await), (404, "request.absent".to_owned()));
        let body = json!({ "messages": "all" });
        assert_eq!(refused(operator(&world).post(&format!("{none}/redrive"), body.clone()).await), (404, "request.absent".to_owned()));
        assert_eq!(refused(operator(&world).get(&format!("{path}?limit=101")).await), (422, "request.invalid".to_owned()));
        let odd = operator(&world).post(&format!("{path}/discard"), json!({ "messages": ["", "x".repeat(101)] })).await;
        assert_eq!(odd.status, 422);
        let pointers: Vec<String> = odd.problems().into_iter().map(|(pointer, _)| pointer).collect();
        assert_eq!(pointers, ["/messages/0", "/messages/1"]);
        // An organization's own key is no operator's.
        assert_eq!(refused(world.api.get(&path).await), (403, "caller.may_not".to_owned()));
    });
}
