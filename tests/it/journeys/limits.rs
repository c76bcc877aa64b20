//! Limits of requests: of a caller, of a class of routes, of an organization, and of an address before anybody is known.

use std::time::Duration;

use carillon_kernel::{IdSource, ManualClock, Setup};
use carillon_testkit::{Answer, Api, Wire};
use serde_json::json;

use super::{Stage, World, config, run};

/// A platform with low limits, at the beginning of a minute.
async fn limited(limits: &str) -> World {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::start(config(folder.path()).setting("RATE_LIMITS", limits), Some(folder)).await;
    next_minute(&stage);
    let world = stage.organization("Bells").await;
    next_minute(&stage);
    world
}

/// Moves the clock to the beginning of the next minute: no limit begins anew while a few requests are made.
fn next_minute(stage: &Stage) {
    let second = stage.clock.clock().now().as_second().rem_euclid(60);
    stage.clock.advance(Duration::from_secs(60 - u64::try_from(second).unwrap()));
}

async fn read(api: &Api) -> Answer {
    api.get("/v1/contacts").await
}

async fn write(api: &Api) -> Answer {
    api.post("/v1/lists", json!({ "name": "Readers" })).await
}

async fn another_key(world: &World) -> Api {
    let permissions = json!(["contacts.read", "contacts.write", "messages.send"]);
    let made = world.api.post("/v1/api-keys", json!({ "name": "Other", "permissions": permissions })).await.expect(201);
    world.api.with_key(made["secret"].as_str().unwrap())
}

fn field(answer: &Answer, name: &str) -> u64 {
    answer.header(name).unwrap_or_else(|| panic!("no {name} in {answer:?}")).parse().unwrap()
}

#[track_caller]
fn is_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (429, "caller.too_many_requests"), "{}", answer.text);
    let wait = field(answer, "retry-after");
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!((field(answer, "ratelimit-remaining"), field(answer, "ratelimit-reset")), (0, wait));
}

#[test]
fn a_caller_is_told_how_much_is_left_and_refused_after_the_limit_of_the_class() {
    run(async {
        let world = limited("read=5,write=3,send=2").await;

        let first = read(&world.api).await;
        let more = [read(&world.api).await, read(&world.api).await, read(&world.api).await, read(&world.api).await];
        let refused = read(&world.api).await;

        assert_eq!(
            [&first, &more[0], &more[3]].map(|answer| (answer.status, field(answer, "ratelimit-remaining"))),
            [(200, 4), (200, 3), (200, 0)]
        );
        assert_eq!((first.header("ratelimit-limit"), first.header("ratelimit-policy")), (Some("5"), Some("5;w=60")));
        is_refused(&refused);
        // Each class has its own limit.
        let writes = [write(&world.api).await.status, write(&world.api).await.status, write(&world.api).await.status];
        assert_eq!(writes, [201; 3]);
        is_refused(&write(&world.api).await);
        // Sending has one, too; what is refused for something else counts all the same.
        let send = async || world.api.post("/v1/messages", json!({})).await;
        assert_eq!((send().await.status, send().await.status), (422, 422));
        is_refused(&send().await);

        next_minute(&world.stage);

        assert_eq!((read(&world.api).await.status, write(&world.api).await.status), (200, 201));
    });
}

#[test]
fn each_caller_has_a_limit_and_all_callers_of_an_organization_have_one_together() {
    run(async {
        let world = limited("organization=20,caller=8").await;
        let (other, neighbour) = (another_key(&world).await, world.stage.organization("Neighbours").await);
        let (_, ada) = world.owner("ada").await;
        next_minute(&world.stage);

        for _ in 0..4 {
            assert_eq!((read(&world.api).await.status, write(&world.api).await.status), (200, 201));
        }
        is_refused(&read(&world.api).await);
        is_refused(&write(&world.api).await);
        for _ in 0..8 {
            assert_eq!(read(&other).await.status, 200);
        }
        is_refused(&read(&other).await);
        assert_eq!(read(&neighbour.api).await.status, 200, "another organization is not concerned");
        for _ in 0..8 {
            assert_eq!(read(&ada.api).await.status, 200, "nor a user of another one");
        }
        is_refused(&read(&ada.api).await);
    });
}

#[test]
fn requests_at_the_same_moment_share_no_place() {
    run(async {
        let world = limited("read=5").await;

        let answers = futures::future::join_all((0..12).map(|_| read(&world.api))).await;

        let (fine, refused): (Vec<&Answer>, Vec<&Answer>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!((fine.len(), refused.len()), (5, 7), "{answers:?}");
        refused.into_iter().for_each(is_refused);
    });
}

#[test]
fn an_organization_is_refused_when_all_its_callers_together_are_too_many() {
    run(async {
        let world = limited("organization=10").await;
        let other = another_key(&world).await;
        let neighbour = world.stage.organization("Neighbours").await;
        next_minute(&world.stage);

        for _ in 0..5 {
            assert_eq!((read(&world.api).await.status, read(&other).await.status), (200, 200));
        }

        is_refused(&read(&world.api).await);
        is_refused(&write(&other).await);
        assert_eq!(read(&neighbour.api).await.status, 200);
        next_minute(&world.stage);
        assert_eq!(read(&other).await.status, 200);
    });
}

#[test]
fn an_address_that_tries_to_log_in_too_often_is_refused_whatever_it_tries() {
    run(async {
        let world = limited("address=3").await;
        let log_in =
            async || world.api.as_nobody().post("/v1/auth/login", json!({ "email": "eve@bells.example", "password": "guess" })).await;

        let tries = [log_in().await, log_in().await, log_in().await];
        let refused = log_in().await;
        let elsewhere = world.api.as_nobody().post("/v1/auth/password/forgot", json!({ "email": "eve@bells.example" })).await;

        assert_eq!(tries.each_ref().map(|answer| field(answer, "ratelimit-remaining")), [2, 1, 0]);
        assert!(tries.iter().all(|answer| answer.status == 401), "{tries:?}");
        is_refused(&refused);
        is_refused(&elsewhere);
        // Who is known is not concerned, and links in mails are not limited.
        assert_eq!((read(&world.api).await.status, world.api.as_nobody().get("/v1/health").await.status), (200, 200));
    });
}

#[test]
fn a_request_costs_one_write_for_its_limits_and_a_refused_one_none() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let mut metered = config(folder.path()).setting("RATE_LIMITS", "read=5");
        let clock = ManualClock::at("2030-01-01T00:00:00Z".parse().unwrap());
        let (setup, wire) = (Setup::new(clock.clock(), IdSource::system()), Wire::default());
        wire.put_into(&setup);
        metered.setup = Some(setup);
        let world = Stage::start(metered, Some(folder)).await.organization("Bells").await;
        let key = another_key(&world).await;
        // The first use of a key is written down once.
        assert_eq!(read(&key).await.status, 200);
        wire.writes().clear();

        for left in [3, 2, 1, 0] {
            assert_eq!(field(&read(&key).await, "ratelimit-remaining"), left);
        }
        is_refused(&read(&key).await);
        let counted = wire.writes().by_key();
        for _ in 0..5 {
            is_refused(&read(&key).await);
        }

        // Four that were answered, and the one that went over the limit.
        let expected: Vec<u64> = vec![5];
        assert_eq!(counted.values().copied().collect::<Vec<_>>(), expected, "{counted:?}");
        assert!(counted.keys().all(|key| key.contains(&format!("RATE#{}#", world.organization))), "{counted:?}");
        assert_eq!(wire.writes().by_key(), counted, "who was refused costs no further write");
    });
}

#[test]
fn limits_that_are_no_limits_stop_the_platform_from_starting() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let wrong = config(folder.path()).setting("RATE_LIMITS", "reed=5");

        let refused = carillon_local::Platform::start(wrong).await.unwrap_err();

        assert!(refused.to_string().contains("RATE_LIMITS"), "{refused}");
    });
}
