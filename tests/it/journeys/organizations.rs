//! Organizations: what their owners set, who is let in, and what the operator sees and stops.

use std::time::Duration;

use carillon_testkit::Api;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Stage, World, config, journey, journey_alone, journey_in_time, run};

/// What the edge proves itself by, in journeys that tell where a client is.
pub const EDGE_KEY: &str = "0123456789abcdef0123456789abcdef";

/// The same caller at another address, behind an edge.
pub fn at(api: &Api, address: &str) -> Api {
    api.with_header("x-edge-key", EDGE_KEY).with_header("cloudfront-viewer-address", &format!("{address}:4711"))
}

async fn update(api: &Api, patch: Value) -> carillon_testkit::Answer {
    api.call(Method::PATCH, "/v1/organization", &patch).await
}

#[test]
fn an_owner_shapes_the_organization() {
    journey(async |world| {
        let (_, owner) = world.owner("ada").await;
        let before = owner.api.get("/v1/organization").await;
        let patch = json!({
            "name": " Bells & Co ", "locale": "pt-br", "time_zone": "europe/lisbon",
            "branding": { "logo_url": "https://bells.example/logo.png", "primary_colour": "#1A2B3C" },
            "retention": { "messages_days": 30 },
            "security": { "session_hours": 24, "step_up_minutes": 30, "step_up_on": ["new_device"] },
            "allowed_ip_ranges": ["127.0.0.0/8", "::1"],
        });

        let changed = update(&owner.api, patch).await;
        let cleared = update(&owner.api, json!({ "branding": { "logo_url": null }, "name": null })).await.expect(200);

        let (before, seen) = (before.header("etag").map(str::to_owned), changed.header("etag").map(str::to_owned));
        let now = changed.expect(200);
        assert_ne!(before, seen);
        assert_eq!((&now["name"], &now["locale"], &now["time_zone"]), (&json!("Bells & Co"), &json!("pt-BR"), &json!("Europe/Lisbon")));
        assert_eq!(now["branding"], json!({ "logo_url": "https://bells.example/logo.png", "primary_colour": "#1a2b3c" }));
        assert_eq!((&now["retention"]["messages_days"], &now["retention"]["campaigns_days"]), (&json!(30), &json!(400)));
        assert_eq!((&now["security"]["session_hours"], &now["security"]["step_up_on"]), (&json!(24), &json!(["new_device"])));
        assert_eq!(now["allowed_ip_ranges"], json!(["127.0.0.0/8", "::1/128"]));
        assert_eq!((&cleared["branding"], &cleared["name"]), (&json!({ "primary_colour": "#1a2b3c" }), &json!("Bells & Co")));
        assert_eq!(owner.api.get("/v1/organization").await.expect(200), cleared);

        let stale = seen.unwrap();
        let late = owner.api.call_with(Method::PATCH, "/v1/organization", (&json!({ "name": "Late" }), &[("if-match", &stale)])).await;
        assert_eq!((late.status, late.code().as_str()), (409, "identity.changed_meanwhile"));
    });
}

#[test]
fn everything_that_breaks_a_rule_is_told_at_once_and_nothing_changes() {
    journey(async |world| {
        let (_, owner) = world.owner("ada").await;
        let before = owner.api.get("/v1/organization").await.expect(200);
        let broken = json!({
            "name": "", "locale": "english", "time_zone": "Europe/Atlantis", "colour": "red",
            "branding": { "logo_url": "http://bells.example/logo.png", "primary_colour": "red" },
            "retention": { "messages_days": 1, "campaigns_days": 30 },
            "security": { "session_hours": 0, "step_up_on": ["password_reset"] },
            "allowed_ip_ranges": ["192.0.2.0/24", "192.0.2.1/24"],
        });

        let refused = update(&owner.api, broken).await;

        let mut pointers: Vec<String> = refused.problems().into_iter().map(|(pointer, _)| pointer).collect();
        pointers.sort();
        let expected = [
            "/allowed_ip_ranges/1",
            "/branding/logo_url",
            "/branding/primary_colour",
            "/colour",
            "/locale",
            "/name",
            "/retention/messages_days",
            "/security/session_hours",
            "/security/step_up_on",
            "/time_zone",
        ];
        assert_eq!((refused.status, pointers), (422, expected.map(str::to_owned).to_vec()), "{}", refused.text);
        assert_eq!(owner.api.get("/v1/organization").await.expect(200), before);
    });
}

#[test]
fn nobody_shuts_themselves_out_by_address_ranges_and_others_are_shut_out() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let stage = Stage::start(config(folder.path()).setting("EDGE_KEY", EDGE_KEY), Some(folder)).await;
        let person = carillon_testkit::Person::new("ada@belfry.example");
        let owner = at(&stage.operator, "192.0.2.7").owner(&person, "Belfry").await.api;
        let body = json!({ "name": "Shop", "permissions": ["organization.read"] });
        let key = owner.with_key(owner.post("/v1/api-keys", body).await.expect(201)["secret"].as_str().unwrap());

        let outside = update(&owner, json!({ "allowed_ip_ranges": ["198.51.100.0/24"] })).await;
        let _ = update(&owner, json!({ "allowed_ip_ranges": ["192.0.2.0/24", "2001:db8::/32"] })).await.expect(200);

        let problem = ("/allowed_ip_ranges".to_owned(), "organizations.own_address_outside".to_owned());
        assert_eq!((outside.status, outside.problems()), (422, vec![problem]), "{}", outside.text);
        for (address, status) in [("192.0.2.255", 200), ("2001:db8::7", 200), ("198.51.100.7", 403), ("2001:db9::7", 403)] {
            for caller in [&owner, &key] {
                let answer = at(caller, address).get("/v1/organization").await;
                assert_eq!(answer.status, status, "{address}: {}", answer.text);
                assert!(status == 200 || answer.code() == "caller.address_refused", "{}", answer.text);
            }
        }
        // One's own account is one's own, from wherever.
        assert_eq!(at(&owner, "198.51.100.7").get("/v1/me").await.status, 200);
        // Who makes an address up goes past the edge.
        let made_up = [("x-edge-key", "guessed"), ("cloudfront-viewer-address", "192.0.2.7:1")];
        let past = stage.operator.with_key(owner.key()).call_with(Method::GET, "/v1/organization", (&Value::Null, &made_up)).await;
        assert_eq!((past.status, past.code().as_str()), (403, "request.past_the_edge"));
    });
}

#[test]
fn an_organization_that_demands_a_second_factor_lets_nobody_in_without() {
    journey_in_time(async |world| {
        let (_, owner) = world.owner("ada").await;
        let device = owner.enrol_device(world.now()).await;
        let bob = world.person("bob");
        let _ = owner.api.post("/v1/invitations", json!({ "email": bob.email, "role": "admin" })).await.expect(201);
        let _ = world.api.accept_invitation(&bob).await.expect(201);
        let without = world.api.logged_in(&bob).await;
        assert_eq!(without.api.get("/v1/organization").await.status, 200);

        let _ = update(&owner.api, json!({ "security": { "second_factor_required": true } })).await.expect(200);

        // The owner's session has shown one; a key is no person.
        assert_eq!(owner.api.get("/v1/organization").await.status, 200);
        for refused in [
            without.api.get("/v1/organization").await,
            update(&without.api, json!({ "security": { "second_factor_required": false } })).await,
        ] {
            assert_eq!((refused.status, refused.code().as_str()), (403, "caller.second_factor_required"));
        }
        // Who is refused can enrol, and is let in.
        let bobs = without.enrol_device(world.now()).await;
        assert_eq!(without.api.get("/v1/organization").await.status, 200);
        world.advance(Duration::from_secs(90));
        let demand = world.api.log_in(&bob).await.expect(200);
        let again = world.api.prove_login(&demand, json!({ "code": bobs.code(world.now()) })).await;
        assert_eq!(carillon_testkit::Login::of(&world.api, again).api.get("/v1/organization").await.status, 200);
        assert!(!device.recovery_codes.is_empty());
    });
}

#[test]
fn the_operator_sees_all_organizations_and_how_large_they_are() {
    journey(async |world| {
        let operator = &world.stage.operator;
        let (_, owner) = world.owner("ada").await;
        let invited = world.person("bob");
        let _ = owner.api.post("/v1/invitations", json!({ "email": invited.email, "role": "viewer" })).await.expect(201);
        let _ = owner.api.post("/v1/roles", json!({ "name": "Editors", "permissions": ["templates.read"] })).await.expect(201);

        let mut listed = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = operator.get(&format!("/v1/operator/organizations?limit=2{cursor}")).await.expect(200);
            assert!(page["data"].as_array().unwrap().len() <= 2);
            listed.extend(page["data"].as_array().unwrap().clone());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let inspected = operator.get(&format!("/v1/operator/organizations/{}", owner.organization)).await.expect(200);

        let of = |id: String| listed.iter().find(|organization| organization["id"] == id).unwrap().clone();
        assert_eq!(inspected["figures"], json!({ "members": 1, "open_invitations": 1, "roles": 1, "api_keys": 0 }));
        assert_eq!(of(owner.organization.to_string())["figures"], inspected["figures"]);
        assert_eq!(of(world.organization.to_string())["figures"]["api_keys"], 1);
        assert_eq!((&inspected["name"], &inspected["owner"]), (&json!("Belfry"), &json!(owner.user)));
    });
}

#[test]
fn a_suspended_organization_is_closed_until_it_is_released() {
    journey(async |world| {
        let operator = world.stage.operator.clone();
        let (_, owner) = world.owner("ada").await;
        let body = json!({ "name": "Shop", "permissions": ["organization.read"] });
        let key = owner.api.with_key(owner.api.post("/v1/api-keys", body).await.expect(201)["secret"].as_str().unwrap());
        let bob = world.person("bob");
        let _ = owner.api.post("/v1/invitations", json!({ "email": bob.email, "role": "viewer" })).await.expect(201);
        let path = format!("/v1/operator/organizations/{}", owner.organization);
        let steer = async |caller: &Api, body: Value| caller.call(Method::PATCH, &path, &body).await;

        let reasonless = steer(&operator, json!({ "suspended": true })).await;
        let suspended = steer(&operator, json!({ "suspended": true, "reason": "complaints" })).await.expect(200);

        assert_eq!((reasonless.status, reasonless.problems()), (422, vec![("/reason".to_owned(), "operator.reason".to_owned())]));
        assert_eq!(suspended["suspended"]["reason"], "complaints");
        for caller in [&owner.api, &key] {
            let refused = caller.get("/v1/organization").await;
            assert_eq!((refused.status, refused.code().as_str()), (403, "caller.organization_suspended"));
            assert!(!refused.text.contains("complaints"), "{}", refused.text);
        }
        assert_eq!(owner.api.get("/v1/me").await.status, 200, "one's own account stays open");
        let nobody_joins = world.api.accept_invitation(&bob).await;
        assert_eq!((nobody_joins.status, nobody_joins.code().as_str()), (422, "identity.invitation_not_valid"), "{}", nobody_joins.text);
        for caller in [&owner.api, &key, &world.api] {
            let escape = steer(caller, json!({ "suspended": false })).await;
            assert_eq!(escape.status, 403, "{}", escape.text);
        }

        let _ = steer(&operator, json!({ "suspended": false })).await.expect(200);

        assert_eq!((owner.api.get("/v1/organization").await.status, key.get("/v1/organization").await.status), (200, 200));
        let _ = world.api.accept_invitation(&bob).await.expect(201);
    });
}

#[test]
fn the_operator_gives_a_plan_that_members_see_and_cannot_change() {
    journey(async |world| {
        let operator = &world.stage.operator;
        let (_, owner) = world.owner("ada").await;
        let path = format!("/v1/operator/organizations/{}", owner.organization);
        let before = owner.api.get("/v1/organization").await.expect(200);

        let own = update(&owner.api, json!({ "plan": "gold" })).await;
        let wrong = operator.call(Method::PATCH, &path, &json!({ "suspended": false, "plan": "Gold!" })).await;
        let changed = operator.call(Method::PATCH, &path, &json!({ "plan": "free" })).await.expect(200);
        let again = operator.call(Method::PATCH, &path, &json!({ "plan": "free" })).await.expect(200);
        let made = operator.post("/v1/organizations", json!({ "name": "Belfry", "plan": "gold" })).await.expect(201);

        for refused in [own, wrong] {
            let pointers: Vec<String> = refused.problems().into_iter().map(|(pointer, _)| pointer).collect();
            assert_eq!((refused.status, pointers), (422, vec!["/plan".to_owned()]), "{}", refused.text);
        }
        assert_eq!((&before["plan"], &changed["plan"], &made["plan"]), (&json!("standard"), &json!("free"), &json!("gold")));
        assert_eq!(again, changed, "who says the same again changes nothing");
        assert_eq!(owner.api.get("/v1/organization").await.expect(200)["plan"], "free");
        assert_eq!(operator.get(&path).await.expect(200)["plan"], "free");
        let told = owner.api.get("/v1/audit/records?function=organizations-steer").await.expect(200);
        let changes = &told["data"][0]["changes"];
        assert_eq!((&changes[0]["before"]["plan"], &changes[0]["after"]["plan"]), (&json!("standard"), &json!("free")), "{told}");
        assert_eq!(told["data"].as_array().unwrap().len(), 1);
        // The operator's own organization can be given one, too, though not suspended.
        let own = operator.get("/v1/organization").await.expect(200);
        world.give_plan(own["id"].as_str().unwrap().parse().unwrap(), "gold").await;
    });
}

#[test]
fn only_the_operator_operates() {
    journey(async |world| {
        let (_, owner) = world.owner("ada").await;
        let path = format!("/v1/operator/organizations/{}", world.organization);
        for caller in [&owner.api, &world.api] {
            for refused in [
                caller.get("/v1/operator/organizations").await,
                caller.get(&path).await,
                caller.call(Method::PATCH, &path, &json!({ "suspended": true, "reason": "spite" })).await,
                caller.post("/v1/organizations", json!({ "name": "Mine" })).await,
            ] {
                assert_eq!((refused.status, refused.code().as_str()), (403, "caller.may_not"), "{}", refused.text);
            }
        }
        let operator = &world.stage.operator;
        let organizations = operator.get("/v1/organization").await.expect(200);
        let own = format!("/v1/operator/organizations/{}", organizations["id"].as_str().unwrap());
        let refused = operator.call(Method::PATCH, &own, &json!({ "suspended": true, "reason": "by mistake" })).await;
        assert_eq!((refused.status, refused.code().as_str()), (409, "operator.own_organization"));
    });
}

#[test]
fn the_operator_makes_an_organization_and_invites_its_owner() {
    journey(async |world| {
        let ada = world.person("ada");
        let made = world.stage.operator.post("/v1/organizations", json!({ "name": "Belfry", "owner_email": ada.email })).await.expect(201);

        let accepted = world.api.accept_invitation(&ada).await.expect(201);
        let login = world.api.logged_in(&ada).await;

        assert_eq!((&accepted["role"], &accepted["organization_id"]), (&json!("owner"), &made["id"]));
        let shown = login.api.get("/v1/organization").await.expect(200);
        assert_eq!((&shown["id"], &shown["owner"]), (&made["id"], &json!(login.user)));
        // Only the operator invites an owner, and only the first.
        let second = login.api.post("/v1/invitations", json!({ "email": "eve@belfry.example", "role": "owner" })).await;
        assert_eq!((second.status, second.problems()), (422, vec![("/role".to_owned(), "identity.ownership_is_transferred".to_owned())]));
    });
}

/// The days until an item of a table ends, of all items that hold a text; the items' kinds are told by the end of their keys.
async fn days_kept(world: &World, table: &str, text: &str) -> Vec<(String, i64)> {
    let name = &world.stage.platform.tables()[table];
    let scan = world.stage.platform.clients().dynamodb.scan().table_name(name).consistent_read(true).into_paginator().items().send();
    let items = scan.collect::<Result<Vec<_>, _>>().await.unwrap();
    let items = items.into_iter().filter(|item| format!("{item:?}").contains(text));
    let days = items.filter_map(|item| {
        let ends: i64 = item.get("ttl")?.as_n().unwrap().parse().unwrap();
        Some((item["sk"].as_s().unwrap().clone(), (ends - world.now().as_second() + 3600) / 86_400))
    });
    days.collect()
}

#[test]
fn what_is_sent_is_kept_as_long_as_the_organization_says() {
    journey_alone(async |world| {
        let retention = json!({ "retention": { "messages_days": 7, "campaigns_days": 30 } });
        let _ = world.api.call(Method::PATCH, "/v1/organization", &retention).await.expect(200);
        let sender = world.mail_sender().await;
        let content = json!({ "subject": "Receipt", "html": "<p>Thanks</p>" });

        let message = json!({ "channel": "email", "to": "buyer@kept.example", "sender_id": sender, "content": content });
        let message = world.api.send_message(message).await;
        world.until("the message is delivered", async || world.api.message(message).await["status"] == "delivered").await;
        let (list, _) = world.subscribers(&["reader@kept.example"]).await;
        let campaign = world.mail_campaign(list).await;
        world.api.send_campaign(campaign).await;
        let _ = world.until_ended(campaign).await;
        world.settle().await;

        assert!(days_kept(&world, "EntitiesTable", &message.to_string()).await.iter().any(|(_, days)| *days == 7));
        for (run, days) in [(message.to_string(), 7), (campaign.to_string(), 30)] {
            let kept = days_kept(&world, "LedgerTable", &run).await;
            for kind in ["PLAN#", "STATE#"] {
                let of_kind = kept.iter().filter(|(sort, _)| sort.starts_with(kind) && !sort.ends_with("FACTS"));
                assert_eq!(of_kind.map(|(_, days)| *days).collect::<Vec<_>>(), [days], "{kind} of {run}: {kept:?}");
            }
            assert!(kept.iter().any(|(sort, days)| sort.ends_with("FACTS") && *days == 400), "{kept:?}");
        }
    });
}
