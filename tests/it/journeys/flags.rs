//! What the operator turns off stops at once, waits without loss, and goes on by itself when it is on again.

use carillon_contracts::CampaignId;
use serde_json::{Value, json};

use super::{Stage, World, config, journey_alone, journey_in_time, run};

/// Turns one flag off and all others on.
async fn off(world: &World, flag: &str) {
    let mut flags = json!({});
    flags[flag] = json!({ "enabled": false });
    world.stage.operator.turn_flags(flags).await;
}

async fn on_again(world: &World) {
    world.stage.operator.turn_flags(json!({})).await;
}

/// How often functions asked for the flags.
fn questions(world: &World) -> u64 {
    let counts = world.stage.platform.meter().snapshot();
    counts.get("appconfig.GetLatestConfiguration").map_or(0, |used| used.requests)
}

/// Waits until flags were asked for some times more: what is held was looked at again and again.
async fn until_looked_at_again(world: &World, times: u64) {
    let before = questions(world);
    world.until("the flags were asked for again", async || questions(world) >= before + times).await;
}

async fn everybody_got_it_once(world: &World, campaign: CampaignId, expected: usize) {
    let ended = world.until_ended(campaign).await;
    let sent = world.sent_to(campaign).await;
    assert_eq!((sent.len(), sent.values().max()), (expected, Some(&1)), "{sent:?}");
    assert_eq!(ended["totals"]["sent"], expected, "{ended}");
    let figures = world.figures_equal_a_recount(campaign).await;
    assert_eq!((figures.sent, figures.failed, figures.in_doubt), (expected as u64, 0, 0), "{figures:?}");
}

/// A world whose account sends three mails a second.
async fn slow_world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let mut slow = config(folder.path());
    slow.standins.ses.max_send_rate = 3.0;
    Stage::start(slow, Some(folder)).await.organization("Bells").await
}

async fn running_mail_campaign(world: &World, recipients: usize) -> CampaignId {
    let list = world.import_subscribers(recipients).await;
    let campaign = world.mail_campaign(list).await;
    world.api.send_campaign(campaign).await;
    world.until("the campaign runs", async || !world.sent_to(campaign).await.is_empty()).await;
    campaign
}

async fn text_campaign(world: &World, recipients: usize) -> CampaignId {
    let numbers: Vec<String> = (0..recipients).map(|number| format!("+120255503{number:02}")).collect();
    let _ = world.text_readers("ring", &numbers.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.text_campaign("ring", "at_most_once").await
}

#[test]
fn mail_that_is_stopped_in_the_middle_of_a_campaign_waits_while_texts_go_on_and_nobody_gets_it_twice() {
    run(async {
        let world = slow_world().await;
        let mails = running_mail_campaign(&world, 12).await;

        off(&world, "email_sending").await;
        until_looked_at_again(&world, 6).await;
        let stopped_at = world.sent_to(mails).await.len();
        let texts = text_campaign(&world, 12).await;
        world.api.send_campaign(texts).await;
        everybody_got_it_once(&world, texts, 12).await;
        until_looked_at_again(&world, 20).await;

        assert!(stopped_at < 12, "{stopped_at}");
        assert_eq!(world.sent_to(mails).await.len(), stopped_at);
        let figures = world.figures_equal_a_recount(mails).await;
        assert_eq!((figures.sent as usize, figures.sent + figures.waiting, figures.in_doubt), (stopped_at, 12, 0), "{figures:?}");
        assert_eq!(world.api.campaign(mails).await["status"], "sending");
        world.nothing_is_dead().await;
        on_again(&world).await;

        everybody_got_it_once(&world, mails, 12).await;
        world.settle().await;
        world.nothing_is_dead().await;
        world.nobody_did_what_they_may_not();
    });
}

#[test]
fn a_campaign_that_starts_while_mail_is_stopped_keeps_its_plans_and_goes_on_at_the_schedules_next_turn() {
    journey_alone(async |world| {
        let list = world.import_subscribers(40).await;
        let campaign = world.mail_campaign(list).await;
        off(&world, "email_sending").await;

        world.api.send_campaign(campaign).await;
        world.settle().await;
        world.run_schedule("sending-release-on-schedule").await;
        world.run_schedule("sending-resolve-doubt").await;
        // Nothing circulates: the plans were not released.
        world.settle().await;
        assert!(world.sent_to(campaign).await.is_empty());
        let figures = world.figures_equal_a_recount(campaign).await;
        assert_eq!((figures.recipients, figures.waiting), (40, 40));
        on_again(&world).await;
        world.run_schedule("sending-release-on-schedule").await;

        everybody_got_it_once(&world, campaign, 40).await;
    });
}

#[test]
fn a_campaign_that_is_cancelled_while_mail_is_stopped_sends_nothing_afterwards() {
    run(async {
        let world = slow_world().await;
        let campaign = running_mail_campaign(&world, 12).await;
        off(&world, "email_sending").await;
        until_looked_at_again(&world, 6).await;
        let stopped_at = world.sent_to(campaign).await.len();

        let _ = world.api.steer(campaign, "cancel").await.expect(200);
        // What was held is put down.
        world.settle().await;
        on_again(&world).await;
        world.run_schedule("sending-release-on-schedule").await;
        world.settle().await;

        assert_eq!(world.sent_to(campaign).await.len(), stopped_at);
        let figures = world.figures_equal_a_recount(campaign).await;
        assert_eq!((figures.sent as usize, figures.sent + figures.cancelled), (stopped_at, 12), "{figures:?}");
    });
}

#[test]
fn texts_are_stopped_apart_from_mail() {
    journey_alone(async |world| {
        let campaign = text_campaign(&world, 12).await;
        let list = world.import_subscribers(20).await;
        let mails = world.mail_campaign(list).await;
        off(&world, "sms_sending").await;

        world.api.send_campaign(campaign).await;
        world.api.send_campaign(mails).await;
        everybody_got_it_once(&world, mails, 20).await;
        assert!(world.sent_to(campaign).await.is_empty());
        on_again(&world).await;
        world.run_schedule("sending-release-on-schedule").await;

        everybody_got_it_once(&world, campaign, 12).await;
    });
}

async fn status_of(world: &World, message: &Value) -> Value {
    world.api.get(&format!("/v1/messages/{}", message["id"].as_str().unwrap())).await.expect(200)["status"].take()
}

#[test]
fn single_messages_wait_too_while_mails_about_accounts_leave() {
    journey_alone(async |world| {
        let sender = world.mail_sender().await;
        let content = json!({ "subject": "Receipt", "html": "<p>Paid.</p>" });
        let message = json!({ "channel": "email", "to": "payer@bells.example", "sender_id": sender, "content": content });
        off(&world, "email_sending").await;

        let accepted = world.api.post("/v1/messages", message).await.expect(202);
        // Signing up needs the link in a mail, which goes the same way as the message before it.
        let _ = world.owner("ada").await;
        assert!(world.api.outbox("to=payer@bells.example").await["items"].as_array().unwrap().is_empty());
        assert_eq!(status_of(&world, &accepted).await, "waiting");
        on_again(&world).await;

        world.until("the message is sent", async || status_of(&world, &accepted).await != "waiting").await;
        world.settle().await;
        let sent = world.api.outbox("to=payer@bells.example").await;
        assert_eq!(sent["items"].as_array().unwrap().len(), 1, "{sent}");
    });
}

#[test]
fn nobody_new_signs_up_while_sign_up_is_off_and_those_who_are_there_log_in() {
    journey_alone(async |world| {
        let (ada, _) = world.owner("ada").await;
        let grace = world.person("grace");
        let answer = async || Box::pin(world.api.sign_up(&grace, "Cobolworks")).await;
        off(&world, "sign_up").await;

        world.until("sign-up is closed", async || answer().await.status == 403).await;
        assert_eq!(answer().await.code(), "accounts.sign_up_closed");
        let _ = world.api.logged_in(&ada).await;
        on_again(&world).await;

        world.until("sign-up is open", async || answer().await.status == 202).await;
    });
}

#[test]
fn no_import_starts_while_imports_are_off_and_the_same_one_does_later() {
    journey_alone(async |world| {
        let csv = b"email\nearly@import.example\n".to_vec();
        off(&world, "imports").await;
        let (import, refused) = world.api.import_csv(carillon_testkit::File { bytes: csv, options: json!({}) }).await;
        assert_eq!((refused.status, refused.code()), (403, "imports.closed".to_owned()), "{}", refused.text);
        on_again(&world).await;

        let _ = world.api.post(&format!("/v1/imports/{import}/start"), json!({})).await.expect(202);

        world.until("the import is completed", async || world.api.import(import).await["status"] == "completed").await;
    });
}

#[test]
fn while_appconfig_does_not_answer_what_was_off_stays_off_and_what_nobody_heard_of_is_on() {
    journey_in_time(async |world| {
        let list = world.import_subscribers(10).await;
        let campaign = world.mail_campaign(list).await;
        off(&world, "email_sending").await;
        world.api.send_campaign(campaign).await;
        world.settle().await;
        world.run_schedule("sending-release-on-schedule").await;

        world.stage.platform.flags().fall_silent();
        on_again(&world).await;
        for _ in 0..3 {
            world.run_schedule("sending-release-on-schedule").await;
            world.advance(std::time::Duration::from_secs(20));
        }
        world.settle().await;
        assert!(world.sent_to(campaign).await.is_empty());
        // Nobody asked for this flag before.
        assert_eq!(world.api.sign_up(&world.person("grace"), "Cobolworks").await.status, 202);
        world.stage.platform.flags().speak_again();
        world.run_schedule("sending-release-on-schedule").await;

        everybody_got_it_once(&world, campaign, 10).await;
    });
}

#[test]
fn a_flag_that_does_not_exist_is_not_turned() {
    journey_in_time(async |world| {
        let refused = world.stage.operator.put("/_flags", json!({ "email_sendin": { "enabled": false } })).await;

        assert_eq!(refused.status, 400, "{}", refused.text);
        let shown = world.stage.operator.get("/_flags").await.expect(200);
        assert_eq!(shown["email_sending"], json!({ "enabled": true }));
    });
}
