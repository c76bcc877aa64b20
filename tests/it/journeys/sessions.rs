//! Sessions: their tokens, how they are renewed, listed and ended.

use std::time::Duration;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carillon_testkit::{Answer, Login, Person};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Stage, World, config, journey, journey_here, journey_in_time, run};

const HOUR: Duration = Duration::from_secs(3600);

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Another program of the same person.
async fn log_in_with(world: &World, person: &Person, program: &str) -> Login {
    world.api.with_header("user-agent", program).logged_in(person).await
}

/// A platform of its own with these limits by plan.
async fn on_plans(limits: &str) -> World {
    let folder = tempfile::tempdir().unwrap();
    let limited = config(folder.path()).setting("SESSION_LIMITS", limits);
    Stage::start(limited, Some(folder)).await.organization("Bells").await
}

async fn sessions(login: &Login) -> Vec<Value> {
    login.api.get("/v1/me/sessions").await.expect(200)["data"].as_array().unwrap().clone()
}

#[track_caller]
fn is_unknown(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (401, "caller.unknown"), "{}", answer.text);
}

#[track_caller]
fn is_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (401, "accounts.refresh_refused"), "{}", answer.text);
}

#[test]
fn an_access_token_is_verified_by_the_published_keys_and_says_who_when_and_how() {
    journey(async |world| {
        let (_, login) = world.owner("ada").await;
        let published = world.api.as_nobody().get("/.well-known/jwks.json").await.expect(200);

        let [header, claims, signature]: [&str; 3] = login.access_token().split('.').collect::<Vec<_>>().try_into().unwrap();

        let (header_json, claims_json) = (decoded(header), decoded(claims));
        assert_eq!((&header_json["alg"], &header_json["typ"]), (&json!("EdDSA"), &json!("at+jwt")));
        let key = published["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header_json["kid"]).unwrap();
        assert_eq!((&key["kty"], &key["crv"], &key["d"]), (&json!("OKP"), &json!("Ed25519"), &Value::Null));
        let public = UnparsedPublicKey::new(&ED25519, URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap());
        public.verify(format!("{header}.{claims}").as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        assert_eq!(claims_json["exp"].as_i64().unwrap() - claims_json["iat"].as_i64().unwrap(), 15 * 60);
        let ids = ["sub", "org", "sid"].map(|name| claims_json[name].as_str().unwrap().to_owned());
        assert_eq!(ids, [login.user.to_string(), login.organization.to_string(), login.session.to_string()]);
        assert_eq!((&claims_json["amr"], &claims_json["iss"]), (&json!(["pwd"]), &json!("carillon")));
    });
}

#[test]
fn an_access_token_ends_after_a_quarter_of_an_hour_and_the_refresh_token_brings_the_next() {
    journey_in_time(async |world| {
        let (_, login) = world.owner("ada").await;

        world.advance(Duration::from_secs(14 * 60 + 55));
        let held = login.is_open().await;
        world.advance(Duration::from_secs(6));
        let over = login.api.get("/v1/me").await;
        let next = login.refreshed().await;

        assert!(held);
        is_unknown(&over);
        assert_eq!((next.session, next.user), (login.session, login.user));
        assert_ne!(next.refresh_token, login.refresh_token);
        assert!(next.is_open().await);
    });
}

#[test]
fn an_old_refresh_token_that_comes_again_ends_the_whole_session_at_once() {
    journey(async |world| {
        let (ada, first) = world.owner("ada").await;
        let other = log_in_with(&world, &ada, "other/1").await;
        let second = first.refreshed().await;
        let third = second.refreshed().await;
        assert!(third.is_open().await);

        let reused = world.api.refresh(&first.refresh_token).await;

        is_refused(&reused);
        for login in [&first, &second, &third] {
            is_unknown(&login.api.get("/v1/me").await);
            is_refused(&world.api.refresh(&login.refresh_token).await);
        }
        assert!(other.is_open().await, "another session of the same person goes on");
        let mail = world.api.mail(&ada.email, "Copy of a session used").await;
        assert!(!mail["text"].as_str().unwrap().contains("crt_"), "{mail}");
    });
}

#[test]
fn a_refresh_whose_answer_was_lost_may_be_repeated_by_the_same_program_only() {
    journey(async |world| {
        let (_, login) = world.owner("ada").await;

        let next = login.refreshed().await;
        let again = login.refreshed().await;
        assert_eq!(next.refresh_token, again.refresh_token, "there is never a second one that works");
        assert!(next.is_open().await && again.is_open().await);

        let thief = login.api.with_header("user-agent", "thief/1").refresh(&login.refresh_token).await;

        is_refused(&thief);
        is_unknown(&next.api.get("/v1/me").await);
    });
}

#[test]
fn a_refresh_token_with_a_changed_character_is_refused_and_harms_nobody() {
    journey(async |world| {
        let (_, login) = world.owner("ada").await;
        let token = &login.refresh_token;
        let flip = |place: usize| {
            let letter = if &token[place..=place] == "a" { "b" } else { "a" };
            format!("{}{letter}{}", &token[..place], &token[place + 1..])
        };

        let dot = token.find('.').unwrap();
        for changed in
            [String::new(), "crt_".to_owned(), flip(0), flip(10), flip(40), flip(dot - 1), flip(dot + 8), token[..dot].to_owned()]
        {
            is_refused(&world.api.refresh(&changed).await);
        }

        assert!(login.refreshed().await.is_open().await);
    });
}

#[test]
fn logging_out_ends_the_session_at_once_and_logging_out_everywhere_all_of_them() {
    journey(async |world| {
        let (ada, laptop) = world.owner("ada").await;
        let (phone, tablet) = (log_in_with(&world, &ada, "phone/1").await, log_in_with(&world, &ada, "tablet/1").await);

        assert_eq!(laptop.api.post("/v1/auth/logout", Value::Null).await.status, 204);
        is_unknown(&laptop.api.get("/v1/me").await);
        is_refused(&world.api.refresh(&laptop.refresh_token).await);
        assert!(phone.is_open().await && tablet.is_open().await);

        assert_eq!(phone.api.post("/v1/auth/logout-everywhere", Value::Null).await.status, 204);
        for login in [&phone, &tablet] {
            is_unknown(&login.api.get("/v1/me").await);
            is_refused(&world.api.refresh(&login.refresh_token).await);
        }
        assert_eq!(world.api.log_in(&ada).await.status, 200);
    });
}

#[test]
fn people_see_their_sessions_and_end_one_of_them() {
    journey(async |world| {
        const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let ((ada, laptop), (_, stranger)) = (world.owner("ada").await, world.owner("eve").await);
        let phone = log_in_with(&world, &ada, FIREFOX).await;

        let listed = sessions(&laptop).await;
        let foreign = stranger.api.delete(&format!("/v1/me/sessions/{}", phone.session)).await;
        let ended = laptop.api.delete(&format!("/v1/me/sessions/{}", phone.session)).await;

        let of = |login: &Login| listed.iter().find(|session| session["id"] == login.session.to_string()).unwrap();
        assert_eq!((listed.len(), &of(&laptop)["current"], &of(&phone)["current"]), (2, &json!(true), &json!(false)));
        assert_eq!((&of(&phone)["device"], &of(&phone)["ip"]), (&json!("Firefox on Linux"), &json!("127.0.0.1")));
        assert!(!json!(listed).to_string().contains("refresh"), "{listed:?}");
        assert_eq!((foreign.status, foreign.code().as_str()), (404, "accounts.session_absent"));
        assert_eq!(ended.status, 204);
        is_unknown(&phone.api.get("/v1/me").await);
        assert_eq!(sessions(&laptop).await.len(), 1);
        let again = laptop.api.delete(&format!("/v1/me/sessions/{}", phone.session)).await;
        assert_eq!(again.status, 404);
    });
}

#[test]
fn one_session_more_than_are_allowed_ends_the_one_that_was_used_longest_ago() {
    run(async {
        let world = on_plans("standard=2").await;
        let (ada, first) = world.owner("ada").await;
        world.advance(Duration::from_secs(60));
        let second = log_in_with(&world, &ada, "second/1").await;
        world.advance(Duration::from_secs(60));
        let first = first.refreshed().await;
        world.advance(Duration::from_secs(60));

        let third = log_in_with(&world, &ada, "third/1").await;

        is_unknown(&second.api.get("/v1/me").await);
        assert!(first.is_open().await && third.is_open().await);
        assert_eq!(sessions(&third).await.len(), 2);
        let _ = world.api.mail(&ada.email, "Oldest session ended").await;
    });
}

#[test]
fn a_plan_with_fewer_devices_ends_the_oldest_sessions_and_a_larger_one_lets_more_live() {
    run(async {
        let world = on_plans("standard=3,free=2").await;
        let (ada, first) = world.owner("ada").await;
        let (second, third) = (log_in_with(&world, &ada, "second/1").await, log_in_with(&world, &ada, "third/1").await);

        world.give_plan(first.organization, "free").await;
        let before = [&first, &second, &third].map(Login::is_open);
        let before = futures::future::join_all(before).await;
        let fourth = log_in_with(&world, &ada, "fourth/1").await;
        let small = sessions(&fourth).await;
        // What no setting names is as standard.
        world.give_plan(first.organization, "gold").await;
        let fifth = log_in_with(&world, &ada, "fifth/1").await;

        assert_eq!(before, [true; 3], "a smaller plan ends nothing by itself");
        for ended in [&first, &second] {
            is_unknown(&ended.api.get("/v1/me").await);
        }
        assert_eq!(small.len(), 2);
        assert_eq!(sessions(&fifth).await.len(), 3);
        assert!(third.is_open().await && fourth.is_open().await);
    });
}

#[test]
fn who_is_a_member_of_several_organizations_has_the_devices_of_the_most_generous_plan() {
    run(async {
        let world = on_plans("standard=3,free=1").await;
        let ((ada, first), (_, host)) = (world.owner("ada").await, world.owner("host").await);
        let _ = host.api.post("/v1/invitations", json!({ "email": ada.email, "role": "viewer" })).await.expect(201);
        let _ = world.api.accept_invitation(&ada).await.expect(201);
        world.give_plan(host.organization, "free").await;
        let into_host = async |program: &str| {
            let body = json!({ "email": ada.email, "password": ada.password, "organization_id": host.organization });
            let api = world.api.as_nobody().with_header("user-agent", program);
            Login::of(&api, api.post("/v1/auth/login", body).await)
        };

        let (second, third) = (into_host("second/1").await, into_host("third/1").await);
        let all = [first.is_open().await, second.is_open().await, third.is_open().await];
        world.give_plan(first.organization, "free").await;
        let fourth = into_host("fourth/1").await;

        assert_eq!((third.organization, all), (host.organization, [true; 3]));
        assert_eq!(sessions(&fourth).await.len(), 1);
    });
}

#[test]
fn a_session_ends_after_a_week_without_use_and_after_a_month_in_any_case() {
    journey_in_time(async |world| {
        let (ada, idle) = world.owner("ada").await;
        let mut used = log_in_with(&world, &ada, "used/1").await;

        for _ in 0..8 {
            world.advance(24 * HOUR);
            used = used.refreshed().await;
        }
        is_refused(&world.api.refresh(&idle.refresh_token).await);
        for _ in 8..29 {
            world.advance(24 * HOUR);
            used = used.refreshed().await;
        }
        world.advance(25 * HOUR);

        is_refused(&world.api.refresh(&used.refresh_token).await);
    });
}

#[test]
fn a_new_device_is_told_by_mail_and_a_known_one_is_not() {
    journey_here(async |world| {
        let (ada, _) = world.owner("ada").await;

        let _ = log_in_with(&world, &ada, "Mozilla/5.0 (iPhone) Safari/605.1").await;
        let mail = world.api.mail(&ada.email, "Sign-in from a new device").await;
        let _ = log_in_with(&world, &ada, "Mozilla/5.0 (iPhone) Safari/700.2").await;

        let text = mail["text"].as_str().unwrap();
        assert!(text.contains("Safari on iPhone") && text.contains("127.0.0.1") && text.contains("/forgot-password"), "{text}");
        world.stage.platform.settle().await.unwrap();
        let told = world.api.mails_to(&ada.email).await;
        assert_eq!(told.iter().filter(|mail| mail["subject"] == "Sign-in from a new device").count(), 1);
    });
}

#[test]
fn a_session_moves_to_another_organization_of_its_user_only() {
    journey(async |world| {
        let ((_, login), (_, stranger)) = (world.owner("ada").await, world.owner("eve").await);
        let into = async |organization: &str| {
            let body = json!({ "refresh_token": login.refresh_token, "organization_id": organization });
            world.api.as_nobody().post("/v1/auth/refresh", body).await
        };

        let foreign = into(&stranger.organization.to_string()).await;

        assert_eq!((foreign.status, foreign.code().as_str()), (403, "accounts.no_membership"));
        let own = into(&login.organization.to_string()).await.expect(200);
        assert_eq!(own["organization_id"], login.organization.to_string());
    });
}

#[test]
fn a_member_of_two_organizations_moves_between_them_and_old_access_tokens_stay_behind() {
    journey(async |world| {
        let ((ada, login), (_, host)) = (world.owner("ada").await, world.owner("host").await);
        let _ = host.api.post("/v1/invitations", json!({ "email": ada.email, "role": "viewer" })).await.expect(201);
        let accepted = world.api.accept_invitation(&ada).await;
        assert_eq!(accepted.status, 201, "{}", accepted.text);

        let body = json!({ "refresh_token": login.refresh_token, "organization_id": host.organization });
        let moved = Login::of(&world.api, world.api.as_nobody().post("/v1/auth/refresh", body).await);

        assert_eq!((moved.session, moved.organization), (login.session, host.organization));
        is_unknown(&login.api.get("/v1/me").await);
        let may_not = moved.api.call(Method::PATCH, "/v1/organization", &json!({ "name": "Mine" })).await;
        assert_eq!((may_not.status, may_not.code().as_str()), (403, "caller.may_not"));
        let back = world.api.logged_in(&ada).await;
        assert_eq!(back.organization, login.organization, "a login without a wish goes where the last login went");
    });
}
