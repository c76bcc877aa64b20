//! Seals: what is done to the table is named by a verification, and sealing, as verifying, survives every death.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use carillon_dynamo::Value as AttributeValue;
use carillon_identity::audit::{Progress, Sealer, Verifier};
use carillon_testkit::{Api, Stopped, stop_at};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::{World, journey_alone, journey_in_time, run};
use super::{Item, Vandal, platform, records, rename, text, without_consumers};

/// Asks for a verification and waits for its outcome.
async fn verify(world: &World, api: &Api, head: Option<&Value>) -> Value {
    let asked = api.post("/v1/audit/verifications", json!({ "head": head })).await.expect(202);
    let path = format!("/v1/audit/verifications/{}", asked["id"].as_str().unwrap());
    world.until("the verification is done", async || api.get(&path).await.expect(200)["status"] == "done").await;
    api.get(&path).await.expect(200)
}

async fn seal(world: &World) {
    world.run_schedule("identity-seal-trail").await;
}

/// What a verification found: kinds, and the records or seals.
fn findings(verification: &Value) -> Vec<(String, Value)> {
    let found = verification["findings"].as_array().unwrap().iter();
    found
        .map(|finding| {
            (
                finding["kind"].as_str().unwrap().to_owned(),
                if finding["record"].is_null() { finding["seal"].clone() } else { finding["record"].clone() },
            )
        })
        .collect()
}

/// The record that the API shows of an item.
fn shown<'r>(records: &'r [Value], item: &Item) -> &'r Value {
    let is_same = |record: &&Value| record["at"] == text(item, "at") && record["request_id"] == text(item, "request_id");
    records.iter().find(is_same).unwrap()
}

#[test]
fn sealed_records_verify_and_whatever_is_done_to_the_table_is_named() {
    journey_in_time(async |world| {
        let (_, login) = world.owner("ada").await;
        let (api, vandal) = (&login.api, Vandal::new(&world, &login));
        let contact = api.create_contact(json!({ "email": "bell@ringers.example", "first_name": "Ada" })).await;
        seal(&world).await;
        rename(api, contact, &["Grace", "Edsger"]).await;
        seal(&world).await;
        rename(api, contact, &["Barbara"]).await;
        seal(&world).await;

        let clean = verify(&world, api, None).await;

        assert_eq!((&clean["holds"], &clean["findings"], &clean["checked"]["seals"]), (&json!(true), &json!([]), &json!(3)), "{clean}");
        let listed = records(api, "").await;
        let sealed = listed.iter().filter(|record| record["seal"].is_u64()).count();
        assert_eq!(clean["checked"]["records"], sealed);
        assert_eq!(clean["checked"]["waiting"], 1, "the record of the request itself waits: {clean}");
        assert_eq!(clean["head"]["number"], 3);

        let stored = vandal.records().await;
        let victim = stored.iter().find(|item| text(item, "changes").contains("Edsger")).unwrap();
        let id = shown(&listed, victim)["id"].clone();
        let found = async || findings(&verify(&world, api, None).await);

        vandal.put_with(victim, "changes", &text(victim, "changes").replace("Edsger", "Mallory")).await;
        assert_eq!(found().await, [("record_edited".to_owned(), id.clone())]);
        vandal.put_with(victim, "actor", "usr_mallory").await;
        assert_eq!(found().await, [("record_edited".to_owned(), id.clone())]);
        vandal.put_with(victim, "ip", "192.0.2.66").await;
        assert_eq!(found().await, [("origin_edited".to_owned(), id.clone())]);
        vandal.remove(victim).await;
        assert_eq!(found().await, [("record_removed".to_owned(), id.clone())]);
        vandal.put(victim).await;
        assert_eq!(found().await, []);

        let mut made_up = victim.clone();
        made_up.insert("sk".to_owned(), AttributeValue::S(format!("{}#00000000000000000bad", text(victim, "at"))));
        vandal.put(&made_up).await;
        let added = found().await;
        assert_eq!(added.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["record_added"], "{added:?}");
        vandal.remove(&made_up).await;

        let seals = vandal.items("SEALS").await;
        vandal.remove(&seals[1]).await;
        assert_eq!(found().await, [("seal_removed".to_owned(), json!(2))]);
        vandal.put_with(&seals[1], "made_at", "2020-01-01T00:00:00.000Z").await;
        assert_eq!(found().await, [("seal_edited".to_owned(), json!(2))]);
        let mut swapped = seals[0].clone();
        swapped.insert("sk".to_owned(), seals[1]["sk"].clone());
        vandal.put(&swapped).await;
        assert_eq!(found().await, [("seal_moved".to_owned(), json!(2))]);
        vandal.put(&seals[1]).await;
        assert_eq!(found().await, []);
    });
}

#[test]
fn a_trail_that_was_set_back_as_a_whole_is_told_by_a_head_that_somebody_kept() {
    journey_in_time(async |world| {
        let (_, login) = world.owner("ada").await;
        let (api, vandal) = (&login.api, Vandal::new(&world, &login));
        seal(&world).await;
        let before = vandal.items("SEALS").await;
        let contact = api.create_contact(json!({ "email": "bell@ringers.example", "first_name": "Ada" })).await;
        seal(&world).await;
        rename(api, contact, &["Grace"]).await;
        seal(&world).await;
        let kept = verify(&world, api, None).await["head"].clone();
        let is_head = |item: &&Item| text(item, "sk") == "HEAD";

        let after = vandal.items("SEALS").await;
        let last = after.iter().rfind(|item| !is_head(item)).unwrap();
        vandal.remove(last).await;
        assert!(findings(&verify(&world, api, None).await).contains(&("seal_removed".to_owned(), json!(3))), "the head tells");
        vandal.put(before.iter().find(is_head).unwrap()).await;
        let kinds: BTreeSet<String> = findings(&verify(&world, api, None).await).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, BTreeSet::from(["head_edited".to_owned(), "record_added".to_owned()]), "the seals and records behind it tell");

        for seal in after.iter().filter(|item| !is_head(item) && !before.iter().any(|kept| kept["sk"] == item["sk"])) {
            vandal.remove(seal).await;
        }
        for record in vandal.records().await.iter().filter(|record| record.get("seal").is_some_and(|seal| seal.as_n().unwrap() != "1")) {
            vandal.remove(record).await;
        }
        assert_eq!(verify(&world, api, None).await["holds"], true, "all of it fits together, and is not what it was");
        assert_eq!(findings(&verify(&world, api, Some(&kept)).await), [("head_lost".to_owned(), Value::Null)]);
    });
}

#[test]
fn a_sealer_that_dies_at_any_await_or_runs_many_times_at_once_seals_every_record_once() {
    journey_alone(async |world| {
        let (_, login) = world.owner("ada").await;
        let (api, vandal) = (&login.api, Vandal::new(&world, &login));
        let contact = api.create_contact(json!({ "email": "bell@ringers.example", "first_name": "Ada" })).await;
        let sealer = Sealer::from_setup(&world.stage.platform.setup_of("identity-seal-trail").unwrap()).unwrap();

        let mut died = 0;
        for count in 1.. {
            rename(api, contact, &[&format!("Ada {count}")]).await;
            match stop_at(count, sealer.run(world.now())).await {
                Stopped::Dropped => died += 1,
                Stopped::Ended(sealed) => {
                    assert!(sealed.unwrap() >= 1);
                    break;
                }
            }
        }
        let names: Vec<String> = (0..100).map(|number| format!("Grace {number}")).collect();
        rename(api, contact, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let (one, two, three, four) =
            tokio::join!(sealer.run(world.now()), sealer.run(world.now()), sealer.run(world.now()), sealer.run(world.now()));
        let sealed: usize = [one, two, three, four].into_iter().map(Result::unwrap).sum();
        let rest = sealer.run(world.now()).await.unwrap();

        assert!(died >= 5 && sealed + rest >= 2, "{died} deaths, {sealed} and {rest} seals");
        let mut covered: BTreeMap<String, u32> = BTreeMap::new();
        for seal in vandal.items("SEALS").await.iter().filter(|item| text(item, "sk") != "HEAD") {
            for record in seal["records"].as_l().unwrap() {
                *covered.entry(record.as_s().unwrap().split(' ').next().unwrap().to_owned()).or_default() += 1;
            }
        }
        let stored: BTreeMap<String, u32> = vandal.records().await.iter().map(|item| (text(item, "sk").to_owned(), 1)).collect();
        assert_eq!(covered, stored, "every record is covered by one seal");
        assert_eq!(findings(&verify(&world, api, None).await), []);
    });
}

/// A request that dies is begun anew with its `Idempotency-Key`, and makes what it would have made at its own moment; but it is done now.
#[test]
fn an_organization_whose_head_was_removed_is_not_sealed_any_further_and_keeps_nobody_else_from_it() {
    journey_in_time(async |world| {
        let ((_, ada), (_, eve)) = (world.owner("ada").await, world.owner("eve").await);
        seal(&world).await;
        let (vandal, other) = (Vandal::new(&world, &ada), Vandal::new(&world, &eve));
        let seals = vandal.items("SEALS").await;
        vandal.remove(seals.iter().find(|item| text(item, "sk") == "HEAD").unwrap()).await;
        let _ = (ada.api.create_list("Readers").await, eve.api.create_list("Readers").await);

        let refused = world.stage.platform.run_schedule("identity-seal-trail").await;

        assert!(refused.is_err(), "somebody must hear of it");
        assert_eq!((vandal.items("SEALS").await.len(), other.items("SEALS").await.len()), (1, 3));
        assert!(findings(&verify(&world, &ada.api, None).await).contains(&("head_removed".to_owned(), Value::Null)));
        assert_eq!(findings(&verify(&world, &eve.api, None).await), []);
    });
}

#[test]
fn what_an_erasure_takes_from_records_leaves_the_trail_whole() {
    journey_alone(async |world| {
        let (_, owner) = world.owner("ada").await;
        let bob = world.person("bob");
        let _ = owner.api.post("/v1/invitations", json!({ "email": bob.email, "role": "admin" })).await.expect(201);
        let _ = world.api.accept_invitation(&bob).await.expect(201);
        let login = world.api.logged_in(&bob).await;
        let _ = login.api.create_list("Readers").await;
        seal(&world).await;
        let _ = login.api.create_list("Writers").await;

        let _ = login.api.post("/v1/me/erase", json!({})).await.expect(202);
        world.settle().await;
        seal(&world).await;

        let of_bob = records(&owner.api, &format!("actor={}", login.user)).await;
        assert!(of_bob.len() >= 3 && of_bob.iter().all(|record| record["ip"].is_null() && record["user_agent"].is_null()), "{of_bob:?}");
        let verification = verify(&world, &owner.api, None).await;
        assert_eq!((&verification["holds"], findings(&verification)), (&json!(true), Vec::new()));
    });
}

#[test]
fn a_record_is_sealed_when_no_writer_can_come_before_it_any_more() {
    run(async {
        let world = platform(|config| config.setting("SEAL_SETTLING_SECONDS", "600")).await;
        let vandal = Vandal::of(&world, world.organization);
        seal(&world).await;
        assert_eq!(vandal.items("SEALS").await.len(), 0);
        world.advance(Duration::from_secs(590));
        let contact = world.api.create_contact(json!({ "email": "bell@ringers.example", "first_name": "Ada" })).await;
        world.advance(Duration::from_secs(20));

        seal(&world).await;

        let seals: Vec<Value> = records(&world.api, "").await.iter().map(|record| record["seal"].clone()).collect();
        assert_eq!(seals, [Value::Null, json!(1)], "the contact's waits, the organization's does not");
        world.advance(Duration::from_secs(600));
        rename(&world.api, contact, &["Grace"]).await;
        seal(&world).await;
        let verification = verify(&world, &world.api, None).await;
        assert_eq!((&verification["holds"], &verification["checked"]), (&json!(true), &json!({ "seals": 2, "records": 2, "waiting": 2 })));
    });
}

#[test]
fn a_verification_goes_on_step_by_step_and_dies_at_any_await_without_harm() {
    run(async {
        let world = without_consumers().await;
        let contact = world.api.create_contact(json!({ "email": "bell@ringers.example", "first_name": "Ada" })).await;
        for number in 0..12 {
            rename(&world.api, contact, &[&format!("Ada {number}")]).await;
            seal(&world).await;
        }
        let asked = world.api.post("/v1/audit/verifications", json!({})).await.expect(202);
        let id = asked["id"].as_str().unwrap();
        let verifier = Verifier::from_setup(&world.stage.platform.setup_of("identity-verify-trail").unwrap()).unwrap();

        let (mut deaths, mut parts) = (0, 0);
        for count in 1.. {
            // The time is always over already: each run is one step.
            match stop_at(count, verifier.verify((world.organization, id.parse().unwrap()), Timestamp::UNIX_EPOCH)).await {
                Stopped::Dropped => deaths += 1,
                Stopped::Ended(progress) => {
                    parts += 1;
                    if progress.unwrap() == Progress::Done {
                        break;
                    }
                }
            }
        }

        let done = world.api.get(&format!("/v1/audit/verifications/{id}")).await.expect(200);
        assert!(deaths >= 3 && parts >= 3, "{deaths} deaths, {parts} parts");
        assert_eq!((&done["holds"], &done["checked"]["seals"], &done["findings"]), (&json!(true), &json!(12), &json!([])), "{done}");
        assert_eq!(done["checked"]["records"], 14, "each once: that of the organization, of the contact, and of twelve names");
        let again = verifier.verify((world.organization, id.parse().unwrap()), Timestamp::MAX).await.unwrap();
        assert_eq!((again, world.api.get(&format!("/v1/audit/verifications/{id}")).await.expect(200)), (Progress::Done, done));
    });
}
