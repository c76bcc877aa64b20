//! Logins by Google and Facebook: signing up, logging in, linking and unlinking, and what must not let anybody in.

use std::collections::BTreeMap;
use std::time::Duration;

use carillon_testkit::{Answer, Browser, Login, Person};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::{World, journey, journey_alone, journey_in_time};

/// A person at a provider, as the stand-in's page asks for them.
#[derive(Debug, Clone)]
pub(super) struct Stranger {
    pub(super) id: String,
    email: String,
    email_verified: bool,
    /// The Workspace domain: Google vouches for its addresses.
    domain: bool,
}

/// A browser that was sent to a provider and came back.
struct Visit {
    browser: Browser,
    provider: &'static str,
    parameters: BTreeMap<String, String>,
}

impl Stranger {
    /// Somebody whose address Google vouches for.
    pub(super) fn of(person: &Person) -> Self {
        Self { id: format!("id-{}", person.email), email: person.email.clone(), email_verified: true, domain: true }
    }

    fn form(&self) -> Vec<(&'static str, String)> {
        let domain = if self.domain { self.email.split('@').nth(1).unwrap() } else { "" };
        vec![
            ("id", self.id.clone()),
            ("name", "Ada Lovelace".to_owned()),
            ("email", self.email.clone()),
            ("email_verified", self.email_verified.to_string()),
            ("hd", domain.to_owned()),
        ]
    }
}

impl Visit {
    /// Begins at our page, and comes back from the provider's.
    async fn to(world: &World, (provider, purpose): (&'static str, &str), form: &[(&str, String)]) -> Self {
        let mut browser = Browser::new(&world.api, world.api.url());
        let path = format!("/v1/auth/providers/{provider}/start");
        let begun = browser.send(Method::POST, &path, &json!({ "purpose": purpose })).await.expect(200);
        let url = begun["authorization_url"].as_str().unwrap();
        assert_eq!(world.api.client().get(url).send().await.unwrap().status(), 200);
        let answer = world.api.client().post(url).form(form).send().await.unwrap();
        let back = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        assert_eq!(back.path(), format!("/login/{provider}"));
        let parameters: BTreeMap<String, String> = back.query_pairs().into_owned().collect();
        assert_eq!(parameters["state"], begun["state"].as_str().unwrap());
        Self { browser, provider, parameters }
    }

    /// What the page sends on.
    fn brought(&self) -> Value {
        let text = |name: &str| self.parameters.get(name).cloned().unwrap_or_default();
        json!({ "code": text("code"), "state": text("state") })
    }

    /// Ends the login; `more` is added to the body.
    async fn finish(&mut self, more: Value) -> Answer {
        let mut body = self.brought();
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.browser.send(Method::POST, &format!("/v1/auth/providers/{}/finish", self.provider), &body).await
    }

    /// Links the login with the account of who is logged in.
    async fn link(&self, login: &Login) -> Answer {
        let cookies: Vec<String> = self.browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let path = format!("/v1/me/logins/{}", self.provider);
        login.api.call_with(Method::POST, &path, (&self.brought(), &[("cookie", cookies.join("; ").as_str())])).await
    }
}

pub(super) async fn log_in(world: &World, provider: &'static str, stranger: &Stranger) -> Answer {
    Visit::to(world, (provider, "log_in"), &stranger.form()).await.finish(json!({})).await
}

pub(super) async fn link(world: &World, provider: &'static str, (stranger, login): (&Stranger, &Login)) -> Answer {
    Visit::to(world, (provider, "link"), &stranger.form()).await.link(login).await
}

async fn sign_up(world: &World, provider: &'static str, stranger: &Stranger) -> Answer {
    let sign_up = json!({ "sign_up": { "organization_name": "Belfry", "locale": "pt", "time_zone": "Europe/Lisbon" } });
    Visit::to(world, (provider, "log_in"), &stranger.form()).await.finish(sign_up).await
}

fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[test]
fn somebody_signs_up_with_google_and_logs_in_again() {
    journey(async |world| {
        let stranger = Stranger::of(&world.person("ada"));
        assert_eq!(refusal(&log_in(&world, "google", &stranger).await), refused(401, "logins.no_account"));

        let login = Login::of(&world.api, sign_up(&world, "google", &stranger).await);
        let me = login.api.get("/v1/me").await.expect(200);
        let again = Login::of(&world.api, log_in(&world, "google", &stranger).await);

        assert_eq!((&me["email"], &me["name"], &me["locale"]), (&json!(stranger.email), &json!("Ada Lovelace"), &json!("pt")));
        assert!(me["email_verified_at"].is_string() && me["has_password"] == false, "{me}");
        assert_eq!((again.user, again.organization), (login.user, login.organization));
        assert_ne!(again.session, login.session);
        let sessions = again.api.get("/v1/me/sessions").await.expect(200);
        assert_eq!(sessions["data"][0]["amr"], json!(["ext"]), "{sessions}");
        assert_eq!(refusal(&sign_up(&world, "google", &stranger).await).0, 200, "who has an account is let in");
    });
}

#[test]
fn a_login_by_cookies_keeps_its_tokens_from_scripts() {
    journey(async |world| {
        let mut visit = Visit::to(&world, ("google", "log_in"), &Stranger::of(&world.person("ada")).form()).await;
        assert!(visit.browser.cookies.contains_key("__Host-carillon-provider"));

        let answer = visit.finish(json!({ "delivery": "cookies", "sign_up": { "organization_name": "Belfry" } })).await;

        assert_eq!((&answer.json()["access_token"], &answer.json()["refresh_token"]), (&Value::Null, &Value::Null));
        let names: Vec<&str> = visit.browser.cookies.keys().map(String::as_str).collect();
        assert_eq!(names, ["__Host-carillon-access", "__Host-carillon-device", "__Host-carillon-refresh"], "the attempt's own is gone");
        assert_eq!(visit.browser.send(Method::GET, "/v1/me", &Value::Null).await.status, 200);
    });
}

#[test]
fn what_came_back_is_good_once_for_its_browser_its_provider_and_its_purpose() {
    journey(async |world| {
        let stranger = Stranger::of(&world.person("ada"));
        let invalid = refused(401, "logins.attempt_invalid");
        let login = Login::of(&world.api, sign_up(&world, "google", &stranger).await);
        let visit = async |purpose| Visit::to(&world, ("google", purpose), &stranger.form()).await;

        let mut replayed = visit("log_in").await;
        let cookies = replayed.browser.cookies.clone();
        assert_eq!(replayed.finish(json!({})).await.status, 200);
        replayed.browser.cookies = cookies;
        assert_eq!(refusal(&replayed.finish(json!({})).await), invalid, "used");

        let mut stolen = visit("log_in").await;
        let foreign = visit("log_in").await;
        stolen.browser.cookies = foreign.browser.cookies.clone();
        assert_eq!(refusal(&stolen.finish(json!({})).await), invalid, "another browser");
        let mut bare = visit("log_in").await;
        bare.browser.cookies.clear();
        assert_eq!(refusal(&bare.finish(json!({})).await), invalid, "no browser");
        let mut made_up = visit("log_in").await;
        made_up.parameters.insert("state".to_owned(), "made-up".to_owned());
        assert_eq!(refusal(&made_up.finish(json!({})).await), invalid, "no such state");
        let mut elsewhere = visit("log_in").await;
        elsewhere.provider = "facebook";
        assert_eq!(refusal(&elsewhere.finish(json!({})).await), invalid, "another provider");
        assert_eq!(refusal(&visit("link").await.finish(json!({})).await), invalid, "to link, not to log in");
        assert_eq!(refusal(&visit("log_in").await.link(&login).await), invalid, "to log in, not to link");
        let mut no_cookie = visit("link").await;
        no_cookie.browser.cookies.clear();
        assert_eq!(refusal(&no_cookie.link(&login).await), invalid, "to link, in no browser");
        let mut injected = visit("log_in").await;
        injected.parameters.insert("code".to_owned(), foreign.parameters["code"].clone());
        assert_eq!(refusal(&injected.finish(json!({})).await), refused(401, "logins.provider_refused"), "the code of another attempt");
        let unknown = world.api.as_nobody().post("/v1/auth/providers/myspace/start", json!({})).await;
        assert_eq!(unknown.status, 404, "{}", unknown.text);
    });
}

#[test]
fn a_login_leads_to_the_account_of_its_address_only_where_both_sides_have_proven_it() {
    journey(async |world| {
        let no_account = refused(401, "logins.no_account");
        let (person, owner) = world.owner("ada").await;
        let proven = Stranger::of(&person);
        let unvouched = Stranger { domain: false, ..proven.clone() };
        let unverified = Stranger { email_verified: false, ..proven.clone() };
        assert_eq!(refusal(&log_in(&world, "google", &unvouched).await), no_account, "an address that Google verified once");
        assert_eq!(refusal(&log_in(&world, "google", &unverified).await), no_account, "an address that Google never verified");
        assert_eq!(refusal(&log_in(&world, "facebook", &proven).await), no_account, "Facebook vouches for none");
        assert_eq!(refusal(&sign_up(&world, "google", &unverified).await), refused(409, "logins.address_unproven"));
        assert_eq!(refusal(&sign_up(&world, "facebook", &proven).await), refused(409, "logins.address_unproven"));
        let prepared = world.person("grace");
        let _ = world.api.sign_up(&prepared, "Belfry").await.expect(202);
        let grace = Stranger::of(&prepared);
        assert_eq!(refusal(&log_in(&world, "google", &grace).await), no_account, "somebody signed up with it, and never proved it");
        assert_eq!(refusal(&sign_up(&world, "google", &grace).await), no_account);

        let login = Login::of(&world.api, log_in(&world, "google", &proven).await);

        assert_eq!(login.user, owner.user);
        let logins = owner.api.get("/v1/me/logins").await.expect(200);
        assert_eq!(logins["data"][0]["provider"], "google", "{logins}");
        let told = world.api.mail(&person.email, "New way to sign in").await;
        assert!(told["text"].as_str().unwrap().to_lowercase().contains("google"), "the owner is told: {told}");
        let another = Stranger { id: "another".to_owned(), ..proven.clone() };
        assert_eq!(refusal(&log_in(&world, "google", &another).await), no_account, "another account at Google with this address");
    });
}

#[test]
fn a_login_is_linked_listed_used_and_unlinked() {
    journey(async |world| {
        let (person, owner) = world.owner("ada").await;
        let (facebook, google) = (Stranger { id: format!("f-{}", person.email), ..Stranger::of(&person) }, Stranger::of(&person));
        assert_eq!(refusal(&owner.api.delete("/v1/me/logins/facebook").await), refused(404, "logins.absent"));

        let linked = link(&world, "facebook", (&facebook, &owner)).await.expect(201);
        let again = link(&world, "facebook", (&facebook, &owner)).await;
        assert_eq!((again.status, again.json()), (201, linked.clone()), "a repetition changes nothing");
        assert_eq!(linked["provider"], "facebook");
        assert!(linked["subject"].is_null(), "the provider's id of a person is nobody's business: {linked}");
        let by_facebook = Login::of(&world.api, log_in(&world, "facebook", &facebook).await);
        assert_eq!(by_facebook.user, owner.user);
        let other = Stranger { id: format!("g-{}", person.email), ..facebook.clone() };
        assert_eq!(refusal(&link(&world, "facebook", (&other, &owner)).await), refused(409, "logins.already_linked"));
        let (_, stranger) = world.owner("grace").await;
        assert_eq!(refusal(&link(&world, "facebook", (&facebook, &stranger)).await), refused(409, "logins.of_another"));
        let _ = link(&world, "google", (&google, &owner)).await.expect(201);
        let told = async || {
            let mails = world.api.mails_to(&person.email).await;
            mails.iter().filter(|mail| mail["subject"] == "New way to sign in linked").count()
        };
        world.until("the owner is told of both", async || told().await == 2).await;

        assert_eq!(owner.api.delete("/v1/me/logins/facebook").await.status, 204);

        let logins = owner.api.get("/v1/me/logins").await.expect(200);
        let providers: Vec<&Value> = logins["data"].as_array().unwrap().iter().map(|login| &login["provider"]).collect();
        assert_eq!(providers, ["google"]);
        assert_eq!(refusal(&log_in(&world, "facebook", &facebook).await), refused(401, "logins.no_account"));
        let key = world.api.get("/v1/me/logins").await;
        assert_eq!(key.status, 403, "an API key has no account: {}", key.text);
    });
}

#[test]
fn the_last_way_into_an_account_stays() {
    journey(async |world| {
        let stranger = Stranger::of(&world.person("ada"));
        let login = Login::of(&world.api, sign_up(&world, "google", &stranger).await);
        assert_eq!(refusal(&login.api.delete("/v1/me/logins/google").await), refused(409, "logins.last_way_in"));

        let _ = link(&world, "facebook", (&stranger, &login)).await.expect(201);

        assert_eq!(login.api.delete("/v1/me/logins/google").await.status, 204, "Facebook is left");
        assert_eq!(refusal(&login.api.delete("/v1/me/logins/facebook").await), refused(409, "logins.last_way_in"));
        assert_eq!(Login::of(&world.api, log_in(&world, "facebook", &stranger).await).user, login.user);
    });
}

#[test]
fn the_second_factor_is_asked_for_after_a_login_of_a_provider() {
    journey(async |world| {
        let (person, owner) = world.owner("ada").await;
        let stranger = Stranger::of(&person);
        let _ = link(&world, "google", (&stranger, &owner)).await.expect(201);
        let device = owner.enrol_device(world.now()).await;

        let demand = log_in(&world, "google", &stranger).await.expect(200);

        assert_eq!((&demand["second_factor_required"], &demand["access_token"]), (&json!(true), &Value::Null), "{demand}");
        assert_eq!(world.api.prove_login(&demand, json!({ "code": "000000" })).await.status, 401);
        let login = Login::of(&world.api, world.api.prove_login(&demand, json!({ "code": device.code(world.now()) })).await);
        assert_eq!(login.user, owner.user);
        let sessions = login.api.get("/v1/me/sessions").await.expect(200);
        let own = sessions["data"].as_array().unwrap().iter().find(|session| session["current"] == true).unwrap();
        assert_eq!(own["amr"], json!(["otp", "ext"]), "{own}");
    });
}

#[test]
fn linking_and_unlinking_need_a_fresh_login_and_attempts_end() {
    journey_in_time(async |world| {
        let (person, owner) = world.owner("ada").await;
        let stranger = Stranger::of(&person);
        let mut slow = Visit::to(&world, ("google", "log_in"), &stranger.form()).await;
        let late = Visit::to(&world, ("google", "link"), &stranger.form()).await;

        world.advance(Duration::from_secs(10 * 60));
        assert_eq!(refusal(&slow.finish(json!({})).await), refused(401, "logins.attempt_invalid"), "ten minutes are over");
        assert_eq!(refusal(&late.link(&owner).await), refused(401, "logins.attempt_invalid"));
        world.advance(Duration::from_secs(6 * 60));
        let owner = owner.refreshed().await;

        let step_up = refused(403, "accounts.step_up_needed");
        assert_eq!(refusal(&link(&world, "google", (&stranger, &owner)).await), step_up);
        assert_eq!(refusal(&owner.api.delete("/v1/me/logins/google").await), step_up);
    });
}

#[test]
fn what_a_provider_says_counts_only_where_it_holds() {
    journey_alone(async |world| {
        let (person, owner) = world.owner("ada").await;
        let stranger = Stranger::of(&person);
        let operator = world.stage.operator.clone();
        let _ = link(&world, "google", (&stranger, &owner)).await.expect(201);
        let _ = link(&world, "facebook", (&stranger, &owner)).await.expect(201);

        let id_tokens = ["wrong_issuer", "wrong_audience", "wrong_nonce", "expired", "wrong_signature", "unknown_key", "no_algorithm"];
        for fault in id_tokens {
            operator.set_faults("google", json!({ "id_token": fault })).await;
            assert_eq!(refusal(&log_in(&world, "google", &stranger).await), refused(401, "logins.provider_refused"), "{fault}");
        }
        for fault in ["foreign_app", "invalid", "expired", "page", "another_person"] {
            operator.set_faults("facebook", json!({ "token": fault })).await;
            assert_eq!(refusal(&log_in(&world, "facebook", &stranger).await), refused(401, "logins.provider_refused"), "{fault}");
        }
        operator.set_faults("google", json!({})).await;
        operator.set_faults("facebook", json!({})).await;

        for provider in ["google", "facebook"] {
            assert_eq!(Login::of(&world.api, log_in(&world, provider, &stranger).await).user, owner.user, "{provider}");
        }
    });
}

#[test]
fn a_provider_that_fails_or_a_person_who_declines_is_told_clearly() {
    journey_alone(async |world| {
        let (person, owner) = world.owner("ada").await;
        let stranger = Stranger::of(&person);
        let unavailable = refused(503, "logins.provider_unavailable");
        for provider in ["google", "facebook"] {
            let _ = link(&world, provider, (&stranger, &owner)).await.expect(201);
            let mut visit = Visit::to(&world, (provider, "log_in"), &stranger.form()).await;
            world.stage.operator.set_faults(provider, json!({ "refuse_share": 1.0 })).await;
            let failed = visit.finish(json!({})).await;
            assert_eq!(refusal(&failed), unavailable, "{provider}");
            assert!(failed.header("retry-after").is_some());
            world.stage.operator.set_faults(provider, json!({ "server_error_after_acceptance_share": 1.0 })).await;
            assert_eq!(refusal(&log_in(&world, provider, &stranger).await), unavailable, "{provider}");
            world.stage.operator.set_faults(provider, json!({})).await;

            let mut declined = Visit::to(&world, (provider, "log_in"), &[("deny", "1".to_owned())]).await;
            assert_eq!(declined.parameters["error"], "access_denied");
            let answer = declined.finish(json!({})).await;
            assert_eq!((answer.status, answer.problems()), (422, vec![("/code".to_owned(), "logins.code".to_owned())]));
            assert_eq!(log_in(&world, provider, &stranger).await.status, 200, "and works again");
        }
    });
}
