//! The callers who may not: what each shows, and how they are refused at a route.

use std::collections::BTreeSet;

use carillon_contracts::{ApiKeyId, Caller as Maker, OrganizationId, Permission, Principal, Role};
use carillon_identity::{ApiKeyName, ApiKeys, NewApiKey};
use carillon_kernel::{IdSource, Secret};
use carillon_testkit::Login;
use carillon_tokens::sign::draw_signing_key;
use carillon_tokens::{ApiKeyText, Cookie, Grant, Tokens};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use super::requests::Guarded;
use super::stage::{Organization, Stage, bearer};

/// `{"alg":"none","typ":"at+jwt"}`.
const NO_ALGORITHM: &str = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";

const UNKNOWN: (u16, &str) = (401, "caller.unknown");
const MAY_NOT: (u16, &str) = (403, "caller.may_not");
const SUSPENDED: (u16, &str) = (403, "caller.organization_suspended");
const ADDRESS: (u16, &str) = (403, "caller.address_refused");
const SECOND_FACTOR: (u16, &str) = (403, "caller.second_factor_required");
const FORGERY: (u16, &str) = (403, "caller.csrf");

/// How a caller is refused at a route; nothing where they are not.
type Refused = Box<dyn Fn(&Guarded) -> Option<(u16, &'static str)>>;

/// Somebody who calls.
pub(super) struct Caller {
    pub(super) name: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) refused: Refused,
}

/// Everybody: strangers, keys, members of each role, tokens that are worth nothing, pages of other sites.
pub(super) async fn all(stage: &Stage, home: &Organization) -> Vec<Caller> {
    let mut callers = strangers();
    callers.extend(keys(stage, home).await);
    callers.extend(roles(stage, home).await);
    callers.extend(tokens(stage, home).await);
    callers.extend(policies(stage).await);
    callers.extend(cookies(stage, home).await);
    callers
}

fn caller(name: &str, headers: Vec<(&'static str, String)>, refused: impl Fn(&Guarded) -> Option<(u16, &'static str)> + 'static) -> Caller {
    Caller { name: name.to_owned(), headers, refused: Box::new(refused) }
}

/// Somebody who is not known, at no route.
fn unknown(name: &str, headers: Vec<(&'static str, String)>) -> Caller {
    caller(name, headers, |_| Some(UNKNOWN))
}

fn strangers() -> Vec<Caller> {
    vec![
        unknown("nobody", Vec::new()),
        unknown("garbage", bearer("garbage")),
        unknown("a key that is none", bearer("car_unknown")),
        unknown("an empty credential", bearer("")),
        unknown("another scheme", vec![("authorization", "Basic b3duZXI6b3duZXI=".to_owned())]),
        unknown("a cookie that is garbage", vec![("cookie", format!("{}=garbage", Cookie::Access.name()))]),
    ]
}

/// A key is refused at routes whose permission is not among its own; what is for people is never among them.
fn key_without(permissions: BTreeSet<Permission>) -> impl Fn(&Guarded) -> Option<(u16, &'static str)> {
    move |guarded| (!permissions.contains(&guarded.permission)).then_some(MAY_NOT)
}

async fn keys(stage: &Stage, home: &Organization) -> Vec<Caller> {
    let one = [Permission::ContactsRead];
    let other = [Permission::TemplatesRead];
    let (with_one, with_other) = (new_key(home, json!({ "permissions": one })).await, new_key(home, json!({ "permissions": other })).await);
    let (revoked, rotated) = (new_key(home, json!({})).await, new_key(home, json!({})).await);
    assert_eq!(home.key.delete(&format!("/v1/api-keys/{}", revoked.0)).await.status, 204);
    let _ = home.key.post(&format!("/v1/api-keys/{}/rotate", rotated.0), json!({ "overlap_seconds": 0 })).await.expect(200);
    let foreign = new_key(home, json!({ "ip_ranges": ["203.0.113.0/24", "2001:db8::/32"] })).await;
    let guessed = ApiKeyText::draw(with_one.0.parse().unwrap(), &IdSource::system());
    vec![
        caller("a key for contacts", bearer(&with_one.1), key_without(one.into())),
        caller("a key for templates", bearer(&with_other.1), key_without(other.into())),
        caller("a key with everything", bearer(home.key.key()), key_without(of_keys().collect())),
        unknown("an expired key", bearer(&expired_key(stage, home.id).await)),
        unknown("a revoked key", bearer(&revoked.1)),
        unknown("the text of a key before its rotation", bearer(&rotated.1)),
        unknown("the id of a key with another secret", bearer(guessed.text().expose())),
        caller("a key from a foreign network", bearer(&foreign.1), |guarded| not_for_people(guarded, ADDRESS).or(Some(MAY_NOT))),
    ]
}

/// Makes a key that may do everything, unless `with` says otherwise; gives its id and its text.
async fn new_key(of: &Organization, with: Value) -> (String, String) {
    let mut body = json!({ "name": "Key", "permissions": of_keys().collect::<Vec<_>>() });
    body.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    let made = of.key.post("/v1/api-keys", body).await.expect(201);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

/// Makes a key that ended an hour ago.
async fn expired_key(stage: &Stage, organization: OrganizationId) -> String {
    let (setup, ids) = (stage.platform.setup_of("api-keys-create").unwrap(), IdSource::system());
    let permissions: BTreeSet<Permission> = of_keys().collect();
    let maker = Maker { organization, principal: Principal::ApiKey(ApiKeyId::from_bytes([1; 16])), permissions: permissions.clone() };
    let expires_at = Some(setup.clock().now() - SignedDuration::from_hours(1));
    let new = NewApiKey { name: ApiKeyName::first(), permissions, expires_at, ip_ranges: Vec::new() };
    let made = ApiKeys::from_setup(&setup).unwrap().create(&maker, new, (setup.clock().now() - SignedDuration::from_hours(2), &ids)).await;
    made.unwrap().secret.expose().to_owned()
}

fn of_keys() -> impl Iterator<Item = Permission> {
    Permission::ALL.iter().copied().filter(|permission| permission.is_for_keys())
}

/// Refuses everywhere but at one's own account.
fn not_for_people(guarded: &Guarded, refusal: (u16, &'static str)) -> Option<(u16, &'static str)> {
    (guarded.permission != Permission::AccountUse).then_some(refusal)
}

/// A member is refused at routes whose permission the role lacks, but for the member's own account.
fn role_without(permissions: BTreeSet<Permission>) -> impl Fn(&Guarded) -> Option<(u16, &'static str)> {
    move |guarded| not_for_people(guarded, MAY_NOT).filter(|_| !permissions.contains(&guarded.permission))
}

async fn roles(stage: &Stage, home: &Organization) -> Vec<Caller> {
    let mut callers = Vec::new();
    for role in Role::BUILT_IN {
        let login = match role {
            Role::Owner => home.owner.clone(),
            role => stage.member(home, &role.to_string(), &role.to_string()).await,
        };
        let refused = role_without(role.permissions().unwrap());
        callers.push(caller(&format!("a member with the role {role}"), bearer(login.access_token()), refused));
    }
    for permission in [Permission::SuppressionsRead, Permission::SendersRead] {
        let body = json!({ "name": format!("Only {permission}"), "permissions": [permission] });
        let role = home.key.post("/v1/roles", body).await.expect(201)["id"].as_str().unwrap().to_owned();
        let login = stage.member(home, &role, &role.replace('_', "-")).await;
        callers.push(caller(&format!("a member who may {permission}"), bearer(login.access_token()), role_without([permission].into())));
    }
    callers
}

/// Access tokens that are worth nothing, each of somebody who may do everything.
async fn tokens(stage: &Stage, home: &Organization) -> Vec<Caller> {
    let (platform, now) = (&stage.platform, stage.platform.setup_of("me-get").unwrap().clock().now());
    let (left, removed) = (stage.log_in(&home.person).await, stage.member(home, "admin", "removed").await);
    assert!(left.api.post("/v1/auth/logout", Value::Null).await.status < 300);
    assert_eq!(home.owner.api.delete(&format!("/v1/members/{}", removed.user)).await.status, 204);
    let elsewhere = stage.organization("elsewhere").await;

    let (ours, theirs) = (platform.tokens().unwrap(), foreign_tokens());
    let good = home.owner.access_token();
    let forged = signed(&theirs, &home.owner, home.id, now);
    let [header, claims, signature] = parts(good);
    let [_, _, foreign_signature] = parts(&forged);
    let token = |login: &Login, organization, moment| bearer(&signed(&ours, login, organization, moment));
    vec![
        unknown("an expired token", token(&home.owner, home.id, now - SignedDuration::from_mins(16))),
        unknown("a token of the future", token(&home.owner, home.id, now + SignedDuration::from_mins(16))),
        unknown("a token of a session that was left", bearer(left.access_token())),
        unknown("a token of a member who was removed", bearer(removed.access_token())),
        unknown("a token that names another organization than its session", token(&home.owner, elsewhere.id, now)),
        unknown(
            "a token that names another user's session",
            token(&Login { user: elsewhere.owner.user, ..home.owner.clone() }, home.id, now),
        ),
        unknown("a token that another key signed", bearer(&forged)),
        unknown("a token with another key's signature", bearer(&format!("{header}.{claims}.{foreign_signature}"))),
        unknown(
            "a token with the claims of another",
            bearer(&format!("{header}.{}.{signature}", parts(elsewhere.owner.access_token())[1])),
        ),
        unknown("a token without a signature", bearer(&format!("{header}.{claims}."))),
        unknown("a token without an algorithm", bearer(&format!("{NO_ALGORITHM}.{claims}."))),
        unknown("a token without an algorithm, but signed", bearer(&format!("{NO_ALGORITHM}.{claims}.{signature}"))),
        unknown("a refresh token", bearer(&home.owner.refresh_token)),
    ]
}

fn signed(tokens: &Tokens, login: &Login, organization: OrganizationId, moment: Timestamp) -> String {
    let grant = Grant { user: login.user, organization, session: login.session, methods: BTreeSet::new() };
    tokens.sign(&grant, moment).unwrap().text.expose().to_owned()
}

fn foreign_tokens() -> Tokens {
    let key: Secret = draw_signing_key(&IdSource::seeded(9)).unwrap();
    Tokens::of_key(&key).unwrap()
}

fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

/// Keys and owners of organizations that let nobody in now, each for another reason; their own accounts stay open to them.
async fn policies(stage: &Stage) -> Vec<Caller> {
    let key = |name: &str, of: &Organization, refusal| {
        caller(&format!("a key of {name}"), bearer(of.key.key()), move |guarded| not_for_people(guarded, refusal).or(Some(MAY_NOT)))
    };
    let owner = |name: &str, of: &Organization, refusal| {
        caller(&format!("the owner of {name}"), bearer(of.owner.access_token()), move |guarded| not_for_people(guarded, refusal))
    };
    let (suspended, strict) = (stage.organization("suspended").await, stage.organization("strict").await);
    let path = format!("/v1/operator/organizations/{}", suspended.id);
    let stop = json!({ "suspended": true, "reason": "complaints" });
    let _ = stage.operator.call(Method::PATCH, &path, &stop).await.expect(200);
    let demand = json!({ "security": { "second_factor_required": true } });
    let _ = strict.owner.api.call(Method::PATCH, "/v1/organization", &demand).await.expect(200);
    let walled = stage.organization("walled").await;
    stage.wall_in(walled.id).await;
    vec![
        key("a suspended organization", &suspended, SUSPENDED),
        owner("a suspended organization", &suspended, SUSPENDED),
        key("an organization that is used from elsewhere", &walled, ADDRESS),
        owner("an organization that is used from elsewhere", &walled, ADDRESS),
        owner("an organization that demands a second factor, without one", &strict, SECOND_FACTOR),
    ]
}

/// The owner's own cookie, sent along by pages that are none of ours: good for reading, which pages of others cannot see.
async fn cookies(stage: &Stage, home: &Organization) -> Vec<Caller> {
    let cookie = ("cookie", format!("{}={}", Cookie::Access.name(), home.owner.access_token()));
    let token = ("x-csrf-token", home.owner.answer["csrf_token"].as_str().unwrap().to_owned());
    let other = ("x-csrf-token", stage.log_in(&home.person).await.answer["csrf_token"].as_str().unwrap().to_owned());
    let (ours, theirs) = (("origin", stage.platform.url().to_owned()), ("origin", "https://bells.example".to_owned()));
    let forged = |name: &str, more: Vec<(&'static str, String)>| {
        let headers = [vec![cookie.clone()], more].concat();
        caller(&format!("a cookie {name}"), headers, |guarded| (guarded.route.method != "GET").then_some(FORGERY))
    };
    vec![
        forged("alone", Vec::new()),
        forged("with our origin only", vec![ours.clone()]),
        forged("with the CSRF token only", vec![token.clone()]),
        forged("with the CSRF token from another origin", vec![theirs, token]),
        forged("with the CSRF token of another session", vec![ours, other]),
    ]
}
