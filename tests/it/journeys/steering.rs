//! What people do with campaigns besides sending them: pause, resume, cancel, retry; and what they are told when something is missing.

use carillon_contracts::CampaignId;
use serde_json::json;

use super::{Stage, World, config, journey, journey_alone, run};

async fn slow_world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let mut slow = config(folder.path());
    slow.standins.ses.max_send_rate = 3.0;
    Stage::start(slow, Some(folder)).await.organization("Bells").await
}

async fn running(world: &World, recipients: usize) -> CampaignId {
    let list = world.import_subscribers(recipients).await;
    let campaign = world.mail_campaign(list).await;
    world.api.send_campaign(campaign).await;
    world.until("the campaign runs", async || !world.sent_to(campaign).await.is_empty()).await;
    campaign
}

#[test]
fn a_campaign_that_rests_sends_nothing_and_goes_on_where_it_was() {
    run(async {
        let world = slow_world().await;
        let campaign = running(&world, 15).await;

        let paused = world.api.steer(campaign, "pause").await.expect(200);
        world.settle().await;
        let before = world.sent_to(campaign).await.len();
        let again = world.api.steer(campaign, "pause").await;
        let resumed = world.api.steer(campaign, "resume").await.expect(200);
        let ended = world.until_ended(campaign).await;

        assert_eq!((&paused["status"], again.status, &resumed["status"]), (&json!("paused"), 200, &json!("sending")));
        assert!(before < 15, "{before}");
        let sent = world.sent_to(campaign).await;
        assert_eq!((sent.len(), sent.values().max()), (15, Some(&1)));
        assert_eq!(ended["totals"]["sent"], 15);
        world.nothing_is_dead().await;
    });
}

#[test]
fn a_campaign_that_is_cancelled_sends_nothing_more_and_says_to_whom_it_was_not_sent() {
    run(async {
        let world = slow_world().await;
        let campaign = running(&world, 15).await;

        let cancelled = world.api.steer(campaign, "cancel").await.expect(200);
        world.settle().await;

        assert_eq!(cancelled["status"], "cancelled");
        let sent = world.sent_to(campaign).await.len() as u64;
        let figures = world.figures_equal_a_recount(campaign).await;
        assert_eq!((figures.sent, figures.sent + figures.cancelled), (sent, 15));
        assert!(figures.cancelled > 0);
        let listed = world.api.recipients(campaign, Some("cancelled")).await;
        assert_eq!(listed.len() as u64, figures.cancelled);
        let resumed = world.api.steer(campaign, "resume").await;
        assert_eq!(resumed.status, 409, "{}", resumed.text);
        world.nothing_is_dead().await;
    });
}

#[test]
fn retrying_sends_to_those_who_failed_only() {
    journey_alone(async |world| {
        let list = world.import_subscribers(40).await;
        let campaign = world.mail_campaign(list).await;
        world.api.set_faults("ses", json!({ "fail_share": 0.4, "fail_status": "FAILED" })).await;
        world.api.send_campaign(campaign).await;
        let first = world.until_ended(campaign).await;
        let before = world.sent_to(campaign).await;
        let failed = first["totals"]["failed"].as_u64().unwrap();
        assert!(failed > 0 && failed < 40, "{first}");

        world.api.set_faults("ses", json!({})).await;
        let _ = world.api.steer(campaign, "retry-failed").await.expect(202);
        let ended = world.until_ended(campaign).await;

        assert_eq!((&ended["totals"]["sent"], &ended["totals"]["failed"]), (&json!(40), &json!(0)), "{ended}");
        let told = world.api.get("/v1/audit/records?function=campaigns-retry-failed").await.expect(200);
        assert_eq!(told["data"][0]["changes"][0]["id"], campaign.to_string(), "{told}");
        let after = world.sent_to(campaign).await;
        assert_eq!((after.len(), after.values().max()), (40, Some(&1)));
        assert_eq!(after.len() - before.len(), usize::try_from(failed).unwrap());
        let nothing = world.api.steer(campaign, "retry-failed").await;
        assert_eq!((nothing.status, nothing.code()), (409, "campaigns.nothing_failed".to_owned()));
        let _ = world.figures_equal_a_recount(campaign).await;
    });
}

#[test]
fn everything_that_is_missing_is_told_at_once() {
    journey(async |world| {
        let empty = world.api.create_list("Empty").await;
        let content = json!({ "subject": "", "html": "<p>{{ nobody_has_this }}</p>" });
        let campaign = json!({ "name": "Unready", "channel": "email", "audience": { "lists": [empty] }, "content": content });
        let campaign = world.api.create_campaign(campaign).await;

        let validation = world.api.steer(campaign, "validate").await.expect(200);
        let refused = world.api.steer(campaign, "send").await;

        let pointers: Vec<&str> =
            validation["problems"].as_array().unwrap().iter().filter_map(|problem| problem["pointer"].as_str()).collect();
        for expected in ["/content/subject", "/sender_id", "/audience"] {
            assert!(pointers.contains(&expected), "{expected} is not among {pointers:?}");
        }
        assert_eq!(refused.status, 422, "{}", refused.text);
        let told: Vec<String> = refused.problems().into_iter().map(|(pointer, _)| pointer).collect();
        assert_eq!(told, pointers);
        assert_eq!(world.api.campaign(campaign).await["status"], "draft");
    });
}

#[test]
fn a_body_with_wrong_shapes_and_broken_rules_is_answered_with_one_document() {
    journey(async |world| {
        let body = json!({ "name": 7, "channel": "pigeon", "colour": "red", "audience": { "tags": [""] } });

        let refused = world.api.post("/v1/campaigns", body).await;

        assert!((400..500).contains(&refused.status), "{}", refused.text);
        assert_eq!(refused.header("content-type"), Some("application/problem+json"));
        let told: Vec<String> = refused.problems().into_iter().map(|(pointer, _)| pointer).collect();
        for expected in ["/name", "/channel", "/colour"] {
            assert!(told.iter().any(|pointer| pointer == expected), "{expected} is not among {told:?}");
        }
    });
}

#[test]
fn what_belongs_to_another_organization_is_absent() {
    journey(async |world| {
        let (list, contacts) = world.subscribers(&["mine@tenant.example"]).await;
        let campaign = world.mail_campaign(list).await;
        let stranger = world.stage.organization("Strangers").await;

        for path in [format!("/v1/contacts/{}", contacts[0]), format!("/v1/lists/{list}"), format!("/v1/campaigns/{campaign}")] {
            assert_eq!(stranger.api.get(&path).await.status, 404, "{path}");
        }
        assert_eq!(stranger.api.steer(campaign, "send").await.status, 404);
        let theirs = json!({ "name": "Theft", "channel": "email", "audience": { "lists": [list] } });
        let theirs = stranger.api.create_campaign(theirs).await;
        let validation = stranger.api.steer(theirs, "validate").await.expect(200);
        let codes: Vec<&str> = validation["problems"].as_array().unwrap().iter().filter_map(|problem| problem["code"].as_str()).collect();
        assert!(codes.contains(&"campaigns.list_absent"), "{codes:?}");
    });
}
