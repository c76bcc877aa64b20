//! The audit trail: who did what is found in it, sealed, proven, and taken along; and what is done to it behind its back is told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use carillon_contracts::PLATFORM_ORGANIZATION;
use carillon_dynamo::Value as AttributeValue;
use carillon_identity::audit::{Progress, Sealer, TrailExports, Verifier};
use carillon_kernel::MovableClock;
use carillon_local::platform::Start;
use carillon_local::{Platform, PlatformConfig};
use carillon_testkit::{Api, Login, Stopped, stop_at};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use super::logins::{Stranger, link, log_in};
use super::{Stage, World, config, journey, journey_alone, journey_in_time, run};

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

/// Asks for a verification and waits for its outcome.
async fn verify(world: &World, api: &Api, head: Option<&Value>) -> Value {
    let asked = api.post("/v1/audit/verifications", json!({ "head": head })).await.expect(202);
    let path = format!("/v1/audit/verifications/{}", asked["id"].as_str().unwrap());
    world.until("the verification is done", async || api.get(&path).await.expect(200)["status"] == "done").await;
    api.get(&path).await.expect(200)
}

/// What a verification found: kinds, and the records or seals.
fn findings(verification: &Value) -> Vec<(String, Value)> {
    let found = verification["findings"].as_array().unwrap().iter();
    found
        .map(|finding| {
            (
                finding["kind"].as_str().unwrap().to_owned(),
                if finding["record"].is_null() { finding["seal"].clone() } else { finding["record"].clone() },
            )
        })
        .collect()
}

async fn seal(world: &World) {
    world.run_schedule("identity-seal-trail").await;
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

/// The record that the API shows of an item.
fn shown<'r>(records: &'r [Value], item: &Item) -> &'r Value {
    let is_same = |record: &&Value| record["at"] == text(item, "at") && record["request_id"] == text(item, "request_id");
    records.iter().find(is_same).unwrap()
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
fn sealed_records_verify_and_whatever_is_done_to_the_table_is_named() {
    journey_in_time(async |world| {
        let (_, login) = world.owner("ada").await;
        let (api, vandal) = (&login.api, Vandal::new(&world, &login));
        let contact = api.create_contact(json!({ "email": "bell@ringers.example", "first_name": "Ada" })).await;
        seal(&world).await;
        rename(api, contact, &["Grace", "Edsger"]).await;
        seal(&world).await;
        rename(api, contact, &["Barbara"]).await;
        seal(&world).await;

        let clean = verify(&world, api, None).await;

        assert_eq!((&clean["holds"], &clean["findings"], &clean["checked"]["seals"]), (&json!(true), &json!([]), &json!(3)), "{clean}");
        let listed = records(api, "").await;
        let sealed = listed.iter().filter(|record| record["seal"].is_u64()).count();
        assert_eq!(clean["checked"]["records"], sealed);
        assert_eq!(clean["checked"]["waiting"], 1, "the record of the request itself waits: {clean}");
        assert_eq!(clean["head"]["number"], 3);

        let stored = vandal.records().await;
        let victim = stored.iter().find(|item| text(item, "changes").contains("Edsger")).unwrap();
        let id = shown(&listed, victim)["id"].clone();
        let found = async || findings(&verify(&world, api, None).await);

        vandal.put_with(victim, "changes", &text(victim, "changes").replace("Edsger", "Mallory")).await;
        assert_eq!(found().await, [("record_edited".to_owned(), id.clone())]);
        vandal.put_with(victim, "actor", "usr_mallory").await;
        assert_eq!(found().await, [("record_edited".to_owned(), id.clone())]);
        vandal.put_with(victim, "ip", "192.0.2.66").await;
        assert_eq!(found().await, [("origin_edited".to_owned(), id.clone())]);
        vandal.remove(victim).await;
        assert_eq!(found().await, [("record_removed".to_owned(), id.clone())]);
        vandal.put(victim).await;
        assert_eq!(found().await, []);

        let mut made_up = victim.clone();
        made_up.insert("sk".to_owned(), AttributeValue::S(format!("{}#00000000000000000bad", text(victim, "at"))));
        vandal.put(&made_up).await;
        let added = found().await;
        assert_eq!(added.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["record_added"], "{added:?}");
        vandal.remove(&made_up).await;

        let seals = vandal.items("SEALS").await;
        vandal.remove(&seals[1]).await;
        assert_eq!(found().await, [("seal_removed".to_owned(), json!(2))]);
        vandal.put_with(&seals[1], "made_at", "2020-01-01T00:00:00.000Z").await;
        assert_eq!(found().await, [("seal_edited".to_owned(), json!(2))]);
        let mut swapped = seals[0].clone();
        swapped.insert("sk".to_owned(), seals[1]["sk"].clone());
        vandal.put(&swapped).await;
        assert_eq!(found().await, [("seal_moved".to_owned(), json!(2))]);
        vandal.put(&seals[1]).await;
        assert_eq!(found().await, []);
    });
}

#[test]
fn a_trail_that_was_set_back_as_a_whole_is_told_by_a_head_that_somebody_kept() {
    journey_in_time(async |world| {
        let (_, login) = world.owner("ada").await;
        let (api, vandal) = (&login.api, Vandal::new(&world, &login));
        seal(&world).await;
        let before = vandal.items("SEALS").await;
        let contact = api.create_contact(json!({ "email": "bell@ringers.example", "first_name": "Ada" })).await;
        seal(&world).await;
        rename(api, contact, &["Grace"]).await;
        seal(&world).await;
        let kept = verify(&world, api, None).await["head"].clone();
        let is_head = |item: &&Item| text(item, "sk") == "HEAD";

        let after = vandal.items("SEALS").await;
        let last = after.iter().rfind(|item| !is_head(item)).unwrap();
        vandal.remove(last).await;
        assert!(findings(&verify(&world, api, None).await).contains(&("seal_removed".to_owned(), json!(3))), "the head tells");
        vandal.put(before.iter().find(is_head).unwrap()).await;
        let kinds: BTreeSet<String> = findings(&verify(&world, api, None).await).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, BTreeSet::from(["head_edited".to_owned(), "record_added".to_owned()]), "the seals and records behind it tell");

        for seal in after.iter().filter(|item| !is_head(item) && !before.iter().any(|kept| kept["sk"] == item["sk"])) {
            vandal.remove(seal).await;
        }
        for record in vandal.records().await.iter().filter(|record| record.get("seal").is_some_and(|seal| seal.as_n().unwrap() != "1")) {
            vandal.remove(record).await;
        }
        assert_eq!(verify(&world, api, None).await["holds"], true, "all of it fits together, and is not what it was");
        assert_eq!(findings(&verify(&world, api, Some(&kept)).await), [("head_lost".to_owned(), Value::Null)]);
    });
}

#[test]
fn a_sealer_that_dies_at_any_await_or_runs_many_times_at_once_seals_every_record_once() {
    journey_alone(async |world| {
        let (_, login) = world.owner("ada").await;
        let (api, vandal) = (&login.api, Vandal::new(&world, &login));
        let contact = api.create_contact(json!({ "email": "bell@ringers.example", "first_name": "Ada" })).await;
        let sealer = Sealer::from_setup(&world.stage.platform.setup_of("identity-seal-trail").unwrap()).unwrap();

        let mut died = 0;
        for count in 1.. {
            rename(api, contact, &[&format!("Ada {count}")]).await;
            match stop_at(count, sealer.run(world.now())).await {
                Stopped::Dropped => died += 1,
                Stopped::Ended(sealed) => {
                    assert!(sealed.unwrap() >= 1);
                    break;
                }
            }
        }
        let names: Vec<String> = (0..100).map(|number| format!("Grace {number}")).collect();
        rename(api, contact, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let (one, two, three, four) =
            tokio::join!(sealer.run(world.now()), sealer.run(world.now()), sealer.run(world.now()), sealer.run(world.now()));
        let sealed: usize = [one, two, three, four].into_iter().map(Result::unwrap).sum();
        let rest = sealer.run(world.now()).await.unwrap();

        assert!(died >= 5 && sealed + rest >= 2, "{died} deaths, {sealed} and {rest} seals");
        let mut covered: BTreeMap<String, u32> = BTreeMap::new();
        for seal in vandal.items("SEALS").await.iter().filter(|item| text(item, "sk") != "HEAD") {
            for record in seal["records"].as_l().unwrap() {
                *covered.entry(record.as_s().unwrap().split(' ').next().unwrap().to_owned()).or_default() += 1;
            }
        }
        let stored: BTreeMap<String, u32> = vandal.records().await.iter().map(|item| (text(item, "sk").to_owned(), 1)).collect();
        assert_eq!(covered, stored, "every record is covered by one seal");
        assert_eq!(findings(&verify(&world, api, None).await), []);
    });
}

/// A request that dies is begun anew with its `Idempotency-Key`, and makes what it would have made at its own moment; but it is done now.
#[test]
fn an_organization_whose_head_was_removed_is_not_sealed_any_further_and_keeps_nobody_else_from_it() {
    journey_in_time(async |world| {
        let ((_, ada), (_, eve)) = (world.owner("ada").await, world.owner("eve").await);
        seal(&world).await;
        let (vandal, other) = (Vandal::new(&world, &ada), Vandal::new(&world, &eve));
        let seals = vandal.items("SEALS").await;
        vandal.remove(seals.iter().find(|item| text(item, "sk") == "HEAD").unwrap()).await;
        let _ = (ada.api.create_list("Readers").await, eve.api.create_list("Readers").await);

        let refused = world.stage.platform.run_schedule("identity-seal-trail").await;

        assert!(refused.is_err(), "somebody must hear of it");
        assert_eq!((vandal.items("SEALS").await.len(), other.items("SEALS").await.len()), (1, 3));
        assert!(findings(&verify(&world, &ada.api, None).await).contains(&("head_removed".to_owned(), Value::Null)));
        assert_eq!(findings(&verify(&world, &eve.api, None).await), []);
    });
}

#[test]
fn what_an_erasure_takes_from_records_leaves_the_trail_whole() {
    journey_alone(async |world| {
        let (_, owner) = world.owner("ada").await;
        let bob = world.person("bob");
        let _ = owner.api.post("/v1/invitations", json!({ "email": bob.email, "role": "admin" })).await.expect(201);
        let _ = world.api.accept_invitation(&bob).await.expect(201);
        let login = world.api.logged_in(&bob).await;
        let _ = login.api.create_list("Readers").await;
        seal(&world).await;
        let _ = login.api.create_list("Writers").await;

        let _ = login.api.post("/v1/me/erase", json!({})).await.expect(202);
        world.settle().await;
        seal(&world).await;

        let of_bob = records(&owner.api, &format!("actor={}", login.user)).await;
        assert!(of_bob.len() >= 3 && of_bob.iter().all(|record| record["ip"].is_null() && record["user_agent"].is_null()), "{of_bob:?}");
        let verification = verify(&world, &owner.api, None).await;
        assert_eq!((&verification["holds"], findings(&verification)), (&json!(true), Vec::new()));
    });
}

#[test]
fn an_export_downloads_and_holds_exactly_the_records_that_its_filter_wants() {
    journey(async |world| {
        let (_, login) = world.owner("ada").await;
        let api = &login.api;
        let contact = api.create_contact(json!({ "email": "bell@ringers.example", "first_name": "Ada" })).await;
        rename(api, contact, &["Grace", "=SUM(1)"]).await;
        let _ = api.create_list("Readers").await;
        let export = async |body: Value| {
            let asked = api.post("/v1/audit/exports", body).await.expect(202);
            let path = format!("/v1/audit/exports/{}", asked["id"].as_str().unwrap());
            world.until("the export is written", async || api.get(&path).await.expect(200)["status"] == "done").await;
            let done = api.get(&path).await.expect(200);
            assert_eq!(done["files"].as_array().unwrap().len(), 1, "{done}");
            let file = world.api.client().get(done["files"][0]["url"].as_str().unwrap()).send().await.unwrap();
            assert_eq!(file.status(), 200);
            (done, file.text().await.unwrap())
        };
        let mut before = records(api, "").await;
        before.reverse();

        let (done, file) = export(json!({})).await;
        let lines: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, before, "the oldest first");
        assert_eq!((&done["records"], &done["files"][0]["bytes"]), (&json!(before.len()), &json!(file.len())));

        let (_, file) = export(json!({ "format": "csv", "filter": { "kind": "contact", "id": contact } })).await;
        let rows: Vec<&str> = file.split_terminator("\r\n").collect();
        assert_eq!(rows[0], "id,at,actor,function,request_id,ip,user_agent,kind,thing,before,after");
        assert_eq!(rows.len(), 4, "{file}");
        assert!(rows[1..].iter().all(|row| row.contains(&format!(",contact,{contact},"))), "{file}");

        let later = (world.now() + SignedDuration::from_hours(1)).to_string();
        for filter in [json!({ "actor": "nobody" }), json!({ "from": later })] {
            let nothing = export(json!({ "filter": filter })).await;
            assert_eq!((nothing.0["records"].clone(), nothing.1.as_str()), (json!(0), ""));
        }
        let asked = records(api, "kind=audit_export").await;
        assert_eq!(asked.len(), 4, "who took the trail along is told in it");
        let refused = api.post("/v1/audit/exports", json!({ "format": "xml", "filter": { "colour": "red" } })).await;
        assert_eq!(refused.problems().into_iter().map(|(pointer, _)| pointer).collect::<Vec<_>>(), ["/format", "/filter/colour"]);
    });
}

/// A platform of a setting of its own.
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
fn a_record_is_sealed_when_no_writer_can_come_before_it_any_more() {
    run(async {
        let world = platform(|config| config.setting("SEAL_SETTLING_SECONDS", "600")).await;
        let vandal = Vandal::of(&world, world.organization);
        seal(&world).await;
        assert_eq!(vandal.items("SEALS").await.len(), 0);
        world.advance(Duration::from_secs(590));
        let contact = world.api.create_contact(json!({ "email": "bell@ringers.example", "first_name": "Ada" })).await;
        world.advance(Duration::from_secs(20));

        seal(&world).await;

        let seals: Vec<Value> = records(&world.api, "").await.iter().map(|record| record["seal"].clone()).collect();
        assert_eq!(seals, [Value::Null, json!(1)], "the contact's waits, the organization's does not");
        world.advance(Duration::from_secs(600));
        rename(&world.api, contact, &["Grace"]).await;
        seal(&world).await;
        let verification = verify(&world, &world.api, None).await;
        assert_eq!((&verification["holds"], &verification["checked"]), (&json!(true), &json!({ "seals": 2, "records": 2, "waiting": 2 })));
    });
}

#[test]
fn a_verification_goes_on_step_by_step_and_dies_at_any_await_without_harm() {
    run(async {
        let world = without_consumers().await;
        let contact = world.api.create_contact(json!({ "email": "bell@ringers.example", "first_name": "Ada" })).await;
        for number in 0..12 {
            rename(&world.api, contact, &[&format!("Ada {number}")]).await;
            seal(&world).await;
        }
        let asked = world.api.post("/v1/audit/verifications", json!({})).await.expect(202);
        let id = asked["id"].as_str().unwrap();
        let verifier = Verifier::from_setup(&world.stage.platform.setup_of("identity-verify-trail").unwrap()).unwrap();

        let (mut deaths, mut parts) = (0, 0);
        for count in 1.. {
            // The time is always over already: each run is one step.
            match stop_at(count, verifier.verify((world.organization, id.parse().unwrap()), Timestamp::UNIX_EPOCH)).await {
                Stopped::Dropped => deaths += 1,
                Stopped::Ended(progress) => {
                    parts += 1;
                    if progress.unwrap() == Progress::Done {
                        break;
                    }
                }
            }
        }

        let done = world.api.get(&format!("/v1/audit/verifications/{id}")).await.expect(200);
        assert!(deaths >= 3 && parts >= 3, "{deaths} deaths, {parts} parts");
        assert_eq!((&done["holds"], &done["checked"]["seals"], &done["findings"]), (&json!(true), &json!(12), &json!([])), "{done}");
        assert_eq!(done["checked"]["records"], 14, "each once: that of the organization, of the contact, and of twelve names");
        let again = verifier.verify((world.organization, id.parse().unwrap()), Timestamp::MAX).await.unwrap();
        assert_eq!((again, world.api.get(&format!("/v1/audit/verifications/{id}")).await.expect(200)), (Progress::Done, done));
    });
}

#[test]
fn an_export_of_many_records_goes_on_in_further_files_and_dies_at_any_await_without_harm() {
    run(async {
        let world = without_consumers().await;
        let _ = world.api.create_contact(json!({ "email": "bell@ringers.example", "first_name": "Ada" })).await;
        let vandal = Vandal::of(&world, world.organization);
        let mut item = vandal.records().await.remove(0);
        let changes = json!([{ "kind": "template", "id": "tpl_1", "after": { "html": "x".repeat(60_000) } }]).to_string();
        item.insert("changes".to_owned(), AttributeValue::S(changes));
        for number in 0..160 {
            let sk = format!("{}#{number:020x}", text(&item, "at"));
            item.insert("sk".to_owned(), AttributeValue::S(sk));
            vandal.put(&item).await;
        }
        let mut expected: Vec<Value> = records(&world.api, "kind=template").await;
        expected.reverse();
        let asked = world.api.post("/v1/audit/exports", json!({ "filter": { "kind": "template" } })).await.expect(202);
        let id = asked["id"].as_str().unwrap();
        let exports = TrailExports::from_setup(&world.stage.platform.setup_of("identity-export-trail").unwrap()).unwrap();

        for count in (3..).step_by(7) {
            let part = stop_at(count, exports.write((world.organization, id.parse().unwrap()), Timestamp::UNIX_EPOCH)).await;
            if let Stopped::Ended(progress) = part
                && progress.unwrap() == Progress::Done
            {
                break;
            }
        }

        let done = world.api.get(&format!("/v1/audit/exports/{id}")).await.expect(200);
        assert_eq!(
            (&done["status"], done["files"].as_array().unwrap().len(), &done["records"]),
            (&json!("done"), 2, &json!(160)),
            "{done}"
        );
        let mut written = Vec::new();
        for file in done["files"].as_array().unwrap() {
            let body = world.api.client().get(file["url"].as_str().unwrap()).send().await.unwrap().text().await.unwrap();
            assert_eq!(file["records"], body.lines().count());
            written.extend(body.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
        assert!(written == expected, "{} records were written, {} are in the trail", written.len(), expected.len());
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
