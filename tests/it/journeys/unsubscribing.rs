//! How recipients leave, and how nobody leaves by accident.

use carillon_contracts::{CampaignId, ContactId};
use carillon_testkit::{Answer, Api};
use serde_json::{Value, json};

use super::{Stage, World, config, journey, run};

async fn way_out(world: &World, campaign: CampaignId, to: &str) -> String {
    let page = world.api.outbox(&format!("campaign={campaign}&to={to}")).await;
    let headers = page["items"][0]["headers"].as_array().unwrap().clone();
    let header = headers.iter().find(|header| header["name"] == "List-Unsubscribe").unwrap();
    header["value"].as_str().unwrap().trim_matches(['<', '>']).to_owned()
}

async fn consent(world: &World, contact: ContactId) -> Value {
    world.api.contact(contact).await["consent"]["email"]["status"].take()
}

/// A mail program: no cookies, no key, an odd name.
async fn one_click(world: &World, link: &str, (content_type, body): (&str, &str)) -> Answer {
    let request = world.api.client().post(link).header("content-type", content_type).header("user-agent", "\u{b5}Mail/0.1 (scanner; bot)");
    Api::answer(request.body(body.to_owned())).await
}

#[test]
fn a_scanner_that_fetches_the_link_changes_nothing_and_one_click_unsubscribes() {
    journey(async |world| {
        let (list, contacts) = world.subscribers(&["form@leave.example", "parts@leave.example", "page@leave.example"]).await;
        let campaign = world.mail_campaign(list).await;
        world.api.send_campaign(campaign).await;
        let _ = world.until_ended(campaign).await;
        let bodies = [
            ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"),
            (
                "multipart/form-data; boundary=x",
                "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n",
            ),
            ("application/x-www-form-urlencoded", "answer=unsubscribe"),
        ];

        for ((contact, to), body) in contacts.iter().zip(["form", "parts", "page"]).zip(bodies) {
            let link = way_out(&world, campaign, &format!("{to}@leave.example")).await;
            for method in [reqwest::Method::GET, reqwest::Method::HEAD] {
                let _ = world.api.client().request(method, &link).send().await.unwrap();
            }
            assert_eq!(consent(&world, *contact).await, "subscribed");

            let answer = one_click(&world, &link, body).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let again = one_click(&world, &link, body).await;

            assert_eq!(again.status, 200, "{}", again.text);
            assert_eq!(consent(&world, *contact).await, "unsubscribed");
        }
        world.until_figure(campaign, "unsubscribed", 3).await;
    });
}

#[test]
fn a_scanner_that_follows_every_link_of_a_mail_unsubscribes_nobody() {
    journey(async |world| {
        let (list, contacts) = world.subscribers(&["machine@scan.example"]).await;
        let campaign = world.mail_campaign(list).await;

        world.api.send_campaign(campaign).await;
        let _ = world.until_ended(campaign).await;
        world.until("the machine has clicked", async || world.api.figures(campaign).await["clicked_by_machine"] == 1).await;

        assert_eq!(consent(&world, contacts[0]).await, "subscribed");
        assert_eq!(world.api.figures(campaign).await["clicked"], 0);
    });
}

#[test]
fn whoever_was_deleted_meanwhile_is_heard_all_the_same() {
    journey(async |world| {
        let (list, contacts) = world.subscribers(&["gone@late.example"]).await;
        let campaign = world.mail_campaign(list).await;
        world.api.send_campaign(campaign).await;
        let _ = world.until_ended(campaign).await;
        let link = way_out(&world, campaign, "gone@late.example").await;
        assert_eq!(world.api.delete(&format!("/v1/contacts/{}", contacts[0])).await.status, 204);

        let answer = one_click(&world, &link, ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click")).await;

        assert_eq!(answer.status, 200, "{}", answer.text);
        let suppressed = world.api.get("/v1/suppressions").await.expect(200);
        assert_eq!(suppressed["data"][0]["address"], "gone@late.example", "{suppressed}");
    });
}

#[test]
fn a_link_that_was_changed_is_none() {
    journey(async |world| {
        let (list, contacts) = world.subscribers(&["honest@forged.example"]).await;
        let campaign = world.mail_campaign(list).await;
        world.api.send_campaign(campaign).await;
        let _ = world.until_ended(campaign).await;
        let link = way_out(&world, campaign, "honest@forged.example").await;

        let forged = format!("{}x", link);
        let answer = one_click(&world, &forged, ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click")).await;

        assert_eq!(answer.status, 404);
        assert_eq!(consent(&world, contacts[0]).await, "subscribed");
    });
}

#[test]
fn whoever_unsubscribes_while_the_campaign_rests_is_not_written_to() {
    run(async {
        // Two mails a second: the campaign can be paused between its plans.
        let folder = tempfile::tempdir().unwrap();
        let mut slow = config(folder.path());
        slow.standins.ses.max_send_rate = 2.0;
        let world = Stage::start(slow, Some(folder)).await.organization("Bells").await;
        let addresses: Vec<String> = (0..8).map(|number| format!("reader{number}@pause.example")).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let (list, _) = world.subscribers(&addresses).await;
        let earlier = world.mail_campaign(list).await;
        world.api.send_campaign(earlier).await;
        let _ = world.until_ended(earlier).await;
        let campaign = world.mail_campaign(list).await;
        world.api.send_campaign(campaign).await;
        world.until("the first mails are out", async || !world.sent_to(campaign).await.is_empty()).await;

        let _ = world.api.steer(campaign, "pause").await.expect(200);
        world.settle().await;
        let sent = world.sent_to(campaign).await;
        let waiting: Vec<usize> = (0..8).filter(|place| !sent.contains_key(addresses[*place])).collect();
        assert!(waiting.len() >= 2, "too many mails went out before the pause: {sent:?}");
        let link = way_out(&world, earlier, addresses[waiting[0]]).await;
        assert_eq!(one_click(&world, &link, ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click")).await.status, 200);
        let _ = world.api.steer(campaign, "resume").await.expect(200);
        let ended = world.until_ended(campaign).await;

        let sent = world.sent_to(campaign).await;
        assert!(!sent.contains_key(addresses[waiting[0]]), "{sent:?}");
        assert_eq!((sent.len(), sent.values().max()), (7, Some(&1)));
        assert_eq!((&ended["totals"]["sent"], &ended["totals"]["suppressed"]), (&json!(7), &json!(1)));
        let figures = world.figures_equal_a_recount(campaign).await;
        assert_eq!((figures.sent, figures.suppressed), (7, 1));
        world.nothing_is_dead().await;
    });
}
