//! What hangs on a contact (addresses, tags, lists, suppressions) changes with it, whichever way it is changed.

use carillon_contracts::ContactId;
use carillon_testkit::File;
use reqwest::Method;
use serde_json::{Value, json};

use super::{World, journey};

fn path(contact: ContactId) -> String {
    format!("/v1/contacts/{contact}")
}

async fn suppressed(world: &World) -> Vec<String> {
    let listed = world.api.get("/v1/suppressions").await.expect(200);
    let mut addresses: Vec<String> =
        listed["data"].as_array().unwrap().iter().map(|one| one["address"].as_str().unwrap().to_owned()).collect();
    addresses.sort();
    addresses
}

async fn found(world: &World, query: &str) -> usize {
    world.api.get(&format!("/v1/contacts?{query}")).await.expect(200)["data"].as_array().unwrap().len()
}

async fn suppress(world: &World, (channel, address): (&str, &str)) {
    let _ = world.api.post("/v1/suppressions", json!({ "channel": channel, "address": address })).await.expect(201);
}

#[test]
fn an_address_that_a_contact_gives_up_is_free_and_one_that_is_suppressed_stays_so() {
    journey(async |world| {
        // Without a consent: mail that is no advertisement may go to it.
        let contact = world.api.create_contact(json!({ "email": "old@change.example", "phone": "+12025550170", "tags": ["bell"] })).await;
        suppress(&world, ("sms", "+12025550170")).await;

        let changed = json!({ "email": "new@change.example", "phone": "+12025550171" });
        let changed = world.api.call(Method::PATCH, &path(contact), &changed).await.expect(200);

        assert_eq!((&changed["email"], &changed["phone"]), (&json!("new@change.example"), &json!("+12025550171")));
        let other = world.api.create_contact(json!({ "email": "old@change.example", "phone": "+12025550170" })).await;
        let other = world.api.contact(other).await;
        assert_eq!(other["suppressed"]["sms"], json!(["manual"]), "{other}");
        assert_eq!(suppressed(&world).await, ["+12025550170"]);
    });
}

#[test]
fn a_consent_that_is_withdrawn_by_hand_keeps_marketing_away() {
    journey(async |world| {
        let (list, contacts) = world.subscribers(&["stays@hand.example", "leaves@hand.example"]).await;

        let withdrawn = json!({ "consent": { "email": { "status": "unsubscribed", "source": "a letter" } } });
        let _ = world.api.call(Method::PATCH, &path(contacts[1]), &withdrawn).await.expect(200);

        let campaign = world.mail_campaign(list).await;
        world.api.send_campaign(campaign).await;
        let _ = world.until_ended(campaign).await;
        assert_eq!(world.sent_to(campaign).await.into_keys().collect::<Vec<_>>(), ["stays@hand.example"]);
    });
}

#[test]
fn a_contact_that_is_deleted_leaves_its_tags_and_lists_and_its_suppressions_stay() {
    journey(async |world| {
        let (list, contacts) = world.subscribers(&["gone@delete.example", "kept@delete.example"]).await;
        let _ = world.api.put(&format!("{}/tags/vip", path(contacts[0])), Value::Null).await.expect(200);
        suppress(&world, ("email", "kept@delete.example")).await;

        for contact in &contacts {
            assert_eq!(world.api.delete(&path(*contact)).await.status, 204);
        }

        assert_eq!((found(&world, &format!("list_id={list}")).await, found(&world, "tag=vip").await), (0, 0));
        assert_eq!(suppressed(&world).await, ["kept@delete.example"]);
    });
}

#[test]
fn a_suppression_is_lifted_of_an_address_that_somebody_has_and_of_one_that_nobody_has() {
    journey(async |world| {
        let contact = world.api.create_subscriber("somebody@lift.example").await;
        for address in ["somebody@lift.example", "nobody@lift.example"] {
            suppress(&world, ("email", address)).await;
        }
        assert_eq!(world.api.contact(contact).await["suppressed"]["email"], json!(["manual"]));

        for address in ["somebody%40lift.example", "nobody%40lift.example"] {
            assert_eq!(world.api.delete(&format!("/v1/suppressions/email/{address}")).await.status, 204);
        }

        assert!(suppressed(&world).await.is_empty());
        assert_eq!(world.api.contact(contact).await["suppressed"]["email"], json!([]));
    });
}

#[test]
fn a_file_changes_contacts_that_are_there_with_all_that_hangs_on_them() {
    journey(async |world| {
        let contact = world.api.create_contact(json!({ "email": "known@file.example", "phone": "+12025550172" })).await;
        suppress(&world, ("sms", "+12025550173")).await;
        let list = world.api.create_list("Readers").await;
        let csv = b"email,phone,first_name\nknown@file.example,+12025550173,Ada\nnew@file.example,,Grace\n".to_vec();

        let options = json!({ "list_ids": [list], "tags": ["fresh"], "consent": { "email": "a form" }, "update_existing": true });
        let (import, answer) = world.api.import_csv(File { bytes: csv, options }).await;
        let _ = answer.expect(202);
        world.until("the import is completed", async || world.api.import(import).await["status"] == "completed").await;

        let known = world.api.contact(contact).await;
        assert_eq!((&known["phone"], &known["first_name"]), (&json!("+12025550173"), &json!("Ada")), "{known}");
        assert_eq!((&known["tags"], &known["suppressed"]["sms"]), (&json!(["fresh"]), &json!(["manual"])), "{known}");
        assert_eq!((found(&world, &format!("list_id={list}")).await, found(&world, "tag=fresh").await), (2, 2));
    });
}

#[test]
fn a_list_of_few_among_many_is_read_whole() {
    journey(async |world| {
        let _ = world.import_subscribers(300).await;
        let mut few: Vec<ContactId> = Vec::new();
        let mut query = "limit=100".to_owned();
        loop {
            let page = world.api.get(&format!("/v1/contacts?{query}")).await.expect(200);
            few.extend(
                page["data"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .step_by(8)
                    .map(|contact| contact["id"].as_str().unwrap().parse::<ContactId>().unwrap()),
            );
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            query = format!("limit=100&cursor={cursor}");
        }
        let list = world.api.create_list("Few").await;
        world.api.add_members(list, &few).await;
        let campaign = world.mail_campaign(list).await;

        let listed = found(&world, &format!("limit=100&list_id={list}")).await;
        let validation = world.api.steer(campaign, "validate").await.expect(200);
        world.api.send_campaign(campaign).await;
        let ended = world.until_ended(campaign).await;

        assert!(few.len() > 30, "{few:?}");
        assert_eq!(
            (listed, &validation["valid"], &ended["totals"]["sent"]),
            (few.len(), &json!(true), &json!(few.len())),
            "{validation} {ended}"
        );
    });
}
