//! What is kept about a person: it is all in the export, and all of it goes with the account.

use std::collections::BTreeSet;
use std::time::Duration;

use carillon_identity::erasure::KEEPS_ID;
use carillon_kernel::MovableClock;
use carillon_kernel::secret::sha256_hex;
use carillon_local::{Platform, PlatformConfig};
use carillon_testkit::{Api, Device, Login, Person};
use reqwest::Method;
use serde_json::{Value, json};

use super::logins::{Stranger, link};
use super::organizations::{EDGE_KEY, at};
use super::places::{self, Place};
use super::{Stage, World, config, journey_in_time, run};

/// What becomes of a place that holds something of a person, when the person is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is deleted.
    Goes,
    /// Address, name and network address are taken out of it.
    KeepsId,
}

/// Every kind of place that holds something of a person who has everything that a person can have here. Who adds another one sees the
/// journey below fail, and considers it in `person.rs` and `erasure.rs`.
const PLACES: [(&str, &str, Fate); 22] = [
    ("EntitiesTable", "user", Fate::Goes),
    ("EntitiesTable", "email", Fate::Goes),
    ("EntitiesTable", "session", Fate::Goes),
    ("EntitiesTable", "second_factor", Fate::Goes),
    ("EntitiesTable", "recovery_codes", Fate::Goes),
    ("EntitiesTable", "login", Fate::Goes),
    ("EntitiesTable", "member", Fate::Goes),
    ("EntitiesTable", "membership", Fate::Goes),
    ("EntitiesTable", "invitation", Fate::KeepsId),
    ("EntitiesTable", "invited", Fate::Goes),
    ("EntitiesTable", "notice", Fate::Goes),
    ("EntitiesTable", "export", Fate::Goes),
    ("EntitiesTable", "idempotency", Fate::Goes),
    ("EntitiesTable", "challenge", Fate::KeepsId),
    ("EntitiesTable", "security_event", Fate::KeepsId),
    ("EntitiesTable", "audit_record", Fate::KeepsId),
    ("EntitiesTable", "MSG#ORG", Fate::Goes),
    ("EntitiesTable", "trail_export", Fate::KeepsId),
    ("EntitiesTable", "verification", Fate::KeepsId),
    ("LedgerTable", "PLAN", Fate::Goes),
    ("Bucket", "exports/users", Fate::Goes),
    ("Bucket", "exports/audit", Fate::Goes),
];

/// The stores of the deployment, with their indexes.
const STORES: [(&str, &[&str]); 3] = [("EntitiesTable", &["gsi1"]), ("LedgerTable", &[]), ("Bucket", &[])];

/// What counts by the hash of an address, and ends within a day: who erases an account and makes it anew gets no new tries.
const COUNTS_BY_HASH: &str = "attempts";

/// What an export does not show: copies of what it shows, and ids that end within days.
const NOT_SHOWN: [&str; 6] = ["idempotency", "challenge", "invited", "MSG#ORG", "trail_export", "verification"];

/// Somebody who has everything.
struct Ada {
    person: Person,
    login: Login,
    api: Api,
    /// What nothing may hold after the erasure.
    traces: Vec<String>,
}

impl Ada {
    fn traces(&self) -> Vec<&str> {
        self.traces.iter().map(String::as_str).collect()
    }

    fn user(&self) -> String {
        self.login.user.to_string()
    }
}

/// Invites somebody to an organization, and waits until the mail is there.
async fn invite(world: &World, (person, role): (&Person, &str)) {
    let invitations = async || {
        let mails = world.api.mails_to(&person.email).await;
        mails.iter().filter(|mail| mail["text"].as_str().unwrap().contains("/accept-invitation?token=")).count()
    };
    let before = invitations().await;
    let _ = world.api.post("/v1/invitations", json!({ "email": person.email, "role": role })).await.expect(201);
    world.until("the invitation is mailed", async || invitations().await > before).await;
}

/// Makes somebody a member of an organization, who logs in.
async fn member(world: &World, (person, role): (&Person, &str)) -> Login {
    invite(world, (person, role)).await;
    let _ = world.api.accept_invitation(person).await.expect(201);
    world.api.logged_in(person).await
}

/// Waits until an export is written; gives it.
async fn exported(world: &World, login: &Login) -> Value {
    let asked = login.api.post("/v1/me/export", Value::Null).await.expect(202);
    let path = format!("/v1/me/exports/{}", asked["id"].as_str().unwrap());
    world.until("the export is written", async || login.api.get(&path).await.expect(200)["status"] == "ready").await;
    login.api.get(&path).await.expect(200)
}

async fn fetched(api: &Api, export: &Value) -> Value {
    let answer = api.client().get(export["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

async fn is_erased(world: &World, login: &Login) {
    let _ = login.api.post("/v1/me/erase", Value::Null).await.expect(202);
    world.until("the account is gone", async || login.api.get("/v1/me").await.status == 401).await;
    world.settle().await;
    let left = places::all(&world.stage.platform).await;
    let user = format!("USER#{}", login.user);
    assert!(!left.iter().any(|place| place.key.starts_with(&user)), "{left:?}");
}

/// A platform of its own that knows where its clients are.
async fn behind_an_edge() -> World {
    let folder = tempfile::tempdir().unwrap();
    let clock = MovableClock::default();
    let config = config(folder.path()).setting("EDGE_KEY", EDGE_KEY);
    let config = PlatformConfig { clock: clock.clock(), ..config };
    let platform = Platform::start(config).await.unwrap();
    let key = platform.bootstrap_organization("Operators").await.unwrap();
    let operator = at(&Api::new(platform.url(), key.expose()), "192.0.2.1");
    Stage::of(platform, operator, clock, Some(folder)).organization("Bells").await
}

/// Makes somebody who has everything: everything that the platform can keep about a person is kept about this one.
async fn ada(world: &World) -> Ada {
    let address = "203.0.113.77";
    let person = Person { name: "Augusta Byron-King".to_owned(), ..world.person("augusta") };
    let api = at(&world.api, address).with_header("user-agent", "AnalyticalEngine/1843");
    invite(world, (&person, "admin")).await;
    let _ = api.accept_invitation(&person).await.expect(201);
    let login = api.logged_in(&person).await;
    let stranger = Stranger::of(&person);
    let at_home = World { api: api.clone(), ..world.clone() };
    let _ = link(&at_home, "google", (&stranger, &login)).await.expect(201);
    let _ = link(&at_home, "facebook", (&stranger, &login)).await.expect(201);

    // A second organization, and an invitation to a third.
    let (second, third) = (world.stage.organization("Second").await, world.stage.organization("Third").await);
    invite(&second, (&person, "viewer")).await;
    let _ = api.accept_invitation(&person).await.expect(201);
    invite(&third, (&person, "viewer")).await;

    // What a member does, what an account is changed by, and what makes mails.
    let _ = login.api.create_contact(json!({ "email": "reader@bells.example" })).await;
    let of_hers = World { api: login.api.clone(), ..world.clone() };
    let list = of_hers.api.create_list("Readers").await;
    let _ = of_hers.mail_campaign(list).await;
    let _ = of_hers.api.post("/v1/imports", Value::Null).await.expect(201);
    let _ = of_hers.api.post("/v1/roles", json!({ "name": "Ringers", "permissions": ["contacts.read"] })).await.expect(201);
    let _ = login.api.post("/v1/api-keys", json!({ "name": "Ada's", "permissions": ["contacts.read"] })).await.expect(201);
    let invited = json!({ "email": "charles@bells.example", "role": "viewer" });
    let keyed = [("idempotency-key", "once")];
    let _ = login.api.call_with(Method::POST, "/v1/invitations", (&invited, &keyed)).await.expect(201);
    let _ = login.api.call(Method::PATCH, "/v1/me", &json!({ "locale": "en-GB" })).await.expect(200);
    let _ = api.as_nobody().post("/v1/auth/password/forgot", json!({ "email": person.email })).await.expect(202);
    let device = login.enrol_device(world.now()).await;
    let login = again(&api, (&person, &device)).await;
    let _ = exported(world, &login).await;
    let _ = login.api.post("/v1/audit/exports", json!({ "format": "jsonl" })).await.expect(202);
    let _ = login.api.post("/v1/audit/verifications", json!({})).await.expect(202);
    world.settle().await;
    let traces = vec![person.email.clone(), person.name.clone(), address.to_string(), "AnalyticalEngine".to_owned(), stranger.id.clone()];
    Ada { person, login, api, traces }
}

/// Logs in with a recovery code.
async fn again(api: &Api, (person, device): (&Person, &Device)) -> Login {
    let demand = api.log_in(person).await.expect(200);
    Login::of(api, api.prove_login(&demand, json!({ "recovery_code": device.recovery_codes[0] })).await)
}

async fn run_all_schedules(world: &World) {
    let names: BTreeSet<String> = world.stage.platform.deployment().schedules().map(|(function, _)| function.name.clone()).collect();
    for name in names {
        world.run_schedule(&name).await;
    }
    world.settle().await;
}

/// The stores of the deployment are those that are considered here.
fn the_stores_are_known(world: &World) {
    let deployment = world.stage.platform.deployment();
    let tables = deployment.tables.iter().map(|table| {
        let indexes: Vec<&str> = table.indexes.iter().map(|index| index.name.as_str()).collect();
        (table.logical_id.as_str(), indexes)
    });
    let buckets = deployment.buckets.iter().map(|bucket| (bucket.logical_id.as_str(), Vec::new()));
    let found: Vec<(&str, Vec<&str>)> = tables.chain(buckets).collect();
    assert_eq!(found, STORES.map(|(store, indexes)| (store, indexes.to_vec())));
}

#[test]
fn after_an_erasure_nothing_is_left_of_a_person_but_an_id_where_it_must_stay() {
    run(async {
        let world = behind_an_edge().await;
        the_stores_are_known(&world);
        let ada = ada(&world).await;
        world.settle().await;
        run_all_schedules(&world).await;

        let user = ada.user();
        let before = places::all(&world.stage.platform).await;
        let mut texts = ada.traces();
        texts.push(&user);
        let found = places::kinds_that_hold(&before, &texts);
        let known: BTreeSet<(&str, &str)> = PLACES.iter().map(|(store, kind, _)| (*store, *kind)).collect();
        let unknown: Vec<_> = found.iter().filter(|(kind, _)| !known.contains(*kind)).collect();
        assert!(unknown.is_empty(), "places that hold something of a person and are not considered: {unknown:#?}");
        let unused: Vec<_> = known.iter().filter(|kind| !found.contains_key(*kind)).collect();
        assert!(unused.is_empty(), "this person has nothing in {unused:#?}");
        for trace in ada.traces() {
            assert!(before.iter().any(|place| place.holds(trace)), "{trace} is nowhere: it would prove nothing that it is gone");
        }

        is_erased(&world, &ada.login).await;
        run_all_schedules(&world).await;

        let after = places::all(&world.stage.platform).await;
        let hashes = [sha256_hex(ada.person.email.as_bytes()), sha256_hex(ada.person.name.as_bytes())];
        let holds_hash = |place: &Place| hashes.iter().any(|hash| place.holds(hash)) && place.kind != COUNTS_BY_HASH;
        let holds_trace = |place: &Place| ada.traces().iter().any(|trace| place.holds(trace));
        let left: Vec<&Place> = after.iter().filter(|place| holds_trace(place) || holds_hash(place)).collect();
        assert!(left.is_empty(), "{left:#?}");
        let keeps_id: BTreeSet<&str> = KEEPS_ID.iter().map(|(kind, _)| *kind).collect();
        let wrong: Vec<&Place> = after.iter().filter(|place| place.holds(&user) && !keeps_id.contains(place.kind.as_str())).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        for (store, kind, fate) in PLACES {
            let is_left = places::kinds_that_hold(&after, &[&user]).contains_key(&(store, kind));
            assert!(fate == Fate::KeepsId || !is_left, "{kind} keeps the id");
        }
        let again = world.api.owner(&ada.person, "Belfry").await;
        assert_ne!(again.user, ada.login.user, "the address is free for a new account");
        world.settle().await;
        world.nothing_is_dead().await;
        world.nobody_did_what_they_may_not();
    });
}

#[test]
fn an_export_holds_everything_about_its_person_and_no_secrets() {
    run(async {
        let world = behind_an_edge().await;
        let ada = ada(&world).await;
        run_all_schedules(&world).await;

        let export = exported(&world, &ada.login).await;
        let file = fetched(&ada.api, &export).await;

        assert_eq!((&file["format"], &file["user_id"]), (&json!("carillon.person/1"), &json!(ada.user())));
        let kinds: BTreeSet<&str> = file["data"].as_object().unwrap().keys().map(String::as_str).collect();
        let wanted = PLACES.iter().filter(|(store, kind, _)| *store == "EntitiesTable" && !NOT_SHOWN.contains(kind));
        let lacking: Vec<&str> = wanted.map(|(_, kind, _)| *kind).chain(["mail"]).filter(|kind| !kinds.contains(kind)).collect();
        assert!(lacking.is_empty(), "{lacking:?} lack among {kinds:?}");
        let text = file.to_string();
        for trace in ada.traces() {
            assert!(text.contains(trace), "{trace} {text}");
        }
        let mails = file["data"]["mail"].as_array().unwrap();
        assert!(mails.len() >= 5 && mails.iter().all(|mail| mail["to"] == ada.person.email), "{mails:?}");
        assert!(mails.iter().any(|mail| mail["data"]["organization_name"] == "Second"), "{mails:?}");
        assert!(file["data"]["audit_record"].as_array().unwrap().iter().all(|record| record["actor"] == ada.user()));

        assert!(!text.contains("token="), "links in mails let their reader in");
        let secrets = secrets_of(&world, &ada.user()).await;
        assert!(secrets.len() >= 5, "{}", secrets.len());
        for (name, secret) in secrets {
            assert!(!text.contains(&secret), "{name} is in the export");
        }
    });
}

/// The texts of all members under a user that are secret, by the names that the stores give them.
async fn secrets_of(world: &World, user: &str) -> Vec<(String, String)> {
    let table = &world.stage.platform.tables()["EntitiesTable"];
    let items = world.stage.platform.clients().dynamodb.scan().table_name(table).send().await.unwrap().items.unwrap();
    let own = items.iter().filter(|item| item["pk"].as_s().is_ok_and(|pk| *pk == format!("USER#{user}")));
    let secret = ["password_hash", "sealed", "refresh_seed", "hashes", "codes"];
    let mut found = Vec::new();
    for item in own {
        for (name, value) in item.iter().filter(|(name, _)| secret.contains(&name.as_str())) {
            let texts = value.as_s().map(|text| vec![text.clone()]);
            let texts = texts.or_else(|_| value.as_l().map(|list| list.iter().filter_map(|text| text.as_s().ok().cloned()).collect()));
            found.extend(texts.unwrap_or_default().into_iter().map(|text| (name.clone(), text)));
        }
    }
    found
}

#[test]
fn an_export_is_for_its_person_and_needs_a_fresh_login() {
    journey_in_time(async |world| {
        let (_, ada) = world.owner("ada").await;
        let (_, grace) = world.owner("grace").await;
        let export = exported(&world, &ada).await;
        let path = format!("/v1/me/exports/{}", export["id"].as_str().unwrap());

        let foreign = grace.api.get(&path).await;
        world.advance(Duration::from_secs(16 * 60));
        let ada = ada.refreshed().await;

        assert_eq!((foreign.status, foreign.code().as_str()), (404, "people.export_absent"));
        for path in ["/v1/me/export", "/v1/me/erase"] {
            let refused = ada.api.post(path, Value::Null).await;
            assert_eq!((refused.status, refused.code().as_str()), (403, "accounts.step_up_needed"), "{path}");
        }
        world.advance(Duration::from_secs(7 * 24 * 60 * 60));
        let again = world.api.logged_in(&world.person("ada")).await;
        assert_eq!(again.api.get(&path).await.code(), "people.export_absent", "after a week");
    });
}

#[test]
fn an_erasure_ends_every_session_and_frees_the_address() {
    journey_in_time(async |world| {
        let person = world.person("ada");
        let first = member(&world, (&person, "viewer")).await;
        let second = world.api.logged_in(&person).await;

        is_erased(&world, &second).await;

        assert!(!first.is_open().await && !second.is_open().await);
        assert_eq!(world.api.refresh(&first.refresh_token).await.status, 401);
        assert_eq!(world.api.log_in(&person).await.code(), "accounts.login_refused");
        let members = world.api.get("/v1/members").await.expect(200);
        assert!(!members.to_string().contains(&first.user.to_string()), "{members}");
        let again = member(&world, (&person, "viewer")).await;
        assert_ne!(again.user, first.user);
    });
}

#[test]
fn an_owner_transfers_the_organization_before_the_account_goes() {
    journey_in_time(async |world| {
        let (_, owner) = world.owner("ada").await;
        let heir = member(&World { api: owner.api.clone(), ..world.clone() }, (&world.person("grace"), "admin")).await;

        let refused = owner.api.post("/v1/me/erase", Value::Null).await;
        assert_eq!((refused.status, refused.code().as_str()), (409, "identity.owner_stays"), "{}", refused.text);
        assert!(owner.is_open().await);
        let _ = owner.api.post("/v1/organization/owner", json!({ "user_id": heir.user })).await.expect(200);

        is_erased(&world, &owner).await;
        assert!(heir.is_open().await);
    });
}
