//! What looks unlike the usual: each makes an event, a notice to whom it concerns, and one more proof where the policy asks for it.

use std::time::Duration;

use carillon_kernel::MovableClock;
use carillon_local::{Platform, PlatformConfig};
use carillon_testkit::mmdb::Database;
use carillon_testkit::{Api, Login, Person};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Stage, World, config, journey, journey_alone, run};

const EDGE_KEY: &str = "an edge that proves itself by this";
/// Addresses of the database that the tests write: two in Lisbon, one in Porto, one in New York, and one of which nothing is known.
const LISBON: &str = "198.51.100.7";
const ALSO_LISBON: &str = "198.51.100.99";
const PORTO: &str = "203.0.113.9";
const NEW_YORK: &str = "192.0.2.33";
const NOWHERE: &str = "233.252.0.1";

/// Lists the events of a kind, the latest first.
async fn events(api: &Api, kind: &str) -> Vec<Value> {
    let mut page = api.get(&format!("/v1/security/events?kind={kind}")).await.expect(200);
    page["data"].as_array_mut().unwrap().drain(..).collect()
}

async fn log_in_with(world: &World, person: &Person, program: &str) -> Login {
    world.api.with_header("user-agent", program).logged_in(person).await
}

/// A platform behind an edge, which knows the addresses of clients, and with a database of places.
async fn with_places() -> World {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("places.mmdb");
    let place = |country: &str, (latitude, longitude): (f64, f64)| json!({ "country": { "iso_code": country }, "location": { "latitude": latitude, "longitude": longitude, "accuracy_radius": 20 } });
    let mut places = Database::new("Test-City");
    places.insert("198.51.100.0/24", place("PT", (38.72, -9.14)));
    places.insert("203.0.113.0/24", place("PT", (41.15, -8.61)));
    places.insert("192.0.2.0/24", place("US", (40.71, -74.01)));
    std::fs::write(&database, places.bytes()).unwrap();
    let config = config(folder.path()).setting("EDGE_KEY", EDGE_KEY).setting("GEOIP_DATABASE", database.to_str().unwrap());
    let clock = MovableClock::default();
    let platform = Platform::start(PlatformConfig { clock: clock.clock(), ..config }).await.unwrap();
    let key = platform.bootstrap_organization("Operators").await.unwrap();
    let operator = from(&Api::new(platform.url(), key.expose()).with_header("x-edge-key", EDGE_KEY), LISBON);
    Stage::of(platform, operator, clock, Some(folder)).organization("Bells").await
}

fn from(api: &Api, address: &str) -> Api {
    api.with_header("cloudfront-viewer-address", &format!("{address}:44321"))
}

/// What is asked for instead of a session.
fn demanded(answer: &Value) -> Value {
    assert!(answer["access_token"].is_null(), "{answer}");
    answer["methods"].clone()
}

/// The code of the newest mail that asks to confirm a login.
async fn mailed_code(world: &World, person: &Person) -> String {
    let mail = world.api.mail(&person.email, "Confirm your login").await;
    let text = mail["text"].as_str().unwrap();
    let code = text
        .split_whitespace()
        .map(|word| word.trim_matches('*'))
        .find(|word| word.len() >= 6 && word.bytes().all(|byte| byte.is_ascii_digit()));
    code.unwrap_or_else(|| panic!("no code in {text}")).to_owned()
}

#[test]
fn many_failures_make_events_a_notice_to_the_user_and_a_lock() {
    journey_alone(async |world| {
        let (ada, login) = world.owner("ada").await;

        for _ in 0..5 {
            let _ = world.api.log_in(&ada.with_password("a wrong password")).await.expect(401);
        }
        let locked = world.api.log_in(&ada).await;

        assert_eq!((locked.status, locked.code().as_str()), (429, "accounts.too_many_attempts"));
        for kind in ["many_failures", "account_locked"] {
            let found = events(&login.api, kind).await;
            assert_eq!((found.len(), &found[0]["user"], &found[0]["ip"]), (1, &json!(login.user), &json!("127.0.0.1")), "{found:?}");
        }
        let mail = world.api.mail(&ada.email, "Account locked for a while").await;
        assert!(mail["text"].as_str().unwrap().contains("127.0.0.1"), "{mail}");
        assert_eq!(world.api.mails_to(&ada.email).await.len(), 2, "one mail says both, besides the one that proves the address");
    });
}

#[test]
fn a_new_device_makes_an_event_and_a_notice_and_asks_for_a_code_where_the_policy_says_so() {
    journey(async |world| {
        let (ada, login) = world.owner("ada").await;

        let _ = log_in_with(&world, &ada, "Firefox/140.0").await;
        let _ = log_in_with(&world, &ada, "Firefox/141.0").await;
        let seen = events(&login.api, "new_device").await;
        let body = json!({ "security": { "step_up_on": ["new_device"] } });
        let _ = login.api.call(Method::PATCH, "/v1/organization", &body).await.expect(200);
        let phone = world.api.with_header("user-agent", "Safari on a phone");
        let demand = phone.log_in(&ada).await.expect(200);
        let wrong = phone.prove_login(&demand, json!({ "code": "00000000" })).await;
        let proven = phone.prove_login(&demand, json!({ "code": mailed_code(&world, &ada).await })).await;

        assert_eq!((seen.len(), &seen[0]["step_up"], &seen[0]["user_agent"]), (1, &json!(false), &json!("Firefox/140.0")), "{seen:?}");
        let _ = world.api.mail(&ada.email, "Sign-in from a new device").await;
        assert_eq!(demanded(&demand), json!(["email_code"]));
        assert_eq!((wrong.status, proven.status), (401, 200), "{} {}", wrong.text, proven.text);
        let with_step_up = events(&login.api, "new_device").await;
        assert!(with_step_up.len() == 2 && with_step_up.iter().any(|event| event["step_up"] == true), "{with_step_up:?}");
        assert!(phone.log_in(&ada).await.json()["access_token"].is_string(), "a device that was proven is known");
    });
}

#[test]
fn a_new_country_and_impossible_travel_make_events_and_notices_and_ask_for_a_code() {
    run(async {
        let world = with_places().await;
        let ada = world.person("ada");
        let login = from(&world.api, LISBON).owner(&ada, "Belfry").await;
        for nearby in [ALSO_LISBON, PORTO, NOWHERE] {
            let _ = from(&world.api, nearby).logged_in(&ada).await;
        }
        let sessions = login.api.get("/v1/me/sessions").await.expect(200);
        let places: Vec<&Value> = sessions["data"].as_array().unwrap().iter().map(|session| &session["place"]).collect();
        assert_eq!(places, [&Value::Null, &json!("PT"), &json!("PT"), &json!("PT")], "{sessions}");
        let page = login.api.get("/v1/security/events").await.expect(200);
        assert_eq!(page["data"], json!([]), "the next town within a minute is no impossible travel, an unknown place no country");
        assert_eq!(
            (&page["checks"]["new_country"]["status"], &page["checks"]["impossible_travel"]["status"]),
            (&json!("on"), &json!("on"))
        );

        world.advance(Duration::from_secs(1800));
        let login = login.refreshed().await;
        let abroad = from(&world.api, NEW_YORK);
        let demand = abroad.log_in(&ada).await.expect(200);
        let proven = abroad.prove_login(&demand, json!({ "code": mailed_code(&world, &ada).await })).await;

        assert_eq!((demanded(&demand), proven.status), (json!(["email_code"]), 200), "{}", proven.text);
        let (country, travel) = (events(&login.api, "new_country").await, events(&login.api, "impossible_travel").await);
        assert_eq!((country.len(), travel.len()), (1, 1), "{country:?} {travel:?}");
        assert_eq!(
            (&country[0]["details"]["country"], &country[0]["step_up"], &country[0]["ip"]),
            (&json!("US"), &json!(true), &json!(NEW_YORK))
        );
        assert_eq!((&travel[0]["details"]["from"], &travel[0]["details"]["to"]), (&json!("PT"), &json!("US")));
        for subject in ["Sign-in from a new country", "Sign-ins from places far apart"] {
            let mail = world.api.mail(&ada.email, subject).await;
            assert!(mail["text"].as_str().unwrap().contains("US"), "{mail}");
        }

        world.advance(Duration::from_secs(12 * 3600));
        let home = from(&world.api, LISBON).log_in(&ada).await.expect(200);
        assert!(home["access_token"].is_string(), "half a day is enough to fly home: {home}");
        world.advance(Duration::from_secs(600));
        let login = login.refreshed().await;
        let back = abroad.log_in(&ada).await.expect(200);
        assert_eq!(demanded(&back), json!(["email_code"]), "ten minutes are not enough to fly back");
        assert_eq!(events(&login.api, "new_country").await.len(), 1, "the country is known by now");
        world.settle().await;
        world.nothing_is_dead().await;
    });
}

#[test]
fn a_policy_without_step_ups_lets_people_in_and_tells_of_it_all_the_same() {
    run(async {
        let world = with_places().await;
        let ada = world.person("ada");
        let login = from(&world.api, LISBON).owner(&ada, "Belfry").await;
        let body = json!({ "security": { "step_up_on": [] } });
        let _ = from(&login.api, LISBON).call(Method::PATCH, "/v1/organization", &body).await.expect(200);

        let abroad = from(&world.api, NEW_YORK).log_in(&ada).await.expect(200);

        assert!(abroad["access_token"].is_string(), "{abroad}");
        let found = events(&login.api, "impossible_travel").await;
        assert_eq!((found.len(), &found[0]["step_up"]), (1, &json!(false)), "{found:?}");
        let _ = world.api.mail(&ada.email, "Sign-ins from places far apart").await;
    });
}

#[test]
fn without_a_database_the_checks_that_need_it_say_that_they_are_off() {
    journey(async |world| {
        let page = world.api.get("/v1/security/events").await.expect(200);

        for kind in ["new_country", "impossible_travel"] {
            let check = &page["checks"][kind];
            assert_eq!(check["status"], "off", "{page}");
            assert!(check["reason"].as_str().unwrap().contains("GEOIP_DATABASE"), "{check}");
        }
        assert_eq!((&page["checks"]["new_device"], &page["data"]), (&json!({ "status": "on" }), &json!([])));
    });
}

#[test]
fn an_api_key_from_a_new_network_makes_an_event_and_a_notice_to_the_owner() {
    run(async {
        let world = with_places().await;
        let ada = world.person("ada");
        let login = from(&world.api, LISBON).owner(&ada, "Belfry").await;
        let body = json!({ "name": "shop", "permissions": ["contacts.read"] });
        let key = login.api.post("/v1/api-keys", body).await.expect(201);
        let shop = world.api.with_key(key["secret"].as_str().unwrap());
        let used_from = async |address: &str| assert_eq!(from(&shop, address).get("/v1/contacts").await.status, 200);

        for address in [LISBON, ALSO_LISBON] {
            used_from(address).await;
        }
        world.run_schedule("identity-take-security-signals").await;
        assert_eq!(events(&login.api, "api_key_new_network").await, Vec::<Value>::new(), "the first network is the key's own");
        for address in [NEW_YORK, NEW_YORK, LISBON] {
            used_from(address).await;
        }
        world.run_schedule("identity-take-security-signals").await;
        world.run_schedule("identity-take-security-signals").await;

        let found = events(&login.api, "api_key_new_network").await;
        assert_eq!((found.len(), &found[0]["count"]), (1, &json!(1)), "{found:?}");
        assert_eq!((&found[0]["api_key"], &found[0]["details"]["network"]), (&key["id"], &json!("192.0.2.0/24")));
        let mail = world.api.mail(&ada.email, "API key used from a new network").await;
        assert!(mail["text"].as_str().unwrap().contains("192.0.2.0/24"), "{mail}");
        world.settle().await;
        world.nothing_is_dead().await;
    });
}

#[test]
fn an_event_is_acknowledged_and_unread_again_when_it_happens_again() {
    journey(async |world| {
        let ((ada, login), (_, stranger)) = (world.owner("ada").await, world.owner("eve").await);
        let key = login.api.post("/v1/api-keys", json!({ "name": "shop", "permissions": ["security.read"] })).await.expect(201);
        let reader = login.api.with_key(key["secret"].as_str().unwrap());
        let _ = log_in_with(&world, &ada, "Firefox").await;
        let event = events(&login.api, "new_device").await.remove(0);
        let path = format!("/v1/security/events/{}/acknowledge", event["id"].as_str().unwrap());
        let unread = async || login.api.get("/v1/security/events?acknowledged=false").await.expect(200)["data"].as_array().unwrap().len();
        assert_eq!(unread().await, 1);

        let refused = (reader.post(&path, json!({})).await.status, stranger.api.post(&path, json!({})).await.status);
        let acknowledged = login.api.post(&path, json!({})).await.expect(200);
        let again = login.api.post(&path, json!({})).await.expect(200);

        assert_eq!(refused, (403, 404));
        assert_eq!((&acknowledged["acknowledged_by"], &again), (&json!(login.user), &acknowledged));
        assert_eq!(unread().await, 0);
        let told = login.api.get(&format!("/v1/audit/records?kind=security_event&id={}", event["id"].as_str().unwrap())).await.expect(200);
        assert_eq!(told["data"].as_array().unwrap().len(), 1, "taking note is recorded once: {told}");
        let filters = ["kind=new_device", "acknowledged=true", &format!("user_id={}", login.user)].map(str::to_owned);
        for filter in filters {
            let page = login.api.get(&format!("/v1/security/events?{filter}")).await.expect(200);
            assert_eq!(page["data"].as_array().unwrap().len(), 1, "{filter}: {page}");
        }
        let other = login.api.get("/v1/security/events?kind=new_country").await.expect(200);
        assert_eq!(other["data"], json!([]));
        let problems = login.api.get("/v1/security/events?kind=boredom&acknowledged=perhaps&limit=0").await.problems();
        let pointers: Vec<String> = problems.into_iter().map(|(pointer, _)| pointer).collect();
        assert!(["?kind", "?acknowledged", "?limit"].iter().all(|wanted| pointers.contains(&(*wanted).to_owned())), "{pointers:?}");
    });
}
