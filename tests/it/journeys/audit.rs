//! The audit trail: who did what is found in it; it is sealed and proven (`seals`), and taken along (`exports`).

mod exports;
mod seals;

use std::collections::{BTreeSet, HashMap};

use carillon_contracts::PLATFORM_ORGANIZATION;
use carillon_dynamo::Value as AttributeValue;
use carillon_kernel::MovableClock;
use carillon_local::platform::Start;
use carillon_local::{Platform, PlatformConfig};
use carillon_testkit::{Api, Login};
use reqwest::Method;
use serde_json::{Value, json};

use super::logins::{Stranger, link, log_in};
use super::{Stage, World, config, journey};

/// The functions that samples alone cannot bring to change something, and of which a journey tells that they leave a record: the one
/// below of all, but of those of [`IN_THEIR_OWN_JOURNEYS`].
pub const TOLD_BY_A_JOURNEY: [&str; 24] = [
    "accounts-sign-up",
    "accounts-verify-email",
    "accounts-log-in",
    "accounts-prove-login",
    "passwords-reset",
    "totp-confirm",
    "totp-disable",
    "recovery-codes-renew",
    "providers-finish",
    "logins-link",
    "logins-unlink",
    "invitations-accept",
    "identity-erase-user",
    "imports-import-chunk",
    "lists-delete-memberships",
    "sending-expand-audience",
    "campaigns-finish",
    "unsubscribe-apply",
    "feedback-handle-inbound-sms",
    "feedback-receive-ses-exceptions",
    "sending-deliver-sms",
    "campaigns-retry-failed",
    "roles-apply",
    "members-log-out",
];

/// Retrying needs a provider that fails (`steering`), a role that is applied later more than forty members, and who is logged out by
/// another a session in the organization (`members`).
const IN_THEIR_OWN_JOURNEYS: [&str; 3] = ["campaigns-retry-failed", "roles-apply", "members-log-out"];

type Item = HashMap<String, AttributeValue>;

/// The records that the API lists for a query, from all pages.
async fn records(api: &Api, query: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let mut page = api.get(&format!("/v1/audit/records?limit=100&{query}{cursor}")).await.expect(200);
        all.append(page["data"].as_array_mut().unwrap());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// Renames a contact a few times: changes of which each leaves a record.
async fn rename(api: &Api, contact: impl std::fmt::Display, names: &[&str]) {
    for name in names {
        let _ = api.call(Method::PATCH, &format!("/v1/contacts/{contact}"), &json!({ "first_name": name })).await.expect(200);
    }
}

/// The table of entities, as somebody sees it who may write to it directly.
struct Vandal<'a> {
    world: &'a World,
    organization: String,
    table: String,
}

impl<'a> Vandal<'a> {
    fn new(world: &'a World, login: &Login) -> Self {
        Self::of(world, login.organization)
    }

    fn of(world: &'a World, organization: impl ToString) -> Self {
        let table = world.stage.platform.tables()["EntitiesTable"].clone();
        Self { world, organization: organization.to_string(), table }
    }

    async fn items(&self, partition: &str) -> Vec<Item> {
        let query = self.world.stage.platform.clients().dynamodb.query().table_name(&self.table).consistent_read(true);
        let partition = format!("ORG#{}#{partition}", self.organization);
        let found =
            query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", AttributeValue::S(partition)).send().await;
        found.unwrap().items.unwrap_or_default()
    }

    /// The records of this month, the oldest first.
    async fn records(&self) -> Vec<Item> {
        let month = self.world.now().strftime("%Y-%m").to_string();
        self.items(&format!("AUDIT#{month}")).await
    }

    async fn put(&self, item: &Item) {
        self.world.stage.platform.clients().dynamodb.put_item().table_name(&self.table).set_item(Some(item.clone())).send().await.unwrap();
    }

    async fn remove(&self, item: &Item) {
        let request = self.world.stage.platform.clients().dynamodb.delete_item().table_name(&self.table);
        request.key("pk", item["pk"].clone()).key("sk", item["sk"].clone()).send().await.unwrap();
    }

    async fn put_with(&self, item: &Item, attribute: &str, value: &str) {
        let mut item = item.clone();
        item.insert(attribute.to_owned(), AttributeValue::S(value.to_owned()));
        self.put(&item).await;
    }
}

fn text<'i>(item: &'i Item, attribute: &str) -> &'i str {
    item[attribute].as_s().unwrap()
}

async fn platform(set: impl FnOnce(PlatformConfig) -> PlatformConfig) -> World {
    let folder = tempfile::tempdir().unwrap();
    let clock = MovableClock::default();
    let platform = Platform::start(PlatformConfig { clock: clock.clock(), ..set(config(folder.path())) }).await.unwrap();
    let key = platform.bootstrap_organization("Operators").await.unwrap();
    let operator = Api::new(platform.url(), key.expose());
    Stage::of(platform, operator, clock, Some(folder)).organization("Bells").await
}

/// A platform whose queues nobody reads: the test carries the jobs out.
async fn without_consumers() -> World {
    platform(|config| PlatformConfig { pollers: Start::OnRequest, ..config }).await
}

#[test]
fn a_change_is_found_with_who_did_it_from_where_by_what_before_and_after() {
    journey(async |world| {
        let (_, login) = world.owner("ada").await;
        let api = login.api.with_header("user-agent", "Belfry/1.0");
        let contact = api.create_contact(json!({ "email": "bell@ringers.example", "first_name": "Ada" })).await;

        let path = format!("/v1/contacts/{contact}");
        let answer = api.call(Method::PATCH, &path, &json!({ "first_name": "Grace" })).await;

        let found = records(&api, &format!("kind=contact&id={contact}")).await;
        assert_eq!(found.len(), 2, "{found:?}");
        let change = &found[0];
        assert_eq!((&change["actor"], &change["function"]), (&json!(login.user), &json!("contacts-update")));
        assert_eq!((&change["ip"], &change["user_agent"]), (&json!("127.0.0.1"), &json!("Belfry/1.0")));
        assert_eq!(change["request_id"].as_str(), answer.header("x-request-id"));
        assert_eq!(change["changes"][0]["before"]["first_name"], "Ada");
        assert_eq!(change["changes"][0]["after"]["first_name"], "Grace");
        assert!(change["id"].as_str().unwrap().starts_with("aud_"), "{change}");
        assert_eq!((&found[1]["function"], &found[1]["changes"][0]["before"]), (&json!("contacts-create"), &Value::Null));
    });
}

#[test]
fn a_change_of_nothing_leaves_no_record_and_a_refused_one_neither() {
    journey(async |world| {
        let contact = world.api.create_contact(json!({ "email": "bell@ringers.example", "first_name": "Ada" })).await;

        rename(&world.api, contact, &["Ada", "Ada"]).await;
        let _ = world.api.call(Method::PATCH, &format!("/v1/contacts/{contact}"), &json!({ "email": "none" })).await.expect(422);

        assert_eq!(records(&world.api, &format!("id={contact}")).await.len(), 1);
    });
}

#[test]
fn the_trail_is_filtered_by_time_actor_function_kind_and_thing_and_goes_on_page_by_page() {
    journey(async |world| {
        let (_, login) = world.owner("ada").await;
        let contact = login.api.create_contact(json!({ "email": "bell@ringers.example", "first_name": "Ada" })).await;
        let list = login.api.create_list("Readers").await;
        let key = login.api.post("/v1/api-keys", json!({ "name": "shop", "permissions": ["contacts.write"] })).await.expect(201);
        let by_key = login.api.with_key(key["secret"].as_str().unwrap());
        rename(&by_key, contact, &["Grace", "Edsger"]).await;
        let all = records(&login.api, "").await;
        let count = async |query: String| records(&login.api, &query).await.len();

        assert_eq!(count(format!("actor={}", key["id"].as_str().unwrap())).await, 2);
        assert_eq!(count("function=lists-create".to_owned()).await, 1);
        assert_eq!((count("kind=list".to_owned()).await, count(format!("id={list}")).await), (1, 1));
        assert_eq!(count(format!("kind=list&id={contact}")).await, 0);
        let newest = all[0]["at"].as_str().unwrap();
        assert_eq!(count(format!("from={newest}&to={newest}")).await, all.iter().filter(|record| record["at"] == newest).count());
        let ats: Vec<&str> = all.iter().map(|record| record["at"].as_str().unwrap()).collect();
        assert!(ats.is_sorted_by(|one, other| one >= other), "the latest first: {ats:?}");

        let (mut paged, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let from = cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let page = login.api.get(&format!("/v1/audit/records?limit=2&actor={}{from}", login.user)).await.expect(200);
            paged.extend(page["data"].as_array().unwrap().clone());
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            let Some(cursor) = &cursor else { break };
            for other in ["", "&kind=contact"] {
                let refused = login.api.get(&format!("/v1/audit/records?cursor={cursor}{other}")).await;
                assert_eq!(refused.problems(), [("?cursor".to_owned(), "request.cursor".to_owned())], "a cursor is its filter's");
            }
            let elsewhere = world.api.get(&format!("/v1/audit/records?actor={}&cursor={cursor}", login.user)).await;
            assert_eq!(elsewhere.problems(), [("?cursor".to_owned(), "request.cursor".to_owned())], "a cursor is its organization's");
        }
        let own: Vec<&Value> = all.iter().filter(|record| record["actor"] == login.user.to_string()).collect();
        assert_eq!(paged.iter().collect::<Vec<_>>(), own);
        let refused = login.api.get("/v1/audit/records?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z&limit=0").await;
        let problems = [("?limit", "request.limit"), ("?to", "audit.range")].map(|(pointer, code)| (pointer.to_owned(), code.to_owned()));
        assert_eq!(refused.problems(), problems);
    });
}

#[test]
fn the_trail_holds_no_secret_and_of_a_user_neither_name_nor_address() {
    journey(async |world| {
        let (ada, login) = world.owner("ada").await;
        let device = login.enrol_device(world.now()).await;
        let key = login.api.post("/v1/api-keys", json!({ "name": "shop", "permissions": ["contacts.read"] })).await.expect(201);
        let bob = world.person("bob");
        let _ = login.api.post("/v1/invitations", json!({ "email": bob.email, "role": "viewer" })).await.expect(201);
        let _ = login.api.call(Method::PATCH, "/v1/me", &json!({ "name": "Augusta King" })).await.expect(200);

        let text = json!(records(&login.api, "").await).to_string();

        let secrets = [ada.password.as_str(), key["secret"].as_str().unwrap(), &login.refresh_token, &device.recovery_codes[0], "argon2"];
        for secret in secrets.into_iter().chain([ada.email.as_str(), "Augusta", "Lovelace", &bob.email]) {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(text.contains("\"api_key\"") && text.contains("\"second_factor\"") && text.contains("\"invitation\""), "{text}");
    });
}

#[test]
fn an_export_or_a_verification_that_comes_twice_is_carried_out_once() {
    journey(async |world| {
        let (_, login) = world.owner("ada").await;
        let ask = async || {
            let (body, headers) = (json!({}), [("idempotency-key", "the same")]);
            let export = login.api.call_with(Method::POST, "/v1/audit/exports", (&body, &headers)).await.expect(202)["id"].take();
            let verification =
                login.api.call_with(Method::POST, "/v1/audit/verifications", (&body, &headers)).await.expect(202)["id"].take();
            (export, verification)
        };

        assert_eq!(ask().await, ask().await);
        assert_eq!(records(&login.api, "kind=audit_export").await.len(), 1);
        assert_eq!(records(&login.api, "kind=audit_verification").await.len(), 1);
    });
}

/// What people do with their accounts; gives the user who owns the organization.
async fn use_accounts(world: &World) -> Login {
    let (ada, login) = world.owner("ada").await;
    let stranger = Stranger::of(&ada);
    assert_eq!(link(world, "google", (&stranger, &login)).await.status, 201);
    assert_eq!(log_in(world, "google", &stranger).await.status, 200);
    assert_eq!(login.api.delete("/v1/me/logins/google").await.status, 204);
    let bob = world.person("bob");
    let _ = login.api.post("/v1/invitations", json!({ "email": bob.email, "role": "viewer" })).await.expect(201);
    let _ = world.api.accept_invitation(&bob).await.expect(201);
    let of_bob = world.api.logged_in(&bob).await;
    let _ = of_bob.api.post("/v1/me/erase", json!({})).await.expect(202);
    let device = login.enrol_device(world.now()).await;
    let _ = login.api.post("/v1/me/recovery-codes", Value::Null).await.expect(201);
    let demand = world.api.log_in(&ada).await.expect(200);
    let proven = Login::of(&world.api, world.api.prove_login(&demand, json!({ "code": device.code(world.now()) })).await);
    assert_eq!(proven.api.post("/v1/me/totp/disable", Value::Null).await.status, 204);
    assert_eq!(world.api.reset_password(&ada, "a bell for every hour").await.status, 204);
    world.api.logged_in(&ada.with_password("a bell for every hour")).await
}

/// What contacts do, and what queues do with campaigns, imports and lists.
async fn use_campaigns(world: &World) {
    let imported = world.import_subscribers(3).await;
    let (list, _) = world.subscribers(&["form@leave.example", "dead@bounce.example"]).await;
    let campaign = world.mail_campaign(list).await;
    world.api.send_campaign(campaign).await;
    let _ = world.until_ended(campaign).await;
    let page = world.api.outbox(&format!("campaign={campaign}&to=form@leave.example")).await;
    let headers = page["items"][0]["headers"].as_array().unwrap().clone();
    let way_out = headers.iter().find(|header| header["name"] == "List-Unsubscribe").unwrap()["value"].clone();
    let way_out = way_out.as_str().unwrap().trim_matches(['<', '>']);
    let one_click = world.api.client().post(way_out).header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(one_click.body("List-Unsubscribe=One-Click").send().await.unwrap().status(), 200);
    let number = "+12025550177";
    let readers = world.text_readers("ring", &[number]).await;
    let (_, own) = world.text_sender().await;
    let _ = world.api.post("/_twilio/inbound", json!({ "from": number, "to": own, "body": "Stop" })).await.expect(201);
    world.until("STOP suppresses", async || world.api.contact(readers[0]).await["suppressed"]["sms"] == json!(["stop"])).await;
    // The provider knows of one whom we never heard of.
    let silent = "+12025550178";
    let _ = world.text_readers("silent", &[silent]).await;
    let unheard = json!({ "from": silent, "to": own, "body": "Stop", "url": format!("{}/nowhere", world.api.url()) });
    let _ = world.api.post("/_twilio/inbound", unheard).await.expect(201);
    let ring = world.text_campaign_from(&own, "silent").await;
    world.api.send_campaign(ring).await;
    let _ = world.until_ended(ring).await;
    assert_eq!(world.api.delete(&format!("/v1/lists/{imported}")).await.status, 204);
}

#[test]
fn what_mails_codes_queues_and_recipients_lead_to_is_recorded_too() {
    journey(async |world| {
        let owner = use_accounts(&world).await;
        use_campaigns(&world).await;
        let told = async || {
            let mut told: BTreeSet<String> = BTreeSet::new();
            for api in [&world.api, &owner.api] {
                told.extend(records(api, "").await.iter().map(|record| record["function"].as_str().unwrap().to_owned()));
            }
            let of_platform = Vandal::of(&world, PLATFORM_ORGANIZATION).records().await;
            let own = of_platform.iter().filter(|item| text(item, "actor") == owner.user.to_string());
            told.extend(own.map(|item| text(item, "function").to_owned()));
            told
        };
        let wanted = || TOLD_BY_A_JOURNEY.iter().filter(|function| !IN_THEIR_OWN_JOURNEYS.contains(function));

        world
            .until("all of it is told", async || {
                let told = told().await;
                let missing: Vec<_> = wanted().filter(|function| !told.contains(**function)).collect();
                eprintln!("not told yet: {missing:?}");
                missing.is_empty()
            })
            .await;

        let by_chunk = records(&world.api, "function=imports-import-chunk").await;
        assert_eq!((by_chunk.len(), &by_chunk[0]["changes"][0]["kind"]), (1, &json!("import")), "{by_chunk:?}");
        assert_eq!(by_chunk[0]["actor"], "imports-import-chunk", "what a function does by itself has its name");
        let bounced = records(&world.api, "function=feedback-receive-ses-exceptions").await;
        assert_eq!(bounced[0]["changes"][0]["kind"], "suppression", "{bounced:?}");
    });
}

#[test]
fn the_trail_of_one_organization_is_not_that_of_another() {
    journey(async |world| {
        let ((_, ada), (_, eve)) = (world.owner("ada").await, world.owner("eve").await);
        let list = ada.api.create_list("Readers").await;
        let export = ada.api.post("/v1/audit/exports", json!({})).await.expect(202);
        let verification = ada.api.post("/v1/audit/verifications", json!({})).await.expect(202);

        assert_eq!(records(&eve.api, &format!("id={list}")).await, Vec::<Value>::new());
        assert_eq!(records(&eve.api, &format!("actor={}", ada.user)).await, Vec::<Value>::new());
        for (path, id, code) in [("exports", &export, "audit.export_absent"), ("verifications", &verification, "audit.verification_absent")]
        {
            let answer = eve.api.get(&format!("/v1/audit/{path}/{}", id["id"].as_str().unwrap())).await;
            assert_eq!((answer.status, answer.code().as_str()), (404, code));
        }
    });
}
