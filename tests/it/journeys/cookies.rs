//! Sessions in a browser: cookies that scripts cannot read, and what keeps other sites from using them.

use carillon_testkit::{Answer, Browser};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Stage, config, journey, journey_here, run};

const FOREIGN: &str = "https://evil.example";

fn cookies(answer: &Answer) -> Vec<&str> {
    answer.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.as_str()).collect()
}

#[track_caller]
fn is(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text);
}

#[test]
fn a_browser_gets_its_tokens_in_cookies_that_only_it_can_read() {
    journey(async |world| {
        let (ada, _) = world.owner("ada").await;
        let mut browser = Browser::new(&world.api, world.api.url());

        let answer = browser.log_in(&ada).await;

        assert_eq!(answer.status, 200, "{}", answer.text);
        let body = answer.json();
        assert!(body["access_token"].is_null() && body["refresh_token"].is_null() && body["csrf_token"].is_string(), "{body}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let set = cookies(&answer);
        assert_eq!(set.len(), 3, "{set:?}");
        for cookie in set {
            let parts: Vec<&str> = cookie.split("; ").collect();
            assert!(cookie.starts_with("__Host-carillon-"), "{cookie}");
            for part in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
                assert!(parts.contains(&part), "{cookie} lacks {part}");
            }
            assert!(!cookie.contains("Domain"), "{cookie}");
        }
        let me = browser.send(Method::GET, "/v1/me", &Value::Null).await.expect(200);
        assert_eq!((&me["email"], &me["csrf_token"]), (&json!(ada.email), &json!(browser.csrf)));
    });
}

#[test]
fn a_change_by_cookie_needs_a_known_origin_and_the_token_of_its_session() {
    journey(async |world| {
        let (ada, _) = world.owner("ada").await;
        let mut browser = Browser::new(&world.api, world.api.url());
        let _ = browser.log_in(&ada).await.expect(200);
        let mut other = Browser::new(&world.api, world.api.url());
        let _ = other.log_in(&ada).await.expect(200);
        let rename = json!({ "name": "Mallory" });

        let mut without_token = browser.clone();
        without_token.csrf.clear();
        is(&without_token.send(Method::PATCH, "/v1/me", &rename).await, 403, "caller.csrf");
        let mut with_anothers = browser.clone();
        with_anothers.csrf.clone_from(&other.csrf);
        is(&with_anothers.send(Method::PATCH, "/v1/me", &rename).await, 403, "caller.csrf");
        for origin in [FOREIGN, "null", "", "https://evil.127.0.0.1"] {
            let mut elsewhere = Browser::new(&world.api, origin);
            (elsewhere.cookies, elsewhere.csrf) = (browser.cookies.clone(), browser.csrf.clone());
            is(&elsewhere.send(Method::PATCH, "/v1/me", &rename).await, 403, "caller.csrf");
            is(&elsewhere.send(Method::POST, "/v1/auth/logout", &Value::Null).await, 403, "caller.csrf");
            is(&elsewhere.send(Method::POST, "/v1/auth/refresh", &json!({})).await, 403, "caller.csrf");
        }

        let me = browser.send(Method::GET, "/v1/me", &Value::Null).await.expect(200);
        assert_eq!(me["name"], ada.name, "nothing happened");
        let renamed = browser.send(Method::PATCH, "/v1/me", &json!({ "name": "Ada King" })).await.expect(200);
        assert_eq!(renamed["name"], "Ada King");
    });
}

#[test]
fn pages_of_other_origins_get_no_cookies() {
    journey(async |world| {
        let (ada, _) = world.owner("ada").await;

        for origin in [FOREIGN, "null", ""] {
            let refused = Browser::new(&world.api, origin).log_in(&ada).await;
            is(&refused, 403, "caller.csrf");
            assert!(cookies(&refused).is_empty(), "{:?}", refused.headers);
        }
    });
}

#[test]
fn a_browser_refreshes_by_its_cookie_and_logs_out() {
    journey(async |world| {
        let (ada, _) = world.owner("ada").await;
        let mut browser = Browser::new(&world.api, world.api.url());
        let _ = browser.log_in(&ada).await.expect(200);
        let before = browser.clone();

        let refreshed = browser.send(Method::POST, "/v1/auth/refresh", &Value::Null).await;
        let is_in = browser.send(Method::GET, "/v1/me", &Value::Null).await;
        let out = browser.send(Method::POST, "/v1/auth/logout", &Value::Null).await;
        let is_out = before.clone().send(Method::GET, "/v1/me", &Value::Null).await;

        assert_eq!((refreshed.status, is_in.status), (200, 200), "{}", refreshed.text);
        let of = |browser: &Browser| browser.cookies.get("__Host-carillon-refresh").cloned();
        assert!(of(&before).is_some() && of(&browser).is_none(), "logging out takes the cookies of the session");
        let names: Vec<&str> = cookies(&refreshed).iter().map(|cookie| cookie.split_once('=').unwrap().0).collect();
        assert_eq!(names, ["__Host-carillon-access", "__Host-carillon-refresh"]);
        assert_eq!(browser.csrf, before.csrf, "the token is its session's, so that it outlives a refresh");
        assert_eq!(out.status, 204, "{}", out.text);
        is(&is_out, 401, "caller.unknown");
        assert!(browser.cookies.contains_key("__Host-carillon-device"), "the browser is known at the next login");
    });
}

#[test]
fn a_fresh_proof_by_cookie_brings_no_token_that_scripts_can_read() {
    journey(async |world| {
        let (ada, _) = world.owner("ada").await;
        let mut browser = Browser::new(&world.api, world.api.url());
        let _ = browser.log_in(&ada).await.expect(200);

        let proven = browser.send(Method::POST, "/v1/auth/step-up", &json!({ "password": ada.password })).await;

        assert_eq!(proven.status, 200, "{}", proven.text);
        assert!(proven.json()["access_token"].is_null(), "{}", proven.text);
        assert!(cookies(&proven)[0].starts_with("__Host-carillon-access="), "{:?}", proven.headers);
        assert_eq!(browser.send(Method::GET, "/v1/me", &Value::Null).await.status, 200);
    });
}

#[test]
fn a_browser_that_kept_its_cookie_is_no_new_device_whatever_it_says_it_is() {
    journey_here(async |world| {
        let (ada, _) = world.owner("ada").await;
        let mut browser = Browser::new(&world.api, world.api.url());
        let _ = browser.log_in(&ada).await.expect(200);
        let _ = world.api.mail(&ada.email, "Sign-in from a new device").await;
        let _ = browser.send(Method::POST, "/v1/auth/logout", &Value::Null).await;

        let _ = browser.log_in(&ada).await.expect(200);

        world.stage.platform.settle().await.unwrap();
        let mails = world.api.mails_to(&ada.email).await;
        assert_eq!(mails.iter().filter(|mail| mail["subject"] == "Sign-in from a new device").count(), 1);
    });
}

#[test]
fn a_header_counts_before_a_cookie() {
    journey(async |world| {
        let ((ada, _), (_, eve)) = (world.owner("ada").await, world.owner("eve").await);
        let mut browser = Browser::new(&world.api, world.api.url());
        let _ = browser.log_in(&ada).await.expect(200);
        let cookie = format!("__Host-carillon-access={}", browser.cookies["__Host-carillon-access"]);
        let sent = [("cookie", cookie.as_str())];

        let me = eve.api.call_with(Method::GET, "/v1/me", (&Value::Null, &sent)).await.expect(200);
        let unknown = world.api.with_key("nonsense").call_with(Method::GET, "/v1/me", (&Value::Null, &sent)).await;

        assert_eq!(me["id"], eve.user.to_string());
        is(&unknown, 401, "caller.unknown");
    });
}

async fn preflight(api: &carillon_testkit::Api, origin: &str) -> Answer {
    let asked =
        [("origin", origin), ("access-control-request-method", "POST"), ("access-control-request-headers", "content-type,x-csrf-token")];
    api.as_nobody().call_with(Method::OPTIONS, "/v1/auth/login", (&Value::Null, &asked)).await
}

#[test]
fn pages_of_configured_origins_may_call_and_read_and_no_others() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let mut configured = config(folder.path());
        configured.parameters.insert("AllowedOrigins".to_owned(), "https://app.example,http://localhost:3000".to_owned());
        let world = Stage::start(configured, Some(folder)).await.organization("Bells").await;
        let allowed = |answer: &Answer| {
            let of = |name: &str| answer.header(&format!("access-control-allow-{name}")).map(str::to_owned);
            (of("origin"), of("credentials"))
        };

        for origin in ["https://app.example", "http://localhost:3000"] {
            let asked = preflight(&world.api, origin).await;
            assert_eq!(allowed(&asked), (Some(origin.to_owned()), Some("true".to_owned())), "{:?}", asked.headers);
            assert!(asked.header("access-control-allow-headers").unwrap().contains("x-csrf-token"));
            let called = world.api.call_with(Method::GET, "/v1/organization", (&Value::Null, &[("origin", origin)])).await;
            assert_eq!((called.status, allowed(&called)), (200, (Some(origin.to_owned()), Some("true".to_owned()))));
            assert!(called.header("vary").unwrap().to_lowercase().contains("origin"));
        }
        for origin in [FOREIGN, "null", "https://app.example.evil.example", "https://APP.example", "http://app.example"] {
            let asked = preflight(&world.api, origin).await;
            let called = world.api.call_with(Method::GET, "/v1/organization", (&Value::Null, &[("origin", origin)])).await;
            assert_eq!((allowed(&asked), allowed(&called)), ((None, None), (None, None)), "{origin}");
        }
        let (ada, _) = world.owner("ada").await;
        assert_eq!(Browser::new(&world.api, "https://app.example").log_in(&ada).await.status, 200);
        is(&Browser::new(&world.api, world.api.url()).log_in(&ada).await, 403, "caller.csrf");
    });
}
