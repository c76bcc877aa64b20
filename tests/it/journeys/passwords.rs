//! Passwords: what may be one, forgotten and set anew, changed, and hashed at the cost of today.

use std::time::Duration;

use carillon_identity::Users;
use carillon_local::Platform;
use carillon_testkit::{Answer, Api, Login};
use serde_json::json;

use super::{World, config, journey, journey_in_time, run};

const NEW: &str = "brazen fugue lantern";

async fn forgot(world: &World, email: &str) {
    let _ = world.api.as_nobody().post("/v1/auth/password/forgot", json!({ "email": email })).await.expect(202);
}

async fn reset(world: &World, token: &str, password: &str) -> Answer {
    world.api.as_nobody().post("/v1/auth/password/reset", json!({ "token": token, "password": password })).await
}

/// Asks for a link, and waits for one that did not come before.
async fn link(world: &World, email: &str, before: Option<&str>) -> String {
    forgot(world, email).await;
    world.until("a new link is there", async || Some(world.api.mail_token(email, "reset-password").await.as_str()) != before).await;
    world.api.mail_token(email, "reset-password").await
}

#[track_caller]
fn is(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text);
}

#[test]
fn a_forgotten_password_is_set_by_a_link_that_works_once_and_all_sessions_end() {
    journey(async |world| {
        let (ada, login) = world.owner("ada").await;
        let other = world.api.with_header("user-agent", "other/1").logged_in(&ada).await;
        let first = link(&world, &ada.email, None).await;
        let second = link(&world, &ada.email, Some(&first)).await;

        let refused = reset(&world, &second, "short").await;
        let set = reset(&world, &second, NEW).await;

        assert_eq!((refused.status, refused.problems()), (422, vec![("/password".to_owned(), "accounts.password_length".to_owned())]));
        assert_eq!(set.status, 204, "{}", set.text);
        for login in [&login, &other] {
            is(&login.api.get("/v1/me").await, 401, "caller.unknown");
            is(&world.api.refresh(&login.refresh_token).await, 401, "accounts.refresh_refused");
        }
        is(&reset(&world, &second, "another long passphrase").await, 422, "accounts.challenge_invalid");
        is(&reset(&world, &first, "another long passphrase").await, 422, "accounts.challenge_invalid");
        is(&world.api.log_in(&ada).await, 401, "accounts.login_refused");
        assert_eq!(world.api.log_in(&ada.with_password(NEW)).await.status, 200);
        let mail = world.api.mail(&ada.email, "Your account was changed").await;
        assert!(!mail.to_string().contains(NEW), "{mail}");
    });
}

#[test]
fn a_link_that_sets_a_password_ends_after_half_an_hour() {
    journey_in_time(async |world| {
        let (ada, _) = world.owner("ada").await;
        let token = link(&world, &ada.email, None).await;

        world.advance(Duration::from_secs(30 * 60));

        is(&reset(&world, &token, NEW).await, 422, "accounts.challenge_invalid");
        assert_eq!(world.api.log_in(&ada).await.status, 200);
    });
}

#[test]
fn who_resets_the_password_of_an_address_that_somebody_else_signed_up_with_takes_the_account_over() {
    journey(async |world| {
        let squatter = world.person("ada").with_password("the squatter knows this");
        let _ = world.api.sign_up(&squatter, "Squat").await.expect(202);

        let owner = squatter.with_password(NEW);
        assert_eq!(world.api.reset_password(&owner, NEW).await.status, 204);

        assert_eq!((world.api.log_in(&squatter).await.status, world.api.log_in(&owner).await.status), (401, 200));
    });
}

#[test]
fn a_password_is_changed_by_who_knows_the_present_one_and_other_sessions_end() {
    journey(async |world| {
        let (ada, login) = world.owner("ada").await;
        let other = world.api.with_header("user-agent", "other/1").logged_in(&ada).await;
        let link = link(&world, &ada.email, None).await;
        let change = async |present: &str, new: &str| {
            login.api.post("/v1/me/password", json!({ "current_password": present, "password": new })).await
        };

        is(&change("a wrong password", NEW).await, 403, "accounts.password_wrong");
        let guessable = change(&ada.password, "password1234").await;
        assert_eq!(
            (guessable.status, guessable.problems()),
            (422, vec![("/password".to_owned(), "accounts.password_guessable".to_owned())])
        );
        assert_eq!(change("", "").await.problems().len(), 2);
        assert!(other.is_open().await);
        let changed = change(&ada.password, NEW).await;

        assert_eq!(changed.status, 204, "{}", changed.text);
        assert!(login.is_open().await);
        is(&other.api.get("/v1/me").await, 401, "caller.unknown");
        is(&world.api.log_in(&ada).await, 401, "accounts.login_refused");
        assert_eq!(world.api.log_in(&ada.with_password(NEW)).await.status, 200);
        is(&reset(&world, &link, "another long passphrase").await, 422, "accounts.challenge_invalid");
        let _ = world.api.mail(&ada.email, "Your account was changed").await;
    });
}

#[test]
fn what_may_not_be_a_password_is_refused_with_all_that_is_wrong_at_once() {
    journey(async |world| {
        let ada = world.person("ada.lovelace");
        let sign_up = async |password: &str| {
            let body =
                json!({ "organization_name": "Analytical Engines", "name": "Ada Lovelace", "email": ada.email, "password": password });
            world.api.as_nobody().post("/v1/auth/sign-up", body).await
        };

        for (password, code) in [
            ("ninechars", "accounts.password_length"),
            (&"x7q".repeat(43)[..], "accounts.password_length"),
            ("password123", "accounts.password_guessable"),
            ("qwertyuiop", "accounts.password_guessable"),
            ("adalovelace1", "accounts.password_guessable"),
            ("analyticalengines", "accounts.password_guessable"),
            ("carillon2026", "accounts.password_guessable"),
        ] {
            let refused = sign_up(password).await;
            assert_eq!((refused.status, refused.problems()), (422, vec![("/password".to_owned(), code.to_owned())]), "{password}");
        }
        let all = world.api.as_nobody().post("/v1/auth/sign-up", json!({})).await;
        let pointers: Vec<String> = all.problems().into_iter().map(|(pointer, _)| pointer).collect();
        assert_eq!(pointers, ["/organization_name", "/name", "/email", "/password"]);
        assert_eq!(sign_up("sieben Glocken um Mitternacht").await.status, 202);
    });
}

async fn stored_hash(platform: &Platform, login: &Login) -> String {
    let users = Users::from_setup(&platform.setup_of("me-get").unwrap()).unwrap();
    let user = users.get(login.user).await.unwrap();
    serde_json::to_value(user.password_hash).unwrap().as_str().unwrap().to_owned()
}

#[test]
fn a_hash_of_an_older_cost_is_brought_up_to_date_at_the_next_login() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let ada = carillon_testkit::Person::new("ada@costs.example");
        let platform = Platform::start(config(folder.path())).await.unwrap();
        let before = Api::new(platform.url(), "").owner(&ada, "Belfry").await;
        let old = stored_hash(&platform, &before).await;
        platform.settle().await.unwrap();
        platform.stop().await;

        let today = config(folder.path()).setting("PASSWORD_HASH_COST", "m=19456,t=2,p=1");
        let platform = Platform::start(today).await.unwrap();
        let api = Api::new(platform.url(), "");
        let wrong = api.log_in(&ada.with_password("a wrong password")).await;
        let still_old = stored_hash(&platform, &before).await;
        let after = api.logged_in(&ada).await;
        let new = stored_hash(&platform, &after).await;
        let _ = api.logged_in(&ada).await;

        assert!(old.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{old}");
        assert_eq!((wrong.status, &still_old), (401, &old));
        assert!(new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{new}");
        assert_eq!(stored_hash(&platform, &after).await, new, "it stays");
        let refreshed = api.refresh(&before.refresh_token).await;
        assert_eq!(refreshed.status, 200, "the password is the same, so that no session ends: {}", refreshed.text);
        let silent = api.mails_to(&ada.email).await.iter().all(|mail| mail["subject"] != "Your account was changed");
        assert!(silent);
        platform.stop().await;
    });
}
