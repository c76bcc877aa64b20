//! Members: how they become some (`invitations`), roles, removal, the ownership; and that nobody gives what they lack.

mod invitations;

use std::time::Duration;

use carillon_identity::invitation::link_token;
use carillon_kernel::Signer;
use carillon_testkit::{Answer, Api, Login, Person};
use reqwest::Method;
use serde_json::{Value, json};

use super::{World, journey, journey_in_time};

async fn invite(api: &Api, person: &Person, role: &str) -> Answer {
    api.post("/v1/invitations", json!({ "email": person.email, "role": role })).await
}

/// Makes somebody new a member, by the mailed link.
async fn join(world: &World, owner: &Login, (name, role): (&str, &str)) -> (Person, Login) {
    let person = world.person(name);
    let _ = invite(&owner.api, &person, role).await.expect(201);
    let _ = world.api.accept_invitation(&person).await.expect(201);
    let login = world.api.logged_in(&person).await;
    (person, login)
}

async fn change(api: &Api, user: impl std::fmt::Display, role: &str) -> Answer {
    api.call(Method::PATCH, &format!("/v1/members/{user}"), &json!({ "role": role })).await
}

async fn members(api: &Api) -> Vec<Value> {
    api.get("/v1/members?limit=100").await.expect(200)["data"].as_array().unwrap().clone()
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

/// The status with the code of the first problem.
fn problem(answer: &Answer) -> (u16, String, String) {
    let (pointer, code) = answer.problems().first().cloned().unwrap_or_default();
    (answer.status, pointer, code)
}

fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn accept(api: &Api, token: &str, person: &Person) -> Answer {
    api.as_nobody().post("/v1/invitations/accept", json!({ "token": token, "name": person.name, "password": person.password })).await
}

/// The token that the mail about an invitation has, for journeys that do not wait for the mail.
fn link(world: &World, owner: &Login, invitation: &Value) -> String {
    let setup = world.stage.platform.setup_of("invitations-accept").unwrap();
    let signer = Signer::new(&setup.secret("LINK_KEY").unwrap());
    link_token(&signer, owner.organization, invitation["id"].as_str().unwrap().parse().unwrap())
}

fn not_valid() -> (u16, String, String) {
    (422, "/token".to_owned(), "identity.invitation_not_valid".to_owned())
}

#[test]
fn a_changed_role_counts_from_the_next_request_on() {
    journey(async |world| {
        let (_, owner) = world.owner("ada").await;
        let (_, bob) = join(&world, &owner, ("bob", "viewer")).await;
        let create = async || bob.api.post("/v1/lists", json!({ "name": "Readers" })).await;

        let as_viewer = create().await;
        let changed = change(&owner.api, bob.user, "marketer").await;
        let as_marketer = create().await;
        let _ = change(&owner.api, bob.user, "viewer").await.expect(200);

        assert_eq!((told(&as_viewer), as_marketer.status), (refusal(403, "caller.may_not"), 201));
        assert_eq!(told(&create().await), refusal(403, "caller.may_not"));
        let stale = changed.header("etag").unwrap();
        let path = format!("/v1/members/{}", bob.user);
        let late = owner.api.call_with(Method::PATCH, &path, (&json!({ "role": "admin" }), &[("if-match", stale)])).await;
        assert_eq!(told(&late), refusal(409, "identity.changed_meanwhile"));
        assert_eq!(problem(&change(&owner.api, bob.user, "rol_00000000000000000000000001").await).2, "identity.role_unknown");
    });
}

#[test]
fn who_is_removed_is_out_at_once_and_stays_what_they_are_elsewhere() {
    journey(async |world| {
        let ((_, owner), (eve, at_home)) = (world.owner("ada").await, world.owner("eve").await);
        let _ = invite(&owner.api, &eve, "admin").await.expect(201);
        let token = world.api.mail_token(&eve.email, "accept-invitation").await;
        let _ = world.api.as_nobody().post("/v1/invitations/accept", json!({ "token": token })).await.expect(201);
        let mut credentials = eve.credentials();
        credentials["organization_id"] = json!(owner.organization);
        let there = Login::of(&world.api, world.api.as_nobody().post("/v1/auth/login", credentials.clone()).await);
        assert_eq!(there.api.get("/v1/members").await.status, 200);

        let removed = owner.api.delete(&format!("/v1/members/{}", there.user)).await;

        assert_eq!(removed.status, 204);
        assert_eq!(told(&there.api.get("/v1/members").await), refusal(401, "caller.unknown"));
        assert!(world.api.refresh(&there.refresh_token).await.status >= 400);
        assert!(world.api.as_nobody().post("/v1/auth/login", credentials).await.status >= 400);
        let into = json!({ "refresh_token": at_home.refresh_token, "organization_id": owner.organization });
        assert!(world.api.as_nobody().post("/v1/auth/refresh", into).await.status >= 400, "nor by the session of the other organization");
        assert_eq!(at_home.api.get("/v1/members").await.status, 200);
        assert_eq!(members(&owner.api).await.len(), 1);
        assert_eq!(told(&owner.api.delete(&format!("/v1/members/{}", there.user)).await), refusal(404, "identity.member_absent"));
    });
}

#[test]
fn a_member_is_logged_out_by_who_may_and_logs_in_again() {
    journey(async |world| {
        let (_, owner) = world.owner("ada").await;
        let ((_, marketer), (_, admin)) = (join(&world, &owner, ("bob", "marketer")).await, join(&world, &owner, ("carol", "admin")).await);
        let at = |user: &Login| format!("/v1/members/{}/sessions", user.user);

        assert_eq!(told(&marketer.api.delete(&at(&admin)).await), refusal(403, "caller.may_not"));
        assert_eq!(told(&admin.api.delete(&at(&owner)).await), refusal(409, "identity.owner_stays"));
        assert!(marketer.is_open().await);
        assert_eq!(admin.api.delete(&at(&marketer)).await.status, 204);

        assert_eq!(told(&marketer.api.get("/v1/contacts").await), refusal(401, "caller.unknown"));
        assert_eq!(world.api.refresh(&marketer.refresh_token).await.status, 401);
        assert!(owner.is_open().await && admin.is_open().await);
        assert_eq!(members(&owner.api).await.len(), 3, "nobody was removed");
        let record = owner.api.get("/v1/audit/records?function=members-log-out").await.expect(200)["data"][0].take();
        assert_eq!((&record["actor"], &record["changes"][0]["kind"]), (&json!(admin.user), &json!("session")), "{record}");
    });
}

#[test]
fn a_member_may_leave_and_the_owner_may_not() {
    journey(async |world| {
        let (_, owner) = world.owner("ada").await;
        let (_, admin) = join(&world, &owner, ("bob", "admin")).await;
        let at = |user: &Login| format!("/v1/members/{}", user.user);

        let by_admin = admin.api.delete(&at(&owner)).await;
        let demoted = change(&admin.api, owner.user, "viewer").await;
        let by_owner = owner.api.delete(&at(&owner)).await;
        let left = admin.api.delete(&at(&admin)).await;

        let stays = refusal(409, "identity.owner_stays");
        assert_eq!([told(&by_admin), told(&demoted), told(&by_owner)], [stays.clone(), stays.clone(), stays]);
        assert_eq!((left.status, admin.api.get("/v1/members").await.status), (204, 401));
        assert_eq!(owner.api.get("/v1/organization").await.expect(200)["owner"], owner.user.to_string());
    });
}

#[test]
fn the_ownership_is_transferred_by_the_owner_after_a_fresh_login() {
    journey_in_time(async |world| {
        let (ada, owner) = world.owner("ada").await;
        let (_, bob) = join(&world, &owner, ("bob", "viewer")).await;
        let transfer = async |api: &Api, heir: String| api.post("/v1/organization/owner", json!({ "user_id": heir })).await;
        let stranger = "usr_00000000000000000000000001".to_owned();

        let to_nobody = transfer(&owner.api, stranger).await;
        let by_another = transfer(&bob.api, bob.user.to_string()).await;
        let by_key = transfer(&world.api, bob.user.to_string()).await;
        world.advance(Duration::from_secs(16 * 60));
        let (owner, bob) = (owner.refreshed().await, bob.refreshed().await);
        let stale = transfer(&owner.api, bob.user.to_string()).await;
        let wrong = owner.api.post("/v1/auth/step-up", json!({ "password": "seven bells at noon" })).await;
        let still_stale = transfer(&owner.api, bob.user.to_string()).await;
        let _ = owner.api.post("/v1/auth/step-up", json!({ "password": ada.password })).await.expect(200);
        let transferred = transfer(&owner.api, bob.user.to_string()).await;

        assert_eq!(problem(&to_nobody), (422, "/user_id".to_owned(), "identity.member_unknown".to_owned()));
        assert_eq!((told(&by_another), told(&by_key)), (refusal(403, "caller.may_not"), refusal(403, "caller.may_not")));
        assert_eq!(told(&stale), refusal(403, "accounts.step_up_needed"));
        assert_eq!((wrong.status / 100, told(&still_stale)), (4, refusal(403, "accounts.step_up_needed")));
        assert_eq!(transferred.expect(200)["owner"], bob.user.to_string());
        let role = |list: &[Value], of: &Login| list.iter().find(|one| one["user_id"] == of.user.to_string()).unwrap()["role"].clone();
        let list = members(&bob.api).await;
        assert_eq!((role(&list, &owner), role(&list, &bob)), (json!("admin"), json!("owner")));
        assert_eq!(told(&transfer(&owner.api, owner.user.to_string()).await), refusal(403, "caller.may_not"));
        // Who was the owner may go now.
        assert_eq!(owner.api.delete(&format!("/v1/members/{}", owner.user)).await.status, 204);
    });
}

#[test]
fn nobody_gives_or_takes_what_they_lack() {
    journey(async |world| {
        let (_, owner) = world.owner("ada").await;
        let own = ["members.read", "members.write", "roles.read", "roles.write", "api_keys.read", "api_keys.write", "contacts.read"];
        let steward = owner.api.post("/v1/roles", json!({ "name": "Stewards", "permissions": own })).await.expect(201);
        let steward = steward["id"].as_str().unwrap().to_owned();
        let mighty = owner.api.post("/v1/roles", json!({ "name": "Editors", "permissions": ["templates.write"] })).await.expect(201);
        let mighty = mighty["id"].as_str().unwrap().to_owned();
        let key = owner.api.post("/v1/api-keys", json!({ "name": "Shop", "permissions": ["templates.write"] })).await.expect(201);
        let (_, admin) = join(&world, &owner, ("admin", "admin")).await;
        let (_, viewer) = join(&world, &owner, ("viewer", "viewer")).await;
        let (_, bob) = join(&world, &owner, ("bob", &steward)).await;
        let before =
            (members(&owner.api).await, owner.api.get("/v1/roles").await.expect(200), owner.api.get("/v1/api-keys").await.expect(200));

        let not_held = [
            invite(&bob.api, &world.person("eve"), "admin").await,
            invite(&bob.api, &world.person("eve"), "viewer").await,
            invite(&bob.api, &world.person("eve"), &mighty).await,
            change(&bob.api, bob.user, "admin").await,
            change(&bob.api, bob.user, &mighty).await,
            bob.api.post("/v1/roles", json!({ "name": "Mine", "permissions": ["contacts.read", "contacts.write"] })).await,
            bob.api.call(Method::PATCH, &format!("/v1/roles/{steward}"), &json!({ "permissions": ["audit.read", "members.write"] })).await,
            bob.api.post("/v1/api-keys", json!({ "name": "Mine", "permissions": ["contacts.read", "audit.read"] })).await,
            bob.api.post(&format!("/v1/api-keys/{}/rotate", key["id"].as_str().unwrap()), json!({})).await,
        ];
        let above = [
            change(&bob.api, admin.user, &steward).await,
            change(&bob.api, viewer.user, &steward).await,
            bob.api.delete(&format!("/v1/members/{}", admin.user)).await,
            bob.api.call(Method::PATCH, &format!("/v1/roles/{mighty}"), &json!({ "name": "Ours" })).await,
            bob.api.delete(&format!("/v1/roles/{mighty}")).await,
        ];
        let owned = [
            invite(&bob.api, &world.person("eve"), "owner").await,
            change(&admin.api, bob.user, "owner").await,
            change(&owner.api, bob.user, "owner").await,
        ];

        assert_eq!(not_held.each_ref().map(told), std::array::from_fn(|_| refusal(403, "identity.permissions_not_held")));
        let [member, role] = [refusal(403, "identity.member_above_caller"), refusal(403, "identity.role_above_caller")];
        assert_eq!(above.each_ref().map(told), [member.clone(), member.clone(), member, role.clone(), role]);
        let transferred = (422, "/role".to_owned(), "identity.ownership_is_transferred".to_owned());
        assert_eq!(owned.each_ref().map(problem), std::array::from_fn(|_| transferred.clone()));
        let reserved = owner.api.post("/v1/roles", json!({ "name": "Gods", "permissions": ["platform.operate"] })).await;
        assert_eq!((reserved.status, problem(&reserved).1), (422, "/permissions".to_owned()));
        let after =
            (members(&owner.api).await, owner.api.get("/v1/roles").await.expect(200), owner.api.get("/v1/api-keys").await.expect(200));
        assert_eq!(after, before);
        assert_eq!(owner.api.get("/v1/invitations").await.expect(200)["data"], json!([]));
        // What the steward has, the steward gives.
        let _ = invite(&bob.api, &world.person("eve"), &steward).await.expect(201);
    });
}

#[test]
fn the_members_of_a_role_follow_when_it_changes_however_many_they_are() {
    const MEMBERS: usize = 43;
    journey(async |world| {
        let (_, owner) = world.owner("ada").await;
        let body = json!({ "name": "Editors", "description": "Who writes", "permissions": ["templates.read"] });
        let role = owner.api.post("/v1/roles", body).await.expect(201);
        let path = format!("/v1/roles/{}", role["id"].as_str().unwrap());
        for number in 0..MEMBERS {
            let person = world.person(&format!("editor{number}"));
            let invited = invite(&owner.api, &person, role["id"].as_str().unwrap()).await.expect(201);
            let _ = accept(&world.api, &link(&world, &owner, &invited), &person).await.expect(201);
        }
        let login = world.api.logged_in(&world.person("editor0")).await;
        let reads = async || login.api.get("/v1/lists").await.status;
        let counted = owner.api.get("/v1/roles").await.expect(200);
        let counted = counted["data"].as_array().unwrap().iter().find(|one| one["id"] == role["id"]).unwrap()["members"].clone();
        assert_eq!((counted, reads().await), (json!(MEMBERS), 403));

        let changed =
            owner.api.call(Method::PATCH, &path, &json!({ "permissions": ["contacts.read"], "description": null })).await.expect(200);
        world
            .until("all members of the role may read contacts", async || {
                let list = members(&owner.api).await;
                list.iter().filter(|member| member["permissions"] == json!(["contacts.read"])).count() == MEMBERS
            })
            .await;

        assert_eq!(
            (&changed["version"], &changed["permissions"], changed.get("description")),
            (&json!(2), &json!(["contacts.read"]), None)
        );
        let applied = owner.api.get("/v1/audit/records?function=roles-apply").await.expect(200);
        assert_eq!(applied["data"][0]["changes"][0]["kind"], "member", "what is applied later is recorded, too: {applied}");
        assert_eq!((reads().await, login.api.get("/v1/templates").await.status), (200, 403));
        assert_eq!(told(&owner.api.delete(&path).await), refusal(409, "identity.role_in_use"));
    });
}

#[test]
fn a_role_that_nobody_has_is_deleted() {
    journey(async |world| {
        let (_, owner) = world.owner("ada").await;
        let role = owner.api.post("/v1/roles", json!({ "name": "Editors", "permissions": ["templates.read"] })).await.expect(201);
        let (id, path) = (role["id"].as_str().unwrap(), format!("/v1/roles/{}", role["id"].as_str().unwrap()));
        let (_, bob) = join(&world, &owner, ("bob", id)).await;
        let eve = world.person("eve");
        let _ = invite(&owner.api, &eve, id).await.expect(201);

        let in_use = owner.api.delete(&path).await;
        let _ = change(&owner.api, bob.user, "viewer").await.expect(200);
        let deleted = owner.api.delete(&path).await;

        assert_eq!((told(&in_use), deleted.status), (refusal(409, "identity.role_in_use"), 204));
        assert_eq!(told(&owner.api.delete(&path).await), refusal(404, "identity.role_absent"));
        assert_eq!(problem(&world.api.accept_invitation(&eve).await), not_valid(), "what the invitation offered is no more");
        assert_eq!(problem(&change(&owner.api, bob.user, id).await), (422, "/role".to_owned(), "identity.role_unknown".to_owned()));
    });
}
