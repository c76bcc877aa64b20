//! The export and the erasure of a person die at every one of their calls and awaits, and are done all the same.

use carillon_testkit::{Login, Person};
use serde_json::{Value, json};

use super::stage::{Stage, Tenant};
use super::{at_every_call, die_and_come_again};
use crate::journeys::{places, run};

const EXPORT: &str = "identity-export-user";
const ERASE: &str = "identity-erase-user";

/// Somebody who is a member of an organization.
struct Member {
    person: Person,
    login: Login,
}

impl Member {
    /// Invites the person of this number, who accepts and logs in.
    async fn join(stage: &Stage, tenant: &Tenant, number: u32) -> Self {
        let person = Person { name: format!("Augusta the {number}th"), ..Person::new(&format!("augusta{number}@people.example")) };
        let _ = tenant.api.post("/v1/invitations", json!({ "email": person.email, "role": "viewer" })).await.expect(201);
        stage.until_quiet().await;
        let _ = tenant.api.accept_invitation(&person).await.expect(201);
        let login = tenant.api.logged_in(&person).await;
        stage.until_quiet().await;
        Self { person, login }
    }

    async fn asks_to_be_erased(&self) {
        let _ = self.login.api.post("/v1/me/erase", Value::Null).await.expect(202);
    }

    /// Nothing holds the person's address or name.
    async fn is_gone(&self, stage: &Stage) {
        stage.until_quiet().await;
        let left = places::all(&stage.platform).await;
        let left = places::kinds_that_hold(&left, &[&self.person.email, &self.person.name]);
        assert!(left.is_empty(), "{left:#?}");
        assert_eq!(self.login.api.get("/v1/me").await.status, 401);
        let user = format!("USER#{}", self.login.user);
        assert!(!places::all(&stage.platform).await.iter().any(|place| place.key.starts_with(&user)));
    }

    /// The export is there, and whole.
    async fn has_export(&self, stage: &Stage, asked: &Value) {
        stage.until_quiet().await;
        let shown = self.login.api.get(&format!("/v1/me/exports/{}", asked["id"].as_str().unwrap())).await.expect(200);
        assert_eq!(shown["status"], "ready", "{shown}");
        let file = self.login.api.client().get(shown["url"].as_str().unwrap()).send().await.unwrap();
        let file: Value = serde_json::from_str(&file.text().await.unwrap()).unwrap();
        assert_eq!(file["data"]["user"][0]["email"], self.person.email);
    }
}

#[test]
fn an_erasure_survives_a_death_at_every_call() {
    run(async {
        let stage = Stage::build(41).await;
        let tenant = stage.tenant().await;
        let mut number = 0;
        at_every_call(async |stop| {
            number += 1;
            let member = Member::join(&stage, &tenant, number).await;
            member.asks_to_be_erased().await;
            let message = stage.until_message_for(ERASE).await;
            let died = die_and_come_again(&stage, message, stop).await;
            member.is_gone(&stage).await;
            died
        })
        .await;
    });
}

#[test]
fn an_erasure_survives_being_dropped_at_every_await() {
    run(async {
        let stage = Stage::build(42).await;
        let tenant = stage.tenant().await;
        let mut count = 1;
        loop {
            let member = Member::join(&stage, &tenant, count).await;
            member.asks_to_be_erased().await;
            let message = stage.until_message_for(ERASE).await;
            let was_dropped = stage.drop_at_await(&message, count).await;
            stage.queues.put_back(message.clone(), 0);
            stage.queues.put_back(message, 3);
            member.is_gone(&stage).await;
            if !was_dropped {
                break;
            }
            count += 1;
        }
        assert!(count > 1, "nothing was ever dropped");
    });
}

#[test]
fn an_export_survives_a_death_at_every_call() {
    run(async {
        let stage = Stage::build(43).await;
        let tenant = stage.tenant().await;
        let member = Member::join(&stage, &tenant, 1).await;
        at_every_call(async |stop| {
            let asked = member.login.api.post("/v1/me/export", Value::Null).await.expect(202);
            let message = stage.until_message_for(EXPORT).await;
            let died = die_and_come_again(&stage, message, stop).await;
            member.has_export(&stage, &asked).await;
            died
        })
        .await;
    });
}

#[test]
fn an_export_that_is_under_way_does_not_outlive_its_person() {
    run(async {
        let stage = Stage::build(44).await;
        let tenant = stage.tenant().await;
        let mut number = 0;
        at_every_call(async |stop| {
            number += 1;
            let member = Member::join(&stage, &tenant, number).await;
            let _ = member.login.api.post("/v1/me/export", Value::Null).await.expect(202);
            let export = stage.until_message_for(EXPORT).await;
            let died = stage.stop_at_message(&export, stop).await;
            member.asks_to_be_erased().await;
            stage.until_quiet().await;
            // The export comes again when the person is gone already.
            stage.queues.put_back(export, 0);
            member.is_gone(&stage).await;
            died
        })
        .await;
    });
}

#[test]
fn an_export_survives_being_dropped_at_every_await() {
    run(async {
        let stage = Stage::build(46).await;
        let tenant = stage.tenant().await;
        let member = Member::join(&stage, &tenant, 1).await;
        let mut count = 1;
        loop {
            let asked = member.login.api.post("/v1/me/export", Value::Null).await.expect(202);
            let message = stage.until_message_for(EXPORT).await;
            let was_dropped = stage.drop_at_await(&message, count).await;
            stage.queues.put_back(message.clone(), 0);
            stage.queues.put_back(message, 3);
            member.has_export(&stage, &asked).await;
            if !was_dropped {
                break;
            }
            count += 1;
        }
        assert!(count > 1, "nothing was ever dropped");
    });
}

#[test]
fn a_request_to_be_erased_that_dies_at_any_call_was_taken_or_can_be_made_again() {
    run(async {
        let stage = Stage::build(47).await;
        let tenant = stage.tenant().await;
        let mut number = 0;
        at_every_call(async |stop| {
            number += 1;
            let member = Member::join(&stage, &tenant, number).await;
            let headers = json!({ "authorization": format!("Bearer {}", member.login.access_token()) });
            let http = json!({ "method": "POST", "path": "/v1/me/erase", "sourceIp": "192.0.2.1" });
            let context = json!({ "requestId": "simulation", "http": http });
            let event = json!({ "version": "2.0", "rawPath": "/v1/me/erase", "headers": headers, "requestContext": context });
            let died = stage.stop_at_request("me-erase", event, stop).await;
            if member.login.is_open().await {
                member.asks_to_be_erased().await;
            }
            // The outbox's sweep sends what the dead request could not.
            let user = format!("USER#{}", member.login.user);
            let is_gone = async || !places::all(&stage.platform).await.iter().any(|place| place.key.starts_with(&user));
            stage.until("the person is gone", is_gone).await;
            member.is_gone(&stage).await;
            died
        })
        .await;
    });
}
