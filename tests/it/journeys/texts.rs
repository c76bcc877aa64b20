//! Campaigns of texts, and what people write back.

use serde_json::json;

use super::{World, journey};

#[test]
fn a_campaign_of_texts_shows_its_segments_before_and_its_outcomes_after() {
    journey(async |world| {
        let numbers = ["+12025550101", "+12025550102", "+12025559903"];
        let _ = world.text_readers("ring", &numbers).await;
        let campaign = world.text_campaign("ring", "at_most_once").await;

        let validation = world.api.steer(campaign, "validate").await.expect(200);
        world.api.send_campaign(campaign).await;
        let ended = world.until_ended(campaign).await;

        assert_eq!((&validation["valid"], &validation["estimate"]["contacts"]), (&json!(true), &json!(3)), "{validation}");
        let sms = &validation["estimate"]["sms"];
        assert_eq!((&sms["encoding"], &sms["segments_most"]), (&json!("gsm_7"), &json!(1)), "{validation}");
        assert_eq!((&ended["status"], &ended["totals"]["sent"]), (&json!("sent"), &json!(3)));
        let sent = world.sent_to(campaign).await;
        assert_eq!((sent.len(), sent.values().max()), (3, Some(&1)));
        world.until_figure(campaign, "delivered", 2).await;
        world.until_figure(campaign, "undelivered", 1).await;
        let _ = world.figures_equal_a_recount(campaign).await;
    });
}

#[test]
fn a_text_with_other_letters_is_counted_in_the_segments_that_it_needs() {
    journey(async |world| {
        let _ = world.text_readers("ring", &["+12025550111"]).await;
        let (sender, _) = world.text_sender().await;
        let content = json!({ "body": format!("{} — до встречи", "x".repeat(60)) });
        let campaign =
            json!({ "name": "Ring", "channel": "sms", "audience": { "tags": ["ring"] }, "sender_id": sender, "content": content });
        let campaign = world.api.create_campaign(campaign).await;

        let validation = world.api.steer(campaign, "validate").await.expect(200);

        let sms = &validation["estimate"]["sms"];
        assert_eq!((&sms["encoding"], &sms["segments_most"]), (&json!("ucs_2"), &json!(2)), "{validation}");
        assert_eq!(validation["estimate"]["billable_units"], 2);
    });
}

async fn write_back(world: &World, (from, to): (&str, &str), body: &str) {
    let inbound = json!({ "from": from, "to": to, "body": body });
    let received = world.api.post("/_twilio/inbound", inbound).await.expect(201);
    assert!(received["answered_status"].as_u64().is_some_and(|status| status < 300), "{received}");
}

#[test]
fn stop_ends_texts_start_brings_them_back_and_help_is_answered() {
    journey(async |world| {
        let number = "+12025550121";
        let contacts = world.text_readers("ring", &[number]).await;
        let (_, own) = world.text_sender().await;
        let suppressed = async || world.api.contact(contacts[0]).await["suppressed"]["sms"].take();

        write_back(&world, (number, &own), "Stop").await;
        world.until("STOP suppresses", async || suppressed().await == json!(["stop"])).await;
        let campaign = world.text_campaign_from(&own, "ring").await;
        world.api.send_campaign(campaign).await;
        let ended = world.until_ended(campaign).await;
        assert_eq!(ended["totals"]["skipped"], 1);
        assert!(world.sent_to(campaign).await.is_empty());

        write_back(&world, (number, &own), "START").await;
        world.until("START lifts it", async || suppressed().await == json!([])).await;
        let campaign = world.text_campaign_from(&own, "ring").await;
        world.api.send_campaign(campaign).await;
        let _ = world.until_ended(campaign).await;
        assert_eq!(world.sent_to(campaign).await.len(), 1);
    });
}

#[test]
fn help_in_other_words_than_twilios_is_answered_with_the_senders_text() {
    journey(async |world| {
        let number = "+12025550131";
        let _ = world.text_readers("ring", &[number]).await;
        let (_, own) = world.text_sender().await;

        // Twilio reads "HELP" itself and says so; "help!" it leaves to us.
        write_back(&world, (number, &own), "help!").await;

        world
            .until("the help text was sent", async || {
                let sent = world.api.outbox(&format!("channel=sms&to={}", number.replace('+', "%2B"))).await;
                sent["items"].as_array().unwrap().iter().any(|sms| sms["body"].as_str().unwrap_or_default().contains("help@bells.example"))
            })
            .await;
    });
}

#[test]
fn stop_and_start_are_heard_of_a_number_that_no_contact_has() {
    journey(async |world| {
        let (number, (_, own)) = ("+12025550129", world.text_sender().await);
        let suppressed = async || world.api.get("/v1/suppressions").await.expect(200)["data"].as_array().unwrap().len();

        write_back(&world, (number, &own), "STOP").await;
        world.until("STOP suppresses", async || suppressed().await == 1).await;
        write_back(&world, (number, &own), "START").await;

        world.until("START lifts it", async || suppressed().await == 0).await;
    });
}
