//! A mail campaign, from the list to the last event.

use serde_json::{Value, json};

use super::{World, journey};

fn headers(mail: &Value, name: &str) -> Vec<String> {
    let all = mail["headers"].as_array().unwrap();
    all.iter().filter(|header| header["name"] == name).map(|header| header["value"].as_str().unwrap().to_owned()).collect()
}

fn tag<'a>(mail: &'a Value, name: &str) -> Option<&'a str> {
    mail["tags"].as_array().unwrap().iter().find(|tag| tag["name"] == name).and_then(|tag| tag["value"].as_str())
}

#[test]
fn a_campaign_reaches_everybody_who_may_be_written_to_once_and_ends_by_itself() {
    journey(async |world| {
        let (list, contacts) =
            world.subscribers(&["a@deliver.example", "b@deliver.example", "gone@deliver.example", "left@deliver.example"]).await;
        let silent = world.api.create_contact(json!({ "email": "silent@deliver.example", "first_name": "Eve" })).await;
        let phone_only = world.api.create_contact(json!({ "phone": "+12025550100" })).await;
        world.api.add_members(list, &[silent, phone_only, contacts[0]]).await;
        let _ = world.api.post("/v1/suppressions", json!({ "channel": "email", "address": "GONE@deliver.example" })).await.expect(201);
        let left = json!({ "consent": { "email": { "status": "unsubscribed" } } });
        let _ = world.api.call(reqwest::Method::PATCH, &format!("/v1/contacts/{}", contacts[3]), &left).await.expect(200);
        let campaign = world.mail_campaign(list).await;

        world.api.send_campaign(campaign).await;
        let ended = world.until_ended(campaign).await;

        assert_eq!(ended["status"], "sent");
        let sent = world.sent_to(campaign).await;
        assert_eq!(sent.into_iter().collect::<Vec<_>>(), [("a@deliver.example".to_owned(), 1), ("b@deliver.example".to_owned(), 1)]);
        world.until_figure(campaign, "delivered", 2).await;
        let figures = world.figures_equal_a_recount(campaign).await;
        assert_eq!((figures.recipients, figures.sent), (2, 2));
        assert_eq!(figures.skipped.values().sum::<u64>(), 4, "{:?}", figures.skipped);
        assert_eq!(ended["totals"]["sent"], 2);
    });
}

#[test]
fn every_mail_carries_a_way_out_a_plain_text_part_and_the_tags_that_name_it() {
    journey(async |world| {
        let (list, _) = world.subscribers(&["reader@headers.example"]).await;
        let campaign = world.mail_campaign(list).await;

        world.api.send_campaign(campaign).await;
        let _ = world.until_ended(campaign).await;

        let page = world.api.outbox(&format!("campaign={campaign}")).await;
        let mail = &page["items"][0];
        let way_out = headers(mail, "List-Unsubscribe");
        assert_eq!(way_out.len(), 1, "{mail}");
        assert!(way_out[0].starts_with(&format!("<{}/u/", world.api.url())) && way_out[0].ends_with('>'));
        assert_eq!(headers(mail, "List-Unsubscribe-Post"), ["List-Unsubscribe=One-Click"]);
        let link = way_out[0].trim_matches(['<', '>']);
        assert!(mail["html"].as_str().unwrap().contains(link), "{mail}");
        assert!(mail["text"].as_str().unwrap().contains(link), "{mail}");
        assert_eq!(mail["subject"], "Hello Ada");
        assert!(mail["text"].as_str().unwrap().contains("Ring, Ada"));
        assert_eq!(tag(mail, "carillon_org"), Some(world.organization.to_string().as_str()));
        assert_eq!(tag(mail, "carillon_run"), Some(campaign.to_string().as_str()));
        let place = ["carillon_plan", "carillon_entry", "carillon_attempt"].map(|name| tag(mail, name).unwrap());
        assert_eq!(place, ["0"; 3]);
    });
}

#[test]
fn what_became_of_every_mail_is_shown_and_bounces_and_complaints_suppress() {
    journey(async |world| {
        let addresses = [
            "one@bounce.example",
            "two@complain.example",
            "three@click.example",
            "four@soft-bounce.example",
            "five@fine.example",
            "six@reject.example",
        ];
        let (list, contacts) = world.subscribers(&addresses).await;
        let campaign = world.mail_campaign(list).await;

        world.api.send_campaign(campaign).await;
        let _ = world.until_ended(campaign).await;
        for (name, count) in
            [("bounced_hard", 1), ("complained", 1), ("clicked", 1), ("bounced_soft", 1), ("rejected", 1), ("delivered", 3)]
        {
            world.until_figure(campaign, name, count).await;
        }

        let figures = world.figures_equal_a_recount(campaign).await;
        assert_eq!((figures.sent, figures.failed), (6, 0));
        for (state, address) in
            [("bounced", "one@bounce.example"), ("complained", "two@complain.example"), ("delivered", "three@click.example")]
        {
            let listed = world.api.recipients(campaign, Some(state)).await;
            assert!(listed.iter().any(|recipient| recipient["address"] == address), "{state}: {listed:?}");
        }
        for (contact, reason) in [(contacts[0], "hard_bounce"), (contacts[1], "complaint")] {
            world
                .until("the address is suppressed", async || world.api.contact(contact).await["suppressed"]["email"] == json!([reason]))
                .await;
        }
        assert_eq!(world.api.contact(contacts[3]).await["suppressed"]["email"], json!([]));
        let suppressed = world.api.get("/v1/suppressions").await.expect(200);
        assert_eq!(suppressed["data"].as_array().unwrap().len(), 2);
        nobody_suppressed_is_sent_to_again(&world, list, campaign).await;
    });
}

async fn nobody_suppressed_is_sent_to_again(world: &World, list: carillon_contracts::ListId, first: carillon_contracts::CampaignId) {
    let second = world.mail_campaign(list).await;
    world.api.send_campaign(second).await;
    let _ = world.until_ended(second).await;
    assert_eq!(world.sent_to(first).await.len(), 6);
    assert_eq!(world.sent_to(second).await.len(), 4);
}

#[test]
fn a_template_without_the_fields_of_some_fails_for_them_alone() {
    journey(async |world| {
        let (list, _) = world.subscribers(&["named@fields.example"]).await;
        let consent = json!({ "email": { "status": "subscribed", "source": "test" } });
        let nameless = world.api.create_contact(json!({ "email": "nameless@fields.example", "consent": consent })).await;
        world.api.add_members(list, &[nameless]).await;
        let campaign = world.mail_campaign(list).await;

        world.api.send_campaign(campaign).await;
        let ended = world.until_ended(campaign).await;

        assert_eq!((&ended["totals"]["sent"], &ended["totals"]["failed"]), (&json!(1), &json!(1)));
        let failed = world.api.recipients(campaign, Some("failed")).await;
        assert_eq!(failed[0]["address"], "nameless@fields.example");
        assert!(failed[0]["reason"].is_string(), "{failed:?}");
    });
}

#[test]
fn a_campaign_whose_audience_may_not_be_written_to_ends_and_says_so() {
    journey(async |world| {
        let list = world.api.create_list("Nobody").await;
        let contact = world.api.create_contact(json!({ "email": "quiet@nobody.example", "first_name": "Eve" })).await;
        world.api.add_members(list, &[contact]).await;
        let campaign = world.mail_campaign(list).await;

        world.api.send_campaign(campaign).await;
        let ended = world.until_ended(campaign).await;

        assert_eq!((&ended["status"], &ended["totals"]["recipients"], &ended["totals"]["skipped"]), (&json!("sent"), &json!(0), &json!(1)));
    });
}
