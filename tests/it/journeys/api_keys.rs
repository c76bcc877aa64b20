//! API keys: what they are made with, from where and how long they hold, how their secrets change, and what is stored of them.

use std::time::Duration;

use carillon_testkit::{Answer, Api};
use serde_json::{Value, json};

use super::organizations::{EDGE_KEY, at};
use super::{Stage, World, config, journey, journey_in_time, run};

/// Makes a key that reads contacts, with more where that is said.
async fn create(api: &Api, with: Value) -> Answer {
    let mut body = json!({ "name": "Shop", "permissions": ["contacts.read"] });
    body.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    api.post("/v1/api-keys", body).await
}

/// The caller of a key that was just shown.
fn with(api: &Api, shown: &Value) -> Api {
    api.with_key(shown["secret"].as_str().unwrap())
}

async fn reads(api: &Api) -> (u16, String) {
    let answer = api.get("/v1/contacts").await;
    (answer.status, answer.code())
}

fn unknown() -> (u16, String) {
    (401, "caller.unknown".to_owned())
}

fn fine() -> (u16, String) {
    (200, String::new())
}

async fn listed(api: &Api, key: &Value) -> Value {
    let list = api.get("/v1/api-keys?limit=100").await.expect(200);
    list["data"].as_array().unwrap().iter().find(|one| one["id"] == key["id"]).unwrap().clone()
}

/// Everything in the tables, as text.
async fn stored(world: &World) -> String {
    let mut text = String::new();
    let platform = &world.stage.platform;
    for table in platform.tables().values() {
        let mut start = None;
        loop {
            let page = platform.clients().dynamodb.scan().table_name(table).set_exclusive_start_key(start).send().await.unwrap();
            text.push_str(&format!("{:?}", page.items()));
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
    }
    text
}

#[test]
fn a_key_is_shown_once_and_stored_as_a_hash_only() {
    journey(async |world| {
        let (_, owner) = world.owner("ada").await;

        let made = create(&owner.api, json!({ "ip_ranges": ["127.0.0.0/8"], "expires_at": "2099-01-01T00:00:00Z" })).await.expect(201);
        let unused = listed(&owner.api, &made).await;
        let key = with(&owner.api, &made);
        let used = reads(&key).await;
        let shown = listed(&owner.api, &made).await;

        let secret = made["secret"].as_str().unwrap();
        assert!(secret.starts_with("car_") && secret.starts_with(made["hint"].as_str().unwrap()), "{made}");
        assert_eq!((used, unused.get("last_used_at")), (fine(), None));
        assert!(shown["last_used_at"].is_string(), "{shown}");
        assert_eq!((&shown["hint"], &shown["ip_ranges"]), (&made["hint"], &json!(["127.0.0.0/8"])));
        assert_eq!((&shown["permissions"], &shown["expires_at"]), (&json!(["contacts.read"]), &json!("2099-01-01T00:00:00Z")));
        assert!(shown.get("secret").is_none() && !shown.to_string().contains("hash"), "{shown}");
        let stored = stored(&world).await;
        let hidden = &secret[made["hint"].as_str().unwrap().len()..];
        assert!(stored.contains(made["id"].as_str().unwrap()) && stored.contains("credential_hash"));
        assert!(!stored.contains(hidden), "the secret of a key is in a table");
        assert_eq!(key.get("/v1/templates").await.code(), "caller.may_not");
        assert_eq!(key.get("/v1/me").await.code(), "caller.may_not", "a key has no account");
    });
}

#[test]
fn everything_that_is_wrong_with_a_key_is_told_at_once() {
    journey(async |world| {
        let (_, owner) = world.owner("ada").await;
        let ranges: Vec<String> = (0..51).map(|last| format!("192.0.2.{last}")).collect();

        let empty = owner.api.post("/v1/api-keys", json!({ "ip_ranges": ranges })).await;
        let wrong = json!({ "name": "x\ny", "permissions": ["contacts.read", "bells.ring"], "ip_ranges": ["192.0.2.1/24"], "expires_at": "soon", "colour": 1 });
        let wrong = owner.api.post("/v1/api-keys", wrong).await;
        let over = create(&owner.api, json!({ "expires_at": "2020-01-01T00:00:00Z" })).await;
        let reserved = create(&owner.api, json!({ "permissions": ["account.use", "organization.own", "contacts.read"] })).await;

        let pointers = |answer: &Answer| {
            let mut pointers: Vec<String> = answer.problems().into_iter().map(|(pointer, _)| pointer).collect();
            pointers.sort();
            (answer.status, pointers)
        };
        let expected = |list: &[&str]| (422, list.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(pointers(&empty), expected(&["/ip_ranges", "/name", "/permissions"]));
        assert_eq!(pointers(&wrong), expected(&["/colour", "/expires_at", "/ip_ranges/0", "/name", "/permissions/1"]), "{}", wrong.text);
        assert_eq!((over.status, over.code().as_str()), (409, "identity.api_key_over"));
        assert_eq!(
            (reserved.status, reserved.code().as_str(), reserved.problems().len()),
            (403, "identity.permissions_not_held", 2),
            "{}",
            reserved.text
        );
    });
}

#[test]
fn a_key_makes_no_key_that_may_more_than_itself() {
    journey(async |world| {
        let (_, owner) = world.owner("ada").await;
        let maker = with(&owner.api, &create(&owner.api, json!({ "permissions": ["contacts.read", "api_keys.write"] })).await.expect(201));

        let more = create(&maker, json!({ "permissions": ["contacts.read", "contacts.write"] })).await;
        let less = create(&maker, json!({})).await.expect(201);

        let problem = ("/permissions".to_owned(), "identity.permissions_not_held".to_owned());
        assert_eq!((more.status, more.problems()), (403, vec![problem]), "{}", more.text);
        assert!(more.text.contains("contacts.write"));
        assert_eq!(reads(&with(&maker, &less)).await, fine());
    });
}

#[test]
fn after_a_rotation_both_secrets_hold_for_the_overlap_and_then_the_new_one_only() {
    journey_in_time(async |world| {
        let made = create(&world.api, json!({})).await.expect(201);
        let old = with(&world.api, &made);
        let path = format!("/v1/api-keys/{}/rotate", made["id"].as_str().unwrap());

        let rotated = world.api.post(&path, json!({ "overlap_seconds": 3600 })).await.expect(200);
        let new = with(&world.api, &rotated);

        assert_eq!((&rotated["id"], &rotated["permissions"]), (&made["id"], &made["permissions"]));
        assert_ne!(rotated["secret"], made["secret"]);
        assert!(listed(&world.api, &made).await["overlap_until"].is_string());
        assert_eq!((reads(&old).await, reads(&new).await), (fine(), fine()));
        world.advance(Duration::from_secs(3590));
        assert_eq!((reads(&old).await, reads(&new).await), (fine(), fine()));
        world.advance(Duration::from_secs(11));
        assert_eq!((reads(&old).await, reads(&new).await), (unknown(), fine()));

        let at_once = with(&world.api, &world.api.post(&path, json!({ "overlap_seconds": 0 })).await.expect(200));
        assert_eq!((reads(&new).await, reads(&at_once).await), (unknown(), fine()));
        let too_long = world.api.post(&path, json!({ "overlap_seconds": 604_801 })).await;
        assert_eq!(too_long.problems(), [("/overlap_seconds".to_owned(), "api_keys.overlap".to_owned())]);
    });
}

#[test]
fn a_key_ends_when_it_is_revoked_or_its_time_has_come() {
    journey_in_time(async |world| {
        let end = world.now() + Duration::from_secs(3600);
        let (revoked, expiring) =
            (create(&world.api, json!({})).await.expect(201), create(&world.api, json!({ "expires_at": end })).await.expect(201));
        let [gone, going] = [with(&world.api, &revoked), with(&world.api, &expiring)];
        assert_eq!((reads(&gone).await, reads(&going).await), (fine(), fine()));
        let path = format!("/v1/api-keys/{}", revoked["id"].as_str().unwrap());

        let first = world.api.delete(&path).await.status;
        let second = world.api.delete(&path).await.status;

        assert_eq!((first, second, reads(&gone).await), (204, 204, unknown()));
        assert!(listed(&world.api, &revoked).await["revoked_at"].is_string());
        let over = world.api.post(&format!("{path}/rotate"), json!({})).await;
        assert_eq!((over.status, over.code().as_str()), (409, "identity.api_key_over"));
        assert_eq!(reads(&going).await, fine());
        world.advance(Duration::from_secs(3600));
        assert_eq!(reads(&going).await, unknown());
    });
}

#[test]
fn a_key_that_is_in_use_is_revoked_all_the_same() {
    journey(async |world| {
        for _ in 0..5 {
            let made = create(&world.api, json!({})).await.expect(201);
            let (key, path) = (with(&world.api, &made), format!("/v1/api-keys/{}", made["id"].as_str().unwrap()));

            let (_, revoked) = futures::future::join(futures::future::join_all((0..4).map(|_| reads(&key))), world.api.delete(&path)).await;

            assert_eq!((revoked.status, reads(&key).await), (204, unknown()), "{}", revoked.text);
        }
    });
}

#[test]
fn a_key_is_used_from_its_own_networks_only() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let stage = Stage::start(config(folder.path()).setting("EDGE_KEY", EDGE_KEY), Some(folder)).await;
        let operator = at(&stage.operator, "192.0.2.7");
        let made = operator.post("/v1/organizations", json!({ "name": "Bells" })).await.expect(201);
        let api = with(&operator, &made["api_key"]);
        let key = with(&api, &create(&api, json!({ "ip_ranges": ["203.0.113.0/24", "2001:db8::/32"] })).await.expect(201));

        for (address, status) in
            [("203.0.113.1", 200), ("2001:db8:ffff::1", 200), ("203.0.114.1", 403), ("192.0.2.7", 403), ("2001:db9::", 403)]
        {
            let answer = at(&key, address).get("/v1/contacts").await;
            assert_eq!(answer.status, status, "{address}: {}", answer.text);
            assert!(status == 200 || answer.code() == "caller.address_refused", "{}", answer.text);
        }
    });
}
