//! Requests that die at every one of their calls, and are repeated, swept up after, or begun anew.

use std::time::Duration;

use carillon_testkit::{Api, Side, Stop};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::stage::Stage;
use super::{READERS, Readers, at_every_call, run};

#[test]
fn sending_a_campaign_survives_a_death_at_every_call_when_the_request_is_repeated_with_its_key() {
    run(async {
        let stage = Stage::build(16).await;
        let readers = Readers::of(&stage).await;
        at_every_call(async |stop| {
            let case = readers.draft().await;
            let path = format!("/v1/campaigns/{}/send", case.campaign);
            let died = stage.stop_at_request("campaigns-send", case.send_event(&path), stop).await;
            // The lease of the key that the dead request held.
            stage.advance(Duration::from_secs(61));
            let headers = [("idempotency-key", path.as_str())];
            let again = case.tenant.api.call_with(reqwest::Method::POST, &path, (&Value::Null, &headers)).await;
            assert_eq!(again.status, 202, "{}", again.text);
            case.everybody_got_it_once(&stage, READERS.len()).await;
            died
        })
        .await;
    });
}

/// The call at which `campaigns-send` dies between its commit and its message.
async fn call_before_the_message(stage: &Stage, readers: &Readers) -> Stop {
    for call in 1..40 {
        let stop = Stop { call, side: Side::After };
        let case = readers.draft().await;
        let died = stage.stop_at_request("campaigns-send", case.send_event(&format!("/v1/campaigns/{}/send", case.campaign)), stop).await;
        assert!(died, "campaigns-send never dies with its change made and its message unsent");
        let is_made = case.tenant.api.campaign(case.campaign).await["status"] != "draft";
        if is_made && stage.queues.count(&stage.queue_of("sending-expand-audience")) == 0 {
            case.everybody_got_it_once(stage, READERS.len()).await;
            return stop;
        }
        stage.until_quiet().await;
    }
    panic!("campaigns-send makes more calls than a request should");
}

#[test]
fn sweeping_the_outbox_survives_a_death_at_every_call() {
    run(async {
        let stage = Stage::build(17).await;
        let readers = Readers::of(&stage).await;
        let unsent = call_before_the_message(&stage, &readers).await;
        at_every_call(async |stop| {
            let case = readers.draft().await;
            let path = format!("/v1/campaigns/{}/send", case.campaign);
            assert!(stage.stop_at_request("campaigns-send", case.send_event(&path), unsent).await);
            stage.advance(Duration::from_secs(70));
            let died = stage.stop_at_schedule("sending-sweep-outbox", stop).await;
            case.everybody_got_it_once(&stage, READERS.len()).await;
            died
        })
        .await;
    });
}

#[test]
fn a_request_that_is_begun_anew_after_its_moment_was_sealed_is_told_when_it_was_done() {
    run(async {
        let stage = Stage::build(19).await;
        let api = stage.tenant().await.api;
        let seal = async || stage.platform.run_schedule("identity-seal-trail").await.unwrap();
        let (mut number, mut begun_anew) = (0, 0);
        at_every_call(async |stop| {
            number += 1;
            let (body, key) = (json!({ "name": format!("Readers {number}") }), format!("death {number}"));
            let died = stage.stop_at_request("lists-create", list_event(&api, &body, &key), stop).await;
            stage.advance(Duration::from_secs(120));
            let _ = api.create_list(&format!("Between {number}")).await;
            seal().await;
            stage.advance(Duration::from_secs(1));
            let headers = [("idempotency-key", key.as_str())];
            let list = api.call_with(reqwest::Method::POST, "/v1/lists", (&body, &headers)).await.expect(201);

            let mut found = api.get(&format!("/v1/audit/records?id={}", list["id"].as_str().unwrap())).await.expect(200);
            let moment = |text: &Value| text.as_str().unwrap().parse::<Timestamp>().unwrap();
            let (told, made) = (moment(&found["data"][0]["at"].take()), moment(&list["created_at"]));
            begun_anew += u32::from(told > made + Duration::from_secs(60));
            died
        })
        .await;
        seal().await;

        let asked = api.post("/v1/audit/verifications", json!({})).await.expect(202);
        let path = format!("/v1/audit/verifications/{}", asked["id"].as_str().unwrap());
        stage.until("the verification is done", async || api.get(&path).await.expect(200)["status"] == "done").await;
        let verification = api.get(&path).await.expect(200);
        assert!(begun_anew > 0, "no death left a request to be begun anew");
        assert_eq!((&verification["findings"], &verification["holds"]), (&json!([]), &json!(true)));
    });
}

/// The request that makes a list, with an idempotency key, as API Gateway gives it to the function.
fn list_event(api: &Api, body: &Value, key: &str) -> Value {
    json!({
        "version": "2.0",
        "rawPath": "/v1/lists",
        "headers": { "authorization": format!("Bearer {}", api.key()), "idempotency-key": key },
        "body": body.to_string(),
        "requestContext": { "requestId": key, "http": { "method": "POST", "path": "/v1/lists", "sourceIp": "192.0.2.1" } },
    })
}
