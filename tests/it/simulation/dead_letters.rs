//! The operator's work on dead letters dies at every one of its calls, and queues refuse what they are sent.

use std::time::Duration;

use carillon_contracts::ContactId;
use carillon_testkit::Api;
use reqwest::Method;
use serde_json::{Value, json};

use super::stage::{Stage, Tenant};
use super::{NUMBERS, at_every_call, run};

/// People who wrote STOP while nobody had the number that they wrote to; the texts are dead letters.
struct Stops {
    tenant: Tenant,
    contacts: Vec<ContactId>,
    dead: String,
    key: String,
}

impl Stops {
    async fn of(stage: &Stage, number: u32) -> Self {
        let tenant = stage.tenant().await;
        let own = format!("+1416{number:07}");
        let dead = format!("{}-dead-letters", stage.queue_of("feedback-handle-inbound-sms"));
        let mut contacts = Vec::new();
        for (place, from) in NUMBERS.iter().enumerate() {
            contacts.push(tenant.api.create_contact(json!({ "phone": from })).await);
            let text = json!({ "sid": format!("SM{number:016x}{place:016x}"), "from": from, "to": own, "body": "stop" });
            stage.queues.send(&dead, &text.to_string(), 0);
        }
        let _ = tenant.api.create_sender(json!({ "channel": "sms", "address": own })).await;
        Self { tenant, contacts, dead, key: format!("clearing {number}") }
    }

    async fn clear(&self, stage: &Stage, verb: &str) -> Value {
        let headers = [("idempotency-key", self.key.as_str())];
        stage.operator().call_with(Method::POST, &path(verb), (&json!({ "messages": "all" }), &headers)).await.expect(200)
    }

    async fn stopped(&self) -> usize {
        let mut stopped = 0;
        for contact in &self.contacts {
            stopped += usize::from(self.tenant.api.contact(*contact).await["suppressed"]["sms"] == json!(["stop"]));
        }
        stopped
    }
}

fn path(verb: &str) -> String {
    format!("/v1/operator/dead-letters/inbound-sms/{verb}")
}

fn event(operator: &Api, verb: &str, key: &str) -> Value {
    json!({
        "version": "2.0",
        "rawPath": path(verb),
        "pathParameters": { "queue": "inbound-sms" },
        "headers": { "authorization": format!("Bearer {}", operator.key()), "idempotency-key": key },
        "body": json!({ "messages": "all" }).to_string(),
        "requestContext": { "requestId": key, "http": { "method": "POST", "path": path(verb), "sourceIp": "192.0.2.1" } },
    })
}

#[test]
fn sending_dead_letters_back_survives_a_death_at_every_call_when_the_request_is_repeated_with_its_key() {
    run(async {
        let stage = Stage::build(41).await;
        let mut number = 0;
        at_every_call(async |stop| {
            number += 1;
            let stops = Stops::of(&stage, number).await;
            let died = stage.stop_at_request("dead-letters-redrive", event(stage.operator(), "redrive", &stops.key), stop).await;
            // Who died holds its letters for a minute, and the key, too.
            stage.advance(Duration::from_secs(61));

            let again = stops.clear(&stage, "redrive").await;

            assert_eq!((&again["is_complete"], stage.queues.count(&stops.dead)), (&json!(true), 0), "{again}");
            stage.until_quiet().await;
            assert_eq!(stops.stopped().await, NUMBERS.len(), "a letter was lost");
            died
        })
        .await;
    });
}

#[test]
fn discarding_dead_letters_survives_a_death_at_every_call_and_touches_no_queue() {
    run(async {
        let stage = Stage::build(42).await;
        let mut number = 0;
        at_every_call(async |stop| {
            number += 1;
            let stops = Stops::of(&stage, number).await;
            let died = stage.stop_at_request("dead-letters-discard", event(stage.operator(), "discard", &stops.key), stop).await;
            stage.advance(Duration::from_secs(61));

            let again = stops.clear(&stage, "discard").await;

            assert_eq!((&again["is_complete"], stage.queues.count(&stops.dead)), (&json!(true), 0), "{again}");
            stage.until_quiet().await;
            assert_eq!(stops.stopped().await, 0, "a letter was sent back");
            died
        })
        .await;
    });
}

#[test]
fn letters_that_their_queue_refuses_stay_letters_and_can_be_sent_back_at_once() {
    run(async {
        let stage = Stage::build(43).await;
        let stops = Stops::of(&stage, 1).await;
        stage.queues.refuse(2);

        let first = stops.clear(&stage, "redrive").await;

        assert_eq!((&first["redriven"], &first["remaining"], &first["is_complete"]), (&json!(1), &json!(2), &json!(false)), "{first}");
        let rest = Stops { key: "another".to_owned(), ..stops };
        let second = rest.clear(&stage, "redrive").await;
        assert_eq!((&second["redriven"], &second["remaining"], &second["is_complete"]), (&json!(2), &json!(0), &json!(true)), "{second}");
        stage.until_quiet().await;
        assert_eq!(rest.stopped().await, NUMBERS.len());
    });
}
