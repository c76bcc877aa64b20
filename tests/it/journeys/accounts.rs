//! Accounts: signing up, proving an address, logging in, and one's own account.

use carillon_local::platform::Start;
use carillon_testkit::{Answer, Api, Person};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Stage, World, config, journey, journey_here, run};

/// What an answer tells, without what differs from one request to the next whoever makes it.
pub fn told(answer: &Answer) -> (u16, Value, Vec<(String, String)>) {
    const OF_THE_REQUEST: [&str; 5] = ["date", "x-request-id", "apigw-requestid", "ratelimit-remaining", "ratelimit-reset"];
    let mut headers: Vec<_> = answer.headers.iter().filter(|(name, _)| !OF_THE_REQUEST.contains(&name.as_str())).cloned().collect();
    headers.sort();
    let mut body = answer.json();
    if let Some(problem) = body.as_object_mut() {
        problem.remove("instance");
    }
    (answer.status, body, headers)
}

async fn verify(api: &Api, token: &str) -> Answer {
    api.as_nobody().post("/v1/auth/verify-email", json!({ "token": token })).await
}

#[test]
fn who_signs_up_proves_the_address_and_owns_an_organization() {
    journey(async |world| {
        let ada = world.person("ada");

        let signed_up = world.api.sign_up(&ada, "Belfry").await;
        let too_early = world.api.log_in(&ada).await;
        world.api.verify(&ada).await;
        let login = world.api.logged_in(&ada).await;

        assert_eq!(signed_up.status, 202, "{}", signed_up.text);
        assert_eq!((too_early.status, too_early.code().as_str()), (403, "accounts.email_unverified"));
        let me = login.api.get("/v1/me").await.expect(200);
        assert_eq!((&me["email"], &me["name"]), (&json!(ada.email), &json!(ada.name)));
        assert!(me["email_verified_at"].is_string(), "{me}");
        assert_eq!(me["memberships"][0]["organization_name"], "Belfry");
        assert_eq!(me["organization_id"], login.organization.to_string());
        assert!(me["permissions"].as_array().unwrap().contains(&json!("organization.own")), "{me}");
        assert!(!me.to_string().contains("argon2"), "{me}");
        let members = login.api.get("/v1/members").await.expect(200);
        assert_eq!(members["data"][0]["role"], "owner", "{members}");
    });
}

#[test]
fn a_link_proves_an_address_once_and_no_other_text_does() {
    journey(async |world| {
        let ada = world.person("ada");
        let _ = world.api.sign_up(&ada, "Belfry").await.expect(202);
        let token = world.api.mail_token(&ada.email, "verify-email").await;
        let (id, signature) = token.split_once('.').unwrap();
        let flipped = if signature.starts_with('A') { "B" } else { "A" };

        for made_up in ["x".to_owned(), id.to_owned(), format!("{id}."), format!("{id}.{flipped}{}", &signature[1..])] {
            let refused = verify(&world.api, &made_up).await;
            assert_eq!((refused.status, refused.code().as_str()), (422, "accounts.challenge_invalid"), "{made_up}");
        }
        let as_reset = json!({ "token": token, "password": "brazen fugue lantern" });
        let other_purpose = world.api.as_nobody().post("/v1/auth/password/reset", as_reset).await;
        let (first, again) = (verify(&world.api, &token).await, verify(&world.api, &token).await);

        assert_eq!((other_purpose.status, other_purpose.code().as_str()), (422, "accounts.challenge_invalid"));
        assert_eq!((first.status, again.status, again.code().as_str()), (204, 422, "accounts.challenge_invalid"));
    });
}

#[test]
fn a_link_that_was_lost_is_sent_again() {
    journey(async |world| {
        let ada = world.person("ada");
        let _ = world.api.sign_up(&ada, "Belfry").await.expect(202);
        let first = world.api.mail_token(&ada.email, "verify-email").await;

        let _ = world.api.as_nobody().post("/v1/auth/verify-email/resend", json!({ "email": ada.email.to_uppercase() })).await.expect(202);
        world.until("another link is there", async || world.api.mail_token(&ada.email, "verify-email").await != first).await;
        world.api.verify(&ada).await;

        assert_eq!(world.api.log_in(&ada).await.status, 200);
    });
}

#[test]
fn signing_up_with_an_address_that_has_an_account_changes_nothing_and_tells_whoever_has_it() {
    journey(async |world| {
        let (ada, login) = world.owner("ada").await;
        let thief = Person { name: "Mallory".to_owned(), email: ada.email.to_uppercase(), ..ada.with_password("brazen fugue lantern") };

        let first = world.api.sign_up(&world.person("somebody"), "Belfry").await;
        let again = world.api.sign_up(&thief, "Elsewhere").await;

        assert_eq!(told(&first), told(&again));
        let mail = world.api.mail(&ada.email, "You have an account already").await;
        assert!(mail["text"].as_str().unwrap().contains("/login"), "{mail}");
        assert_eq!((world.api.log_in(&thief).await.status, world.api.log_in(&ada).await.status), (401, 200));
        let me = login.api.get("/v1/me").await.expect(200);
        assert_eq!((&me["name"], me["memberships"].as_array().unwrap().len()), (&json!(ada.name), 1));
    });
}

#[test]
fn no_answer_tells_whether_an_address_has_an_account() {
    journey_here(async |world| {
        let cases = [
            ("/v1/auth/login", json!({ "password": "a wrong password" })),
            ("/v1/auth/login", json!({ "password": "x" })),
            ("/v1/auth/password/forgot", json!({})),
            ("/v1/auth/verify-email/resend", json!({})),
            ("/v1/auth/sign-up", json!({ "password": "seven bells at midnight", "name": "Ada", "organization_name": "Other" })),
            ("/v1/auth/sign-up", json!({ "password": "short", "name": "Ada", "organization_name": "Other" })),
        ];
        for (number, (path, extra)) in cases.into_iter().enumerate() {
            let (verified, _) = world.owner(&format!("verified{number}")).await;
            let unverified = world.person(&format!("unverified{number}"));
            let _ = world.api.sign_up(&unverified, "Belfry").await.expect(202);
            let nobody = world.person(&format!("nobody{number}"));
            let mut answers = Vec::new();
            for person in [&verified, &unverified, &nobody] {
                let mut body = extra.clone();
                body["email"] = json!(person.email);
                answers.push(told(&world.api.as_nobody().post(path, body).await));
            }
            assert!([202, 401, 422].contains(&answers[0].0), "{path}: {:?}", answers[0]);
            assert_eq!((&answers[0], &answers[1]), (&answers[1], &answers[2]), "{path} with {extra}");
        }
    });
}

/// What the platform did for one request: requests to AWS and hashes of passwords, by operation.
async fn work(world: &World, (path, body): (&str, Value)) -> Vec<(&'static str, u64)> {
    let before = world.stage.platform.meter().snapshot();
    let answer = world.api.as_nobody().post(path, body).await;
    assert!([202, 401].contains(&answer.status), "{}", answer.text);
    let after = world.stage.platform.meter().snapshot();
    let since = |(name, usage): (&&'static str, &carillon_kernel::meter::Usage)| {
        let done = usage.requests - before.get(*name).map_or(0, |usage| usage.requests);
        (done > 0).then_some((*name, done))
    };
    after.iter().filter_map(since).collect()
}

#[test]
fn as_much_is_done_for_an_address_without_an_account() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let mut quiet = config(folder.path());
        // What is queued stays there: no consumer works at the same time.
        quiet.pollers = Start::OnRequest;
        let world = Stage::start(quiet, Some(folder)).await.organization("Bells").await;
        let (known, nobody, newcomer) = (world.person("known"), world.person("nobody"), world.person("newcomer"));
        let sign_up =
            |email: &str| json!({ "email": email, "password": "seven bells at midnight", "name": "Ada", "organization_name": "Other" });
        let _ = world.api.sign_up(&known, "Belfry").await.expect(202);

        let signing_up = work(&world, ("/v1/auth/sign-up", sign_up(&newcomer.email))).await;
        assert_eq!(signing_up, work(&world, ("/v1/auth/sign-up", sign_up(&known.email))).await);
        assert!(signing_up.contains(&("password.Hash", 1)), "{signing_up:?}");
        for path in ["/v1/auth/password/forgot", "/v1/auth/verify-email/resend"] {
            // The tries of the address are written on from what is there, or begun: either is one write.
            let body = |person: &Person| json!({ "email": person.email });
            assert_eq!(work(&world, (path, body(&known))).await, work(&world, (path, body(&nobody))).await, "{path}");
            world.advance(std::time::Duration::from_secs(4 * 3600));
        }
        for tries in 1..=5 {
            let body = |person: &Person| json!({ "email": person.email, "password": "a wrong password" });
            let for_known = work(&world, ("/v1/auth/login", body(&known))).await;
            let for_nobody = work(&world, ("/v1/auth/login", body(&nobody))).await;
            assert_eq!(for_known, for_nobody, "at the try {tries}");
            assert!(for_known.contains(&("password.Hash", 1)), "{for_known:?}");
        }
    });
}

#[test]
fn people_change_their_own_account_but_not_what_proves_who_they_are() {
    journey(async |world| {
        let (ada, login) = world.owner("ada").await;
        let patch = async |body: Value| login.api.call(Method::PATCH, "/v1/me", &body).await;

        let changed = patch(json!({ "name": "Ada King", "locale": "de", "time_zone": "Europe/Berlin" })).await.expect(200);
        let refused = patch(json!({ "email": "other@people.example" })).await;
        let wrong = patch(json!({ "name": "two\nlines", "time_zone": "Mars/Olympus" })).await;

        assert_eq!(
            (&changed["name"], &changed["locale"], &changed["time_zone"]),
            (&json!("Ada King"), &json!("de"), &json!("Europe/Berlin"))
        );
        assert_eq!((refused.status, refused.problems()), (422, vec![("/email".to_owned(), "request.unknown_field".to_owned())]));
        assert_eq!(wrong.status, 422);
        let me = login.api.get("/v1/me").await.expect(200);
        assert_eq!((&me["name"], &me["email"]), (&json!("Ada King"), &json!(ada.email)));
    });
}
