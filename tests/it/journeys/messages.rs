//! Single messages: at once, once, and never behind a campaign.

use carillon_contracts::SenderId;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Stage, config, journey, run};

fn receipt(sender: SenderId, to: &str) -> Value {
    let content = json!({ "subject": "Your receipt {{ number }}", "html": "<p>Thank you for {{ number }}</p>" });
    json!({ "channel": "email", "to": to, "sender_id": sender, "content": content, "data": { "number": "A-17" } })
}

#[test]
fn a_message_is_sent_and_followed_to_its_end() {
    journey(async |world| {
        let sender = world.mail_sender().await;

        let message = world.api.send_message(receipt(sender, "buyer@receipts.example")).await;
        world.until("the message is delivered", async || world.api.message(message).await["status"] == "delivered").await;

        let shown = world.api.message(message).await;
        assert!(shown["provider_id"].is_string(), "{shown}");
        let mail = world.api.outbox("to=buyer@receipts.example").await["items"][0].clone();
        assert_eq!((&mail["subject"], mail["to"][0].as_str()), (&json!("Your receipt A-17"), Some("buyer@receipts.example")));
        let names: Vec<&str> = mail["headers"].as_array().unwrap().iter().filter_map(|header| header["name"].as_str()).collect();
        assert!(!names.contains(&"List-Unsubscribe"), "a receipt is no marketing: {names:?}");
    });
}

#[test]
fn the_same_idempotency_key_sends_once_and_another_body_is_refused() {
    journey(async |world| {
        let sender = world.mail_sender().await;
        let key = [("idempotency-key", "order-17")];
        let send = async |to: &str| world.api.call_with(Method::POST, "/v1/messages", (&receipt(sender, to), &key)).await;

        let first = send("once@receipts.example").await;
        let again = send("once@receipts.example").await;
        let other = send("other@receipts.example").await;

        assert_eq!((first.status, again.status, other.status), (202, 202, 409), "{}", other.text);
        assert_eq!(first.json(), again.json());
        let id = first.json()["id"].as_str().unwrap().to_owned();
        world.until("it is sent", async || world.api.message(id.parse().unwrap()).await["status"] == "delivered").await;
        assert_eq!(world.api.outbox("to=once@receipts.example").await["items"].as_array().unwrap().len(), 1);
        assert!(world.api.outbox("to=other@receipts.example").await["items"].as_array().unwrap().is_empty());
    });
}

#[test]
fn nobody_who_is_suppressed_gets_a_message() {
    journey(async |world| {
        let sender = world.mail_sender().await;
        let _ = world.api.post("/v1/suppressions", json!({ "channel": "email", "address": "no@receipts.example" })).await.expect(201);

        let refused = world.api.post("/v1/messages", receipt(sender, "no@receipts.example")).await;

        assert_eq!((refused.status, refused.problems()), (422, vec![("/to".to_owned(), "messages.suppressed".to_owned())]));
    });
}

#[test]
fn a_message_overtakes_a_campaign_that_runs() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let mut slow = config(folder.path());
        slow.standins.ses.max_send_rate = 20.0;
        let world = Stage::start(slow, Some(folder)).await.organization("Bells").await;
        let list = world.import_subscribers(160).await;
        let campaign = world.mail_campaign(list).await;
        let sender = world.mail_sender().await;
        world.api.send_campaign(campaign).await;
        world.until("the campaign runs", async || !world.sent_to(campaign).await.is_empty()).await;

        let message = world.api.send_message(receipt(sender, "vip@receipts.example")).await;
        world.until("the message is out", async || world.api.message(message).await["status"] != "waiting").await;

        let sent = world.sent_to(campaign).await.len();
        assert!(sent < 140, "{sent} of 160 mails of the campaign were out before the message");
        let ended = world.until_ended(campaign).await;
        assert_eq!(ended["totals"]["sent"], 160);
    });
}
