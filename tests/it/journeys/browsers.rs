//! What every answer tells browsers, and what browsers forget.

use std::time::Duration;

use carillon_testkit::{Answer, Browser};
use reqwest::Method;
use serde_json::{Value, json};

use super::{journey, journey_in_time};

/// What a policy must forbid, whatever else it says (RFC 6797, CSP level 3).
const FORBIDDEN: [&str; 3] = ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"];

#[track_caller]
fn guards_browsers(answer: &Answer, what: &str) {
    let header = |name: &str| answer.header(name).unwrap_or_else(|| panic!("{what} lacks {name}")).to_owned();
    assert_eq!(header("strict-transport-security"), "max-age=31536000; includeSubDomains", "{what}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(header("referrer-policy"), "no-referrer", "{what}");
    let policy = header("content-security-policy");
    for part in FORBIDDEN {
        assert!(policy.split("; ").any(|told| told == part), "{what} allows {part}: {policy}");
    }
    assert!(!header("cache-control").is_empty(), "{what}");
    if !answer.text.is_empty() {
        let kind = header("content-type");
        assert!(!kind.starts_with("text/") || kind.ends_with("; charset=utf-8"), "{what} is {kind}");
    }
}

#[test]
fn every_answer_tells_browsers_to_use_tls_and_to_guess_frame_and_keep_nothing() {
    journey(async |world| {
        let nobody = world.api.as_nobody();
        let answers = [
            ("a thing", world.api.get("/v1/organization").await, 200),
            ("a refusal", nobody.get("/v1/organization").await, 401),
            ("an absence", world.api.get("/v1/templates/tpl_none").await, 404),
            ("broken rules", world.api.post("/v1/contacts", json!({ "email": "none" })).await, 422),
            ("a page", nobody.get("/u/none").await, 404),
            ("the keys", nobody.get("/.well-known/jwks.json").await, 200),
            ("health", nobody.get("/v1/health").await, 200),
        ];

        for (what, answer, status) in answers {
            assert_eq!(answer.status, status, "{what}: {}", answer.text);
            guards_browsers(&answer, what);
            let is_public = what == "the keys";
            assert!(is_public || answer.header("cache-control") == Some("no-store"), "{what}: {:?}", answer.headers);
        }
    });
}

#[test]
fn a_browser_forgets_at_log_out_and_a_login_in_the_place_of_a_session_ends_it() {
    journey(async |world| {
        let (ada, program) = world.owner("ada").await;
        let mut browser = Browser::new(&world.api, world.api.url());
        let _ = browser.log_in(&ada).await.expect(200);
        let mut before = browser.clone();

        let _ = browser.log_in(&ada).await.expect(200);

        assert_eq!(before.send(Method::GET, "/v1/me", &Value::Null).await.status, 401, "the session before has ended");
        assert_eq!(browser.send(Method::GET, "/v1/me", &Value::Null).await.status, 200);
        assert!(program.is_open().await, "sessions elsewhere go on");
        let left = browser.send(Method::POST, "/v1/auth/logout", &Value::Null).await;
        assert_eq!((left.status, left.header("clear-site-data")), (204, Some("\"cache\", \"storage\"")));
        assert_eq!(browser.send(Method::GET, "/v1/me", &Value::Null).await.status, 401);
    });
}

#[test]
fn ending_a_session_elsewhere_asks_for_a_fresh_proof() {
    journey_in_time(async |world| {
        let (ada, laptop) = world.owner("ada").await;
        world.advance(Duration::from_secs(16 * 60));
        let laptop = laptop.refreshed().await;
        let phone = world.api.logged_in(&ada).await;
        let end = async || laptop.api.delete(&format!("/v1/me/sessions/{}", phone.session)).await;

        let stale = end().await;
        let _ = laptop.api.post("/v1/auth/step-up", json!({ "password": ada.password })).await.expect(200);
        let fresh = end().await;

        assert_eq!((stale.status, stale.code().as_str()), (403, "accounts.step_up_needed"));
        assert_eq!(fresh.status, 204, "{}", fresh.text);
        assert!(!phone.is_open().await);
    });
}

#[test]
fn a_session_that_idled_too_long_for_its_organization_is_not_saved_by_moving_to_another() {
    journey_in_time(async |world| {
        let ((ada, login), (_, host)) = (world.owner("ada").await, world.owner("host").await);
        let _ = host.api.post("/v1/invitations", json!({ "email": ada.email, "role": "viewer" })).await.expect(201);
        let accepted = world.api.accept_invitation(&ada).await;
        assert_eq!(accepted.status, 201, "{}", accepted.text);
        let strict = json!({ "security": { "idle_minutes": 30 } });
        let _ = login.api.call(Method::PATCH, "/v1/organization", &strict).await.expect(200);

        world.advance(Duration::from_secs(46 * 60));
        let body = json!({ "refresh_token": login.refresh_token, "organization_id": host.organization });
        let moved = world.api.as_nobody().post("/v1/auth/refresh", body).await;

        assert_eq!((moved.status, moved.code().as_str()), (401, "accounts.refresh_refused"), "{}", moved.text);
    });
}
