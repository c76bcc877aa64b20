//! Providers fail, and nobody is lost or written to twice.

use carillon_contracts::CampaignId;
use serde_json::{Value, json};

use super::{World, journey_alone};

async fn sent_with_faults(world: &World, recipients: usize, knobs: Value) -> CampaignId {
    let list = world.import_subscribers(recipients).await;
    let campaign = world.mail_campaign(list).await;
    world.api.set_faults("ses", knobs).await;
    world.api.send_campaign(campaign).await;
    campaign
}

async fn everybody_got_it_once(world: &World, campaign: CampaignId, recipients: usize) {
    let sent = world.sent_to(campaign).await;
    assert_eq!((sent.len(), sent.values().max()), (recipients, Some(&1)));
    let figures = world.figures_equal_a_recount(campaign).await;
    assert_eq!((figures.sent, figures.failed, figures.in_doubt), (recipients as u64, 0, 0));
}

#[test]
fn a_throttle_is_waited_for_and_nobody_fails() {
    journey_alone(async |world| {
        let campaign = sent_with_faults(&world, 150, json!({ "throttle_per_second": 40 })).await;

        let ended = world.until_ended(campaign).await;

        assert_eq!(ended["status"], "sent");
        everybody_got_it_once(&world, campaign, 150).await;
    });
}

/// Looks at what is in doubt until nothing is. Nobody sends anything else: the account is quiet.
async fn resolve_doubt(world: &World, campaign: CampaignId) {
    world
        .until("the campaign has ended", async || {
            world.settle().await;
            world.run_schedule("sending-resolve-doubt").await;
            let status = world.api.campaign(campaign).await["status"].take();
            status == "sent" || status == "failed"
        })
        .await;
}

#[test]
fn mail_whose_acceptance_was_not_answered_is_known_by_its_events_and_not_sent_again() {
    journey_alone(async |world| {
        let campaign = sent_with_faults(&world, 60, json!({ "server_error_after_acceptance_share": 1.0 })).await;
        world.until("the mails are out", async || world.sent_to(campaign).await.len() == 60).await;
        world.api.set_faults("ses", json!({})).await;

        resolve_doubt(&world, campaign).await;

        everybody_got_it_once(&world, campaign, 60).await;
    });
}

#[test]
fn mail_that_was_refused_without_a_word_is_sent_again_when_its_absence_is_proven() {
    journey_alone(async |world| {
        let campaign = sent_with_faults(&world, 60, json!({ "refuse_share": 1.0 })).await;
        world.until("everybody is in doubt", async || world.api.figures(campaign).await["in_doubt"] == 60).await;
        assert!(world.sent_to(campaign).await.is_empty());
        world.api.set_faults("ses", json!({})).await;

        resolve_doubt(&world, campaign).await;

        everybody_got_it_once(&world, campaign, 60).await;
    });
}

#[test]
fn events_that_come_twice_and_in_the_wrong_order_count_once() {
    journey_alone(async |world| {
        let knobs = json!({ "event_duplicate_share": 1.0, "event_reorder_share": 1.0, "open_share": 0.5, "bounce_share": 0.2 });
        let campaign = sent_with_faults(&world, 60, knobs).await;

        let _ = world.until_ended(campaign).await;
        world.settle().await;

        let figures = world.figures_equal_a_recount(campaign).await;
        assert_eq!(figures.sent, 60);
        assert_eq!(figures.reported["delivered"] + figures.reported["bounced_hard"], 60);
    });
}

async fn texts_in_doubt(world: &World, policy: &str, knobs: Value) -> CampaignId {
    let numbers: Vec<String> = (0..12).map(|number| format!("+120255502{number:02}")).collect();
    let _ = world.text_readers("ring", &numbers.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let campaign = world.text_campaign("ring", policy).await;
    world.api.set_faults("twilio", knobs).await;
    world.api.send_campaign(campaign).await;
    campaign
}

#[test]
fn texts_whose_acceptance_was_not_answered_are_known_by_their_callbacks() {
    journey_alone(async |world| {
        let campaign = texts_in_doubt(&world, "at_most_once", json!({ "server_error_after_acceptance_share": 1.0 })).await;

        let ended = world.until_ended(campaign).await;

        assert_eq!((&ended["totals"]["sent"], &ended["totals"]["in_doubt"]), (&json!(12), &json!(0)), "{ended}");
        let sent = world.sent_to(campaign).await;
        assert_eq!((sent.len(), sent.values().max()), (12, Some(&1)));
    });
}

#[test]
fn texts_in_doubt_stay_so_under_at_most_once() {
    journey_alone(async |world| {
        let campaign = texts_in_doubt(&world, "at_most_once", json!({ "refuse_share": 1.0 })).await;
        world.until("everybody is in doubt", async || world.api.figures(campaign).await["in_doubt"] == 12).await;
        world.api.set_faults("twilio", json!({})).await;

        resolve_doubt(&world, campaign).await;

        let ended = world.api.campaign(campaign).await;
        assert_eq!((&ended["totals"]["sent"], &ended["totals"]["in_doubt"]), (&json!(0), &json!(12)), "{ended}");
        assert!(world.sent_to(campaign).await.is_empty());
        let _ = world.figures_equal_a_recount(campaign).await;
    });
}

#[test]
fn texts_in_doubt_are_sent_again_under_at_least_once() {
    journey_alone(async |world| {
        let campaign = texts_in_doubt(&world, "at_least_once", json!({ "refuse_share": 1.0 })).await;
        world.until("everybody is in doubt", async || world.api.figures(campaign).await["in_doubt"] == 12).await;
        world.api.set_faults("twilio", json!({})).await;

        resolve_doubt(&world, campaign).await;

        let ended = world.api.campaign(campaign).await;
        assert_eq!((&ended["totals"]["sent"], &ended["totals"]["in_doubt"]), (&json!(12), &json!(0)), "{ended}");
        assert_eq!(world.sent_to(campaign).await.len(), 12);
    });
}
