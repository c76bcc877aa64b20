//! Guessing: tries are counted before they are answered, and wait longer and longer, whether the address has an account or not.

use std::time::Duration;

use carillon_testkit::{Answer, Api, Person};
use serde_json::json;

use super::accounts::told;
use super::{Stage, World, config, journey_alone, journey_in_time, run};

const EDGE_KEY: &str = "an edge that proves itself by this";

fn wait(answer: &Answer) -> u64 {
    assert_eq!((answer.status, answer.code().as_str()), (429, "accounts.too_many_attempts"), "{}", answer.text);
    answer.header("retry-after").unwrap().parse().unwrap()
}

/// Tries a wrong password for an address; tells what is answered.
async fn guess(api: &Api, person: &Person) -> Answer {
    api.log_in(&person.with_password("a wrong password")).await
}

#[test]
fn wrong_passwords_lock_an_account_softly_and_time_unlocks_it() {
    journey_in_time(async |world| {
        let (ada, login) = world.owner("ada").await;
        let nobody = world.person("nobody");
        for _ in 0..5 {
            let (known, unknown) = (guess(&world.api, &ada).await, guess(&world.api, &nobody).await);
            assert_eq!((known.status, told(&known)), (401, told(&unknown)));
        }

        let (locked, of_nobody) = (world.api.log_in(&ada).await, guess(&world.api, &nobody).await);
        assert!((14..=15).contains(&wait(&locked)) && (14..=15).contains(&wait(&of_nobody)), "{locked:?}");
        assert!(login.is_open().await, "who is in stays in");
        world.advance(Duration::from_secs(15));
        assert_eq!((guess(&world.api, &ada).await.status, guess(&world.api, &nobody).await.status), (401, 401));
        let (longer, of_nobody) = (guess(&world.api, &ada).await, guess(&world.api, &nobody).await);
        assert!((29..=30).contains(&wait(&longer)) && (29..=30).contains(&wait(&of_nobody)), "{longer:?}");
        world.advance(Duration::from_secs(30));

        assert_eq!(world.api.log_in(&ada).await.status, 200);
        assert_eq!(guess(&world.api, &ada).await.status, 401, "a success forgets the failures before it");
        assert_eq!(world.api.log_in(&ada).await.status, 200);
        let mail = world.api.mail(&ada.email, "Account locked for a while").await;
        assert!(mail["text"].as_str().unwrap().contains("/forgot-password"), "{mail}");
        assert!(world.api.mails_to(&nobody.email).await.is_empty());
    });
}

#[test]
fn no_wait_is_longer_than_a_quarter_of_an_hour_and_a_reset_ends_it_at_once() {
    journey_in_time(async |world| {
        let (ada, _) = world.owner("ada").await;
        let mut longest = 0;
        for _ in 0..15 {
            while guess(&world.api, &ada).await.status == 401 {}
            let seconds = wait(&guess(&world.api, &ada).await);
            longest = longest.max(seconds);
            world.advance(Duration::from_secs(seconds));
        }
        assert!((899..=900).contains(&longest), "{longest}");
        let _ = guess(&world.api, &ada).await;
        assert!(wait(&world.api.log_in(&ada).await) > 800);

        assert_eq!(world.api.reset_password(&ada, "brazen fugue lantern").await.status, 204);

        assert_eq!(world.api.log_in(&ada.with_password("brazen fugue lantern")).await.status, 200);
    });
}

#[test]
fn tries_at_the_same_moment_do_not_share_a_turn() {
    journey_alone(async |world| {
        let (ada, _) = world.owner("ada").await;
        let tries: Vec<_> = (0..20)
            .map(|_| {
                let (api, ada) = (world.api.clone(), ada.clone());
                tokio::spawn(async move { guess(&api, &ada).await.status })
            })
            .collect();
        let mut statuses = Vec::new();
        for each in tries {
            statuses.push(each.await.unwrap());
        }

        assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
        assert!(statuses.iter().filter(|status| **status == 401).count() <= 5, "{statuses:?}");
    });
}

#[test]
fn mails_to_one_address_are_few_whether_it_has_an_account_or_not() {
    journey_in_time(async |world| {
        let ((ada, _), nobody) = (world.owner("ada").await, world.person("nobody"));
        world.advance(Duration::from_secs(4 * 3600));
        let ask = async |person: &Person, path: &str| world.api.as_nobody().post(path, json!({ "email": person.email })).await;

        for path in ["/v1/auth/password/forgot", "/v1/auth/verify-email/resend", "/v1/auth/password/forgot"] {
            let (known, unknown) = (ask(&ada, path).await, ask(&nobody, path).await);
            assert_eq!((known.status, told(&known)), (202, told(&unknown)));
        }
        let (known, unknown) = (ask(&ada, "/v1/auth/password/forgot").await, ask(&nobody, "/v1/auth/password/forgot").await);

        assert!((59..=60).contains(&wait(&known)) && (59..=60).contains(&wait(&unknown)), "{known:?}");
        world.advance(Duration::from_secs(60));
        assert_eq!(ask(&ada, "/v1/auth/password/forgot").await.status, 202);
        let again = world.api.sign_up(&ada, "Belfry").await;
        assert!(wait(&again) > 60, "signing up sends mails, too: {again:?}");
    });
}

/// A platform behind an edge, which knows the addresses of clients; a client may fail five times.
async fn behind_an_edge() -> World {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path()).setting("EDGE_KEY", EDGE_KEY).setting("CLIENT_ATTEMPTS", "5");
    let clock = carillon_kernel::MovableClock::default();
    let platform = carillon_local::Platform::start(carillon_local::PlatformConfig { clock: clock.clock(), ..config }).await.unwrap();
    let key = platform.bootstrap_organization("Operators").await.unwrap();
    let operator = Api::new(platform.url(), key.expose()).with_header("x-edge-key", EDGE_KEY);
    Stage::of(platform, operator, clock, Some(folder)).organization("Bells").await
}

fn from(api: &Api, address: &str) -> Api {
    api.with_header("cloudfront-viewer-address", &format!("{address}:44321"))
}

#[test]
fn one_client_that_guesses_at_many_addresses_waits_and_others_do_not() {
    run(async {
        let world = behind_an_edge().await;
        let ada = world.person("ada");
        let (attacker, office) = (from(&world.api, "198.51.100.7"), from(&world.api, "203.0.113.9"));
        let _ = office.owner(&ada, "Belfry").await;

        for number in 0..5 {
            assert_eq!(guess(&attacker, &world.person(&format!("victim{number}"))).await.status, 401);
        }
        let locked = guess(&attacker, &world.person("victim5")).await;
        let with_the_right_password = attacker.log_in(&ada).await;

        assert!((1..=2).contains(&wait(&locked)) && wait(&with_the_right_password) >= 1);
        assert_eq!(office.log_in(&ada).await.status, 200);
        world.advance(Duration::from_secs(2));
        assert_eq!(attacker.log_in(&ada).await.status, 200, "time unlocks");
    });
}

#[test]
fn of_ipv6_a_client_is_its_whole_network() {
    run(async {
        let world = behind_an_edge().await;

        for number in 0..5 {
            let api = from(&world.api, &format!("[2001:db8:1:2::{number}]"));
            assert_eq!(guess(&api, &world.person(&format!("victim{number}"))).await.status, 401);
        }

        let neighbour = guess(&from(&world.api, "[2001:db8:1:3::1]"), &world.person("victim6")).await;
        let locked = guess(&from(&world.api, "[2001:db8:1:2:ffff::9]"), &world.person("victim7")).await;
        assert_eq!(neighbour.status, 401);
        assert!(wait(&locked) >= 1);
    });
}
