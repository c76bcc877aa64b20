//! Nobody gets in who may not: every route that needs a permission is called by everybody who lacks it, and with the ids of others.
//!
//! What is called comes from one list: the routes of the deployment, each with the permission in its function's type; the description
//! of the API and the catalogue of permissions name the same. A caller who may not has no effect, because tables and queues are the
//! same afterwards, and gets no hint, because an id of another organization is answered like one that nobody has. Requests are the
//! sample events: a route without one fails here, and so does an id that [`things`] does not know.

mod callers;
pub(super) mod requests;
pub(super) mod stage;
pub(super) mod things;
mod traces;

use std::collections::{BTreeMap, BTreeSet};

use carillon_contracts::Permission;
use carillon_local::registry;
use carillon_testkit::Answer;
use carillon_xtask::openapi;
use futures::{StreamExt as _, stream};
use reqwest::Method;
use serde_json::{Value, json};

use super::root;
use crate::journeys::{WrittenDown, nobody_did_what_they_may_not};
use callers::Caller;
use requests::{Guarded, Request, guarded};
use stage::{Organization, Stage};
use things::Ids;

/// How many requests are under way at the same time.
const AT_ONCE: usize = 16;
/// What differs between two answers that say the same: headers, and members of bodies.
const OF_THE_REQUEST: [&str; 7] = ["date", "content-length", "x-request-id", "id", "instance", "created_at", "updated_at"];

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_who_may_not() {
    let _at_the_end = WrittenDown;
    let stage = Stage::start().await;
    let (home, away) = (stage.organization("home").await, stage.organization("away").await);
    let (of_home, of_away) = (things::make(&stage, &home).await, things::make(&stage, &away).await);
    let routes = guarded(stage.platform.deployment(), &registry::entries());

    the_lists_agree(&routes, &home).await;
    who_may_not_is_refused_without_an_effect(&stage, &home, &of_home, &routes).await;
    anothers_ids_are_like_ids_that_nobody_has(&stage, (&away, &of_away), &of_home, &routes).await;
    what_a_draft_names_of_another_is_absent(&stage, (&away, &of_away), &of_home, &routes).await;
    anothers_cursors_lead_nowhere(&stage, &home, &away, &routes).await;
    an_idempotency_key_is_its_callers_own(&home, &away).await;
    ones_own_ids_lead_to_what_is_there(&stage, &home, &of_home, &routes).await;

    what_names_nothing_answers_its_own(&stage, &home, &routes).await;

    nobody_did_what_they_may_not();
    stage.platform.stop().await;
}

/// The permissions of the functions' types are those of the catalogue, as the API and its description give it.
async fn the_lists_agree(routes: &[Guarded], home: &Organization) {
    let catalogue: BTreeSet<String> = Permission::ALL.iter().map(ToString::to_string).collect();
    let needed: BTreeSet<String> = routes.iter().map(|guarded| guarded.permission.to_string()).collect();
    let listed = home.owner.api.get("/v1/permissions").await.expect(200);
    let listed: BTreeSet<String> = listed["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    let document: Value = serde_json::from_str(&openapi::text(&root()).unwrap()).unwrap();
    let described = document["components"]["securitySchemes"]["ApiKey"]["x-permissions"].as_object().unwrap();

    assert_eq!(needed, catalogue, "a permission that no route needs, or that is in no catalogue");
    assert_eq!(listed, catalogue);
    assert_eq!(described.keys().cloned().collect::<BTreeSet<_>>(), catalogue);
    for Guarded { route, permission, .. } in routes {
        let security = &document["paths"][&route.path][route.method.to_lowercase()]["security"];
        let forms = security.as_array().unwrap().iter().flat_map(|form| form.as_object().unwrap().values());
        let named: BTreeSet<&str> = forms.flat_map(|names| names.as_array().unwrap()).map(|name| name.as_str().unwrap()).collect();
        assert_eq!(named, BTreeSet::from([permission.name()]), "{}", route.function);
    }
}

async fn who_may_not_is_refused_without_an_effect(stage: &Stage, home: &Organization, ids: &Ids, routes: &[Guarded]) {
    let callers = callers::all(stage, home).await;
    let before = (traces::items(stage).await, traces::messages(stage).await);

    let calls = callers.iter().flat_map(|caller| {
        let answered = routes.iter().filter_map(|guarded| Some((guarded, (caller.refused)(guarded)?)));
        answered.flat_map(move |(guarded, expected)| guarded.requests(ids).into_iter().map(move |request| (caller, request, expected)))
    });
    let outcomes: Vec<Outcome<'_>> = stream::iter(calls)
        .map(async |(caller, request, expected)| Outcome { answer: stage.send(&request, &caller.headers).await, caller, request, expected })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;

    let wrong: Vec<String> = outcomes.iter().filter(|outcome| !outcome.is_expected()).map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "{} of {} calls were answered otherwise:\n{}", wrong.len(), outcomes.len(), wrong.join("\n"));
    let told: BTreeSet<String> =
        outcomes.iter().filter(|outcome| outcome.answer.status == 401).map(|outcome| normal(&outcome.answer, "")).collect();
    assert_eq!(told.len(), 1, "an unknown caller is told why: {told:#?}");
    traces::assert_same(&before.0, &traces::items(stage).await);
    assert_eq!(before.1, traces::messages(stage).await, "a caller who may not sent something");
    eprintln!("{} calls of {} callers to {} routes were refused", outcomes.len(), callers.len(), routes.len());
}

/// A call that must be refused, and what came of it.
struct Outcome<'a> {
    caller: &'a Caller,
    request: Request,
    expected: (u16, &'static str),
    answer: Answer,
}

impl Outcome<'_> {
    fn is_expected(&self) -> bool {
        (self.answer.status, self.answer.code().as_str()) == self.expected
    }
}

impl std::fmt::Display for Outcome<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { caller, request, expected, answer } = self;
        write!(formatter, "{request} by {}: {} {}, not {expected:?}", caller.name, answer.status, answer.text)
    }
}

/// Somebody who may do everything in their own organization calls with ids of another one: each id in turn, in paths and in bodies.
///
/// The operator's routes are for all organizations: who calls those is told apart by the permission alone.
async fn anothers_ids_are_like_ids_that_nobody_has(stage: &Stage, (away, own): (&Organization, &Ids), foreign: &Ids, routes: &[Guarded]) {
    let before = traces::about(&traces::items(stage).await, foreign, away);
    let mut named: BTreeMap<&str, usize> = BTreeMap::new();
    for guarded in routes.iter().filter(|guarded| guarded.permission != Permission::PlatformOperate) {
        for sample in &guarded.samples {
            for name in sample.ids() {
                let with = |id: &str| sample.request(guarded, &own.with(name, id));
                let (of_another, of_nobody) = (foreign.get(name).to_owned(), things::absent(name));
                let answer = stage.send(&with(&of_another), &stage::bearer(away.owner.access_token())).await;
                let like = stage.send(&with(&of_nobody), &stage::bearer(away.owner.access_token())).await;
                let what = format!("{} with {name} of another organization", guarded.route.function);
                assert_eq!(normal(&answer, &of_another), normal(&like, &of_nobody), "{what} is answered unlike one that nobody has");
                let is_in_path = guarded.route.path.contains(&format!("{{{name}}}"));
                assert!(!is_in_path || answer.status >= 400, "{what}: {} {}", answer.status, answer.text);
                assert!(answer.status < 500, "{what}: {} {}", answer.status, answer.text);
                *named.entry(name).or_default() += 1;
            }
        }
    }
    let after = traces::about(&traces::items(stage).await, foreign, away);
    traces::assert_same(&before, &after);
    let unnamed: Vec<&str> = things::NAMES.into_iter().filter(|name| !named.contains_key(name) && *name != things::ORGANIZATION).collect();
    assert!(unnamed.is_empty(), "no sample names {unnamed:?}");
}

/// A draft of a campaign takes any ids; when it is checked or sent, those of another organization are like those that nobody has.
async fn what_a_draft_names_of_another_is_absent(stage: &Stage, (away, own): (&Organization, &Ids), foreign: &Ids, routes: &[Guarded]) {
    let before = traces::about(&traces::items(stage).await, foreign, away);
    let token = stage::bearer(away.owner.access_token());
    let create = routes.iter().find(|guarded| guarded.route.function == "campaigns-create").unwrap();
    let sample = create.samples.iter().find(|sample| sample.ids().len() == 3).unwrap();
    for name in sample.ids() {
        let mut told = Vec::new();
        for id in [foreign.get(name).to_owned(), things::absent(name)] {
            let draft = stage.send(&sample.request(create, &own.with(name, &id)), &token).await.expect(201);
            let path = format!("/v1/campaigns/{}", draft["id"].as_str().unwrap());
            for verb in ["validate", "send"] {
                let answer = away.owner.api.post(&format!("{path}/{verb}"), Value::Null).await;
                assert!(verb == "validate" || name == "list_id" || answer.status >= 400, "a campaign with {name} of another: {answer:?}");
                told.push((id == foreign.get(name), verb, normal(&answer, &id).replace(draft["id"].as_str().unwrap(), "{campaign}")));
            }
        }
        let of = |is_foreign: bool| {
            told.iter().filter(move |(foreign, ..)| *foreign == is_foreign).map(|(_, verb, answer)| (verb, answer)).collect::<Vec<_>>()
        };
        assert_eq!(of(true), of(false), "{name}");
    }
    traces::assert_same(&before, &traces::about(&traces::items(stage).await, foreign, away));
}

/// A page of one organization does not go on in another.
async fn anothers_cursors_lead_nowhere(stage: &Stage, home: &Organization, away: &Organization, routes: &[Guarded]) {
    let mut tried = Vec::new();
    for Guarded { route, permission, .. } in routes {
        if route.method != "GET" || route.path.contains('{') || *permission == Permission::PlatformOperate {
            continue;
        }
        let first = home.owner.api.get(&format!("{}?limit=1", route.path)).await;
        let Some(cursor) = first.json()["next_cursor"].as_str().map(ToOwned::to_owned) else { continue };

        let answer = away.owner.api.get(&format!("{}?limit=1&cursor={cursor}", route.path)).await;

        // Some cursors name a place in a listing that every organization has: there it goes on in the caller's own.
        let is_refused = answer.status == 422 && answer.text.contains("request.cursor");
        let all = home.owner.api.get(&format!("{}?limit=100", route.path)).await.expect(200);
        let ids = all["data"].as_array().unwrap().iter().filter_map(|one| one["id"].as_str().or_else(|| one["user_id"].as_str()));
        let shows_nothing = answer.status == 200 && ids.into_iter().all(|id| !answer.text.contains(id));
        assert!(is_refused || shows_nothing, "{}: {answer:?}", route.function);
        tried.push(route.function.as_str());
    }
    assert!(tried.len() >= 4, "only {tried:?} gave a cursor");
    assert!(stage.platform.dead_letters().await.is_empty());
}

/// Whoever sends another caller's idempotency key with the same request is not shown that caller's answer.
async fn an_idempotency_key_is_its_callers_own(home: &Organization, away: &Organization) {
    let mut made = BTreeSet::new();
    let callers = [&home.owner.api, &home.key, &away.owner.api, &away.key];
    for caller in callers {
        let body = json!({ "name": "Readers" });
        let answer = caller.call_with(Method::POST, "/v1/lists", (&body, &[("idempotency-key", "the same")])).await.expect(201);
        made.insert(answer["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(made.len(), callers.len());
}

/// The samples reach what was made, so that a refusal above was not for want of it, and their effects are such that would have been
/// seen; what takes things away comes last.
async fn ones_own_ids_lead_to_what_is_there(stage: &Stage, home: &Organization, own: &Ids, routes: &[Guarded]) {
    let with_ids = |guarded: &&Guarded| guarded.route.path.contains("_id}") && guarded.permission != Permission::PlatformOperate;
    let (mut last, first): (Vec<&Guarded>, Vec<&Guarded>) =
        routes.iter().filter(with_ids).partition(|guarded| guarded.route.method == "DELETE");
    // What a thing has goes before the thing.
    last.sort_by_key(|guarded| std::cmp::Reverse(guarded.route.path.split('/').count()));
    let before = (traces::items(stage).await, traces::messages(stage).await);
    for guarded in first.into_iter().chain(last) {
        let mut answers = Vec::new();
        for request in guarded.requests(own) {
            answers.push(stage.send(&request, &stage::bearer(home.owner.access_token())).await);
        }
        let is_found = |answer: &Answer| ![404, 401, 403].contains(&answer.status);
        assert!(answers.iter().all(is_found), "{} of the own organization: {answers:?}", guarded.route.function);
        assert!(answers.iter().any(|answer| answer.status < 400 || answer.status == 409), "{}: {answers:?}", guarded.route.function);
    }
    let after = (traces::items(stage).await, traces::messages(stage).await);
    assert!(before.0 != after.0 && before.1 != after.1, "the effects of requests are not seen here");
}

/// The other routes answer who may call them: each a member of its own, because some end the session, or change the password.
async fn what_names_nothing_answers_its_own(stage: &Stage, home: &Organization, routes: &[Guarded]) {
    for guarded in routes.iter().filter(|guarded| !guarded.route.path.contains("_id}")) {
        let caller = match guarded.permission {
            Permission::PlatformOperate => stage.operator.clone(),
            Permission::OrganizationOwn => home.owner.api.clone(),
            _ => stage.member(home, "admin", &guarded.route.function).await.api,
        };
        for request in guarded.requests(&Ids::default()) {
            let answer = stage.send(&request, &stage::bearer(caller.key())).await;
            let is_answered = answer.status < 500 && !answer.code().starts_with("caller.");
            assert!(is_answered, "{request} of the own organization: {answer:?}");
        }
    }
}

/// An answer without what differs from request to request, and with a mark where the id stands that was asked for.
fn normal(answer: &Answer, id: &str) -> String {
    let mark = |text: &str| if id.is_empty() { text.to_owned() } else { text.replace(id, "{id}") };
    let mut body = answer.json();
    if let Some(body) = body.as_object_mut() {
        body.retain(|name, _| !OF_THE_REQUEST.contains(&name.as_str()));
    }
    let is_constant = |name: &str| !OF_THE_REQUEST.contains(&name) && !name.starts_with("ratelimit-");
    let headers: BTreeMap<&str, String> =
        answer.headers.iter().filter(|(name, _)| is_constant(name)).map(|(name, value)| (name.as_str(), mark(value))).collect();
    format!("{} {headers:?} {}", answer.status, mark(&body.to_string()))
}
