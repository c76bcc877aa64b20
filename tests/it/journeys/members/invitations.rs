//! Invitations: how somebody becomes a member, and when a link is worth nothing.

use std::time::Duration;

use carillon_testkit::Login;
use serde_json::{Value, json};

use super::super::{journey, journey_in_time};
use super::{accept, invite, link, members, not_valid, problem, refusal, told};

#[test]
fn somebody_new_is_invited_by_mail_and_becomes_a_member() {
    journey(async |world| {
        let ((_, owner), bob) = (world.owner("ada").await, world.person("bob"));

        let invited = invite(&owner.api, &bob, "marketer").await.expect(201);
        let open = owner.api.get("/v1/invitations").await.expect(200);
        let token = world.api.mail_token(&bob.email, "accept-invitation").await;
        let accepted = accept(&world.api, &token, &bob).await.expect(201);

        assert_eq!((&open["data"][0]["id"], &open["data"][0]["email"]), (&invited["id"], &json!(bob.email)));
        assert!(!open.to_string().contains(&token), "the link is the mail's alone");
        assert_eq!((&accepted["role"], &accepted["is_new_user"]), (&json!("marketer"), &json!(true)));
        let login = world.api.logged_in(&bob).await;
        assert_eq!(login.organization, owner.organization);
        let permissions = login.api.get("/v1/me").await.expect(200)["permissions"].take();
        let may = |permission: &str| permissions.as_array().unwrap().contains(&json!(permission));
        assert!(may("campaigns.send") && may("account.use") && !may("members.read"), "{permissions}");
        let listed = members(&owner.api).await;
        let listed = listed.iter().find(|member| member["user_id"] == login.user.to_string()).unwrap();
        assert_eq!((&listed["name"], &listed["email"], &listed["role"]), (&json!(bob.name), &json!(bob.email), &json!("marketer")));
        assert_eq!(listed["invited_by"], owner.user.to_string());
        assert_eq!(owner.api.get("/v1/invitations").await.expect(200)["data"], json!([]));
        assert_eq!(problem(&accept(&world.api, &token, &bob).await), not_valid(), "a link is good once");
    });
}

#[test]
fn an_acceptance_that_lacks_something_is_told_all_of_it_and_uses_nothing_up() {
    journey(async |world| {
        let ((_, owner), bob) = (world.owner("ada").await, world.person("bob"));
        let _ = invite(&owner.api, &bob, "viewer").await.expect(201);
        let token = world.api.mail_token(&bob.email, "accept-invitation").await;

        let bare = world.api.as_nobody().post("/v1/invitations/accept", json!({ "token": token })).await;
        let weak =
            world.api.as_nobody().post("/v1/invitations/accept", json!({ "token": token, "name": "Bob", "password": "password123" })).await;
        let none = world.api.as_nobody().post("/v1/invitations/accept", json!({})).await;

        let problems = [("/name", "invitations.name"), ("/password", "invitations.password")];
        assert_eq!(bare.problems(), problems.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())), "{}", bare.text);
        assert_eq!(weak.problems(), [("/password".to_owned(), "accounts.password_guessable".to_owned())]);
        assert_eq!(none.problems(), [("/token".to_owned(), "invitations.token".to_owned())]);
        let _ = accept(&world.api, &token, &bob).await.expect(201);
    });
}

#[test]
fn somebody_with_an_account_joins_another_organization_and_keeps_their_own() {
    journey(async |world| {
        let ((_, owner), (eve, at_home)) = (world.owner("ada").await, world.owner("eve").await);
        let _ = invite(&owner.api, &eve, "analyst").await.expect(201);
        let token = world.api.mail_token(&eve.email, "accept-invitation").await;

        let accepted = world
            .api
            .as_nobody()
            .post("/v1/invitations/accept", json!({ "token": token, "password": "another password of mine" }))
            .await
            .expect(201);
        let again = invite(&owner.api, &eve, "viewer").await;

        assert_eq!((&accepted["is_new_user"], &accepted["user_id"]), (&json!(false), &json!(at_home.user)));
        assert_eq!(told(&again), refusal(409, "identity.already_member"));
        let mut credentials = eve.credentials();
        credentials["organization_id"] = json!(owner.organization);
        let there = Login::of(&world.api, world.api.as_nobody().post("/v1/auth/login", credentials).await);
        assert_eq!(there.organization, owner.organization);
        let me = there.api.get("/v1/me").await.expect(200);
        assert_eq!(me["memberships"].as_array().unwrap().len(), 2, "{me}");
        assert_eq!(told(&there.api.get("/v1/members").await), refusal(403, "caller.may_not"));
        assert_eq!(at_home.api.get("/v1/members").await.status, 200);
    });
}

#[test]
fn an_account_whose_address_was_never_proven_is_not_taken_for_the_invited_person() {
    journey(async |world| {
        let ((_, owner), bob) = (world.owner("ada").await, world.person("bob"));
        // Somebody else signs up with the address of Bob, and knows the password of that account.
        let _ = world.api.sign_up(&bob, "Trap").await.expect(202);
        let _ = invite(&owner.api, &bob, "admin").await.expect(201);

        let refused = world.api.accept_invitation(&bob).await;

        assert_eq!(told(&refused), refusal(409, "identity.invited_address_unproven"));
        assert_eq!(members(&owner.api).await.len(), 1);
    });
}

#[test]
fn an_invitation_that_was_withdrawn_or_replaced_is_worth_nothing() {
    journey(async |world| {
        let ((_, owner), bob) = (world.owner("ada").await, world.person("bob"));
        let link = |invitation: &Value| link(&world, &owner, invitation);

        let first = invite(&owner.api, &bob, "viewer").await.expect(201);
        let resent = invite(&owner.api, &bob, "agent").await.expect(201);
        let open = owner.api.get("/v1/invitations").await.expect(200);
        let replaced = accept(&world.api, &link(&first), &bob).await;
        let withdrawn = owner.api.delete(&format!("/v1/invitations/{}", resent["id"].as_str().unwrap())).await;
        let too_late = accept(&world.api, &link(&resent), &bob).await;
        let twice = owner.api.delete(&format!("/v1/invitations/{}", resent["id"].as_str().unwrap())).await;

        assert_eq!(open["data"].as_array().unwrap().len(), 1, "{open}");
        assert_eq!(open["data"][0]["id"], resent["id"]);
        assert_eq!((withdrawn.status, problem(&replaced), problem(&too_late)), (204, not_valid(), not_valid()));
        assert_eq!(told(&twice), refusal(404, "identity.invitation_absent"));
        let [forged, foreign] = ["x.y.z".to_owned(), link(&resent).replace("org_", "usr_")];
        assert_eq!(
            (problem(&accept(&world.api, &forged, &bob).await), problem(&accept(&world.api, &foreign, &bob).await)),
            (not_valid(), not_valid())
        );
    });
}

#[test]
fn nobody_is_buried_in_invitations() {
    journey(async |world| {
        let ((_, owner), (_, neighbour), bob) = (world.owner("ada").await, world.owner("eve").await, world.person("bob"));
        for role in ["viewer", "agent", "viewer"] {
            let invited = invite(&owner.api, &bob, role).await.expect(201);
            // Withdrawing makes no room for more mails.
            assert_eq!(owner.api.delete(&format!("/v1/invitations/{}", invited["id"].as_str().unwrap())).await.status, 204);
        }

        let refused = invite(&owner.api, &bob, "viewer").await;
        let by_another = invite(&neighbour.api, &bob, "viewer").await;

        assert_eq!(told(&refused), refusal(429, "identity.too_many_mails"));
        assert!((1..=60).contains(&refused.header("retry-after").unwrap().parse::<u64>().unwrap()), "{refused:?}");
        assert_eq!(by_another.status, 201);
        assert_eq!(owner.api.get("/v1/invitations").await.expect(200)["data"], json!([]));
        let _ = invite(&owner.api, &world.person("eric"), "viewer").await.expect(201);
    });
}

#[test]
fn an_invitation_ends_after_a_week() {
    journey_in_time(async |world| {
        let ((_, owner), bob) = (world.owner("ada").await, world.person("bob"));
        let _ = invite(&owner.api, &bob, "viewer").await.expect(201);
        let token = world.api.mail_token(&bob.email, "accept-invitation").await;

        world.advance(Duration::from_secs(7 * 24 * 60 * 60));

        assert_eq!(problem(&accept(&world.api, &token, &bob).await), not_valid());
        let owner = owner.refreshed().await;
        assert_eq!(owner.api.get("/v1/invitations").await.expect(200)["data"], json!([]));
        let again = invite(&owner.api, &bob, "viewer").await.expect(201);
        let _ = accept(&world.api, &link(&world, &owner, &again), &bob).await.expect(201);
    });
}
