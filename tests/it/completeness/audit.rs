//! Every function that changes something leaves a record in the audit trail, which names function, actor and kind.
//!
//! The sample events of the routes are replayed by an owner, and by the operator; what samples cannot reach, because it needs a mail, a
//! code or a queue, a journey tells ([`TOLD_BY_A_JOURNEY`]). What leaves no record stands in [`NO_RECORD`] with its reason. A function
//! that changes something and is in none of these fails here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use carillon_harness::Trigger;
use carillon_local::{Platform, registry};
use carillon_testkit::Answer;
use serde_json::Value;

use super::denial::requests::{Guarded, Request, guarded};
use super::denial::stage::{Organization, Stage, bearer};
use super::denial::things::{Ids, MAKERS, ORGANIZATION};
use super::deployment;
use crate::journeys::{TOLD_BY_A_JOURNEY, WrittenDown};

/// What could change something by its trigger and leaves no record, with the reason.
const NO_RECORD: [(&str, &str); 25] = [
    ("totp-enrol", "draws a seed, which counts for nothing until a code of it is shown; that is recorded"),
    ("campaigns-validate", "says what is wrong with a campaign, and changes nothing"),
    ("templates-preview", "shows a template, and changes nothing"),
    ("accounts-resend-verification", "makes a challenge, which ends by itself; the proof is recorded"),
    ("passwords-request-reset", "makes a challenge, which ends by itself; the reset is recorded"),
    ("providers-start", "makes an attempt, which ends by itself; the login is recorded"),
    ("sessions-refresh", "rotates the tokens of a session, which stays the same; a reuse, which ends it, is recorded"),
    ("feedback-receive-inbound-sms", "queues what it took; who handles it records what it changes"),
    ("feedback-receive-twilio-status", "queues what it took"),
    ("feedback-record-twilio-status", "what became of one recipient of a message is no change of an entity"),
    ("feedback-fold-ses-events", "what became of one recipient of a message is no change of an entity"),
    ("sending-deliver-email", "what became of one recipient of a message is no change of an entity"),
    ("sending-deliver-message", "what became of one recipient of a message is no change of an entity"),
    ("sending-fold-figures", "sums up what the ledger says"),
    ("sending-release-on-schedule", "paces what was recorded when it was sent"),
    ("sending-release-work", "paces what was recorded when it was sent"),
    ("sending-resolve-doubt", "what became of one recipient of a message is no change of an entity"),
    ("sending-sweep-outbox", "sends messages that recorded changes left"),
    ("identity-send-notice", "tells people of recorded changes and of security events"),
    ("identity-export-user", "writes the file of an export whose request is recorded"),
    ("identity-export-trail", "writes the files of an export whose request is recorded"),
    ("identity-verify-trail", "carries out a verification whose request is recorded"),
    ("identity-seal-trail", "seals records: a record of it would be one more to seal"),
    ("identity-take-security-signals", "makes security events, which are themselves the record of what was noticed"),
    ("identity-rewrap-secrets", "wraps keys anew: no secret and nothing that anybody sees changes"),
];

/// What needs an order of its own, after all that makes and changes things: what leads from one state to the next, what takes from a thing
/// before the thing is taken away, and at the end what shuts its caller out.
const IN_ORDER: [&str; 15] = [
    "campaigns-send",
    "campaigns-pause",
    "campaigns-resume",
    "campaigns-cancel",
    "lists-remove-members",
    "tags-remove",
    "tags-add",
    OTHER_DELETIONS,
    "organizations-transfer",
    "organizations-steer",
    "sessions-revoke",
    "sessions-log-out",
    "sessions-log-out-everywhere",
    "me-erase",
    "passwords-change",
];
/// The place of deletions that need none of their own.
const OTHER_DELETIONS: &str = "";

/// A request that was answered well.
#[derive(Debug)]
struct Done {
    function: String,
    request_id: String,
    actor: String,
}

/// A record as it lies in the table.
#[derive(Debug)]
struct Told {
    function: String,
    request_id: String,
    actor: String,
    ip: String,
    kinds: BTreeSet<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_that_changes_something_leaves_a_record() {
    let _at_the_end = WrittenDown;
    let stage = Stage::start().await;
    let routes: Vec<Guarded> = guarded(stage.platform.deployment(), &registry::entries());
    let mut changing: Vec<&Guarded> = routes.iter().filter(|guarded| guarded.route.method != "GET").collect();
    // What lies within a thing is taken away before the thing.
    let depth = |guarded: &Guarded| usize::MAX - guarded.route.path.split('/').count();
    changing.sort_by_key(|guarded| (place(guarded), depth(guarded), guarded.route.path.clone()));

    let done = replay(&stage, &changing).await;

    let told = records(&stage.platform).await;
    let recorded: BTreeSet<&str> = done.iter().filter(|done| is_told(done, &told)).map(|done| done.function.as_str()).collect();
    let elsewhere: BTreeSet<&str> = TOLD_BY_A_JOURNEY.iter().copied().chain(NO_RECORD.iter().map(|(function, _)| *function)).collect();
    let silent: BTreeSet<&str> = done.iter().map(|done| done.function.as_str()).filter(|function| !recorded.contains(function)).collect();
    let silent: Vec<&str> = silent.into_iter().filter(|function| !elsewhere.contains(function)).collect();
    assert!(silent.is_empty(), "answered well, and left no record that names function, actor, address and kind: {silent:?}");
    let forgotten: Vec<&str> =
        changing_functions(&routes).into_iter().filter(|name| !recorded.contains(name) && !elsewhere.contains(name)).collect();
    assert!(forgotten.is_empty(), "no sample reaches {forgotten:?}, no journey tells of them, and nothing says why");
    let not_silent: Vec<&str> =
        NO_RECORD.iter().map(|(function, _)| *function).filter(|function| told.iter().any(|told| told.function == *function)).collect();
    assert!(not_silent.is_empty(), "{not_silent:?} leave records after all");
    stage.platform.stop().await;
}

/// A record has the moment at which its function began: one that is committed at the end of the slowest run must not come after its time was sealed.
#[test]
fn the_sealer_waits_twice_as_long_as_any_function_runs() {
    let deployment = deployment();
    let longest = deployment.functions.iter().map(|function| function.timeout).max().unwrap();

    let settling = &deployment.function("identity-seal-trail").unwrap().environment["SEAL_SETTLING_SECONDS"];

    assert!(Duration::from_secs(settling.parse().unwrap()) >= longest * 2, "{settling} seconds, and a function may run for {longest:?}");
}

/// An exception is one of a function that there is.
#[test]
fn exceptions_are_of_functions_that_could_change_something() {
    let entries = registry::entries();
    let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name).collect();
    let stale: Vec<&str> =
        NO_RECORD.iter().map(|(function, _)| *function).chain(TOLD_BY_A_JOURNEY).filter(|name| !names.contains(name)).collect();
    let both: Vec<&str> = NO_RECORD.iter().map(|(function, _)| *function).filter(|name| TOLD_BY_A_JOURNEY.contains(name)).collect();

    assert!(stale.is_empty() && both.is_empty(), "no functions: {stale:?}; told and not told: {both:?}");
}

/// Replays the samples of all routes that change something, those first that make what others name.
async fn replay(stage: &Stage, changing: &[&Guarded]) -> Vec<Done> {
    let home = stage.organization("home").await;
    let (mut ids, mut done) = (Ids::default().with(ORGANIZATION, &home.id.to_string()), Vec::new());
    let makers =
        || MAKERS.iter().filter_map(|(maker, name)| Some((*changing.iter().find(|guarded| guarded.route.function == *maker)?, *name)));
    for (maker, name) in makers() {
        ids = make(stage, &home, (maker, name, ids), &mut done).await;
    }
    let (member, other) = (stage.member(&home, "viewer", "member").await, stage.log_in(&home.person).await);
    ids = ids.with("user_id", &member.user.to_string()).with("session_id", &other.session.to_string());
    ids = ids.with("security_event_id", &stage.security_event(&home).await);
    upload(stage, &home, &ids).await;
    for guarded in changing.iter().filter(|guarded| MAKERS.iter().all(|(maker, _)| guarded.route.function != *maker)) {
        ids = anew(stage, &home, (&guarded.route.function, ids)).await;
        if guarded.route.function == "campaigns-delete" {
            let (maker, name) = makers().find(|(_, name)| *name == "campaign_id").unwrap();
            ids = make(stage, &home, (maker, name, ids), &mut done).await;
        }
        for request in guarded.requests(&ids) {
            send(stage, &home, (guarded, &request), &mut done).await;
        }
    }
    done
}

/// Makes a thing from each of its samples; the first one is what others name.
async fn make(stage: &Stage, home: &Organization, (maker, name, ids): (&Guarded, &'static str, Ids), done: &mut Vec<Done>) -> Ids {
    let mut made = None;
    for request in maker.requests(&ids) {
        let answer = send(stage, home, (maker, &request), done).await;
        let id = answer.json()["id"].as_str().filter(|_| answer.status < 300).map(str::to_owned);
        made = made.or(id);
    }
    ids.with(name, &made.unwrap_or_else(|| panic!("{} made nothing", maker.route.function)))
}

/// Makes again what was taken away, or ended, before a function needs it.
async fn anew(stage: &Stage, home: &Organization, (function, ids): (&str, Ids)) -> Ids {
    match function {
        "sessions-revoke" => ids.with("session_id", &stage.log_in(&home.person).await.session.to_string()),
        "organizations-transfer" => ids.with("user_id", &stage.member(home, "admin", "heir").await.user.to_string()),
        _ => ids,
    }
}

/// Puts a file where the import expects it.
async fn upload(stage: &Stage, home: &Organization, ids: &Ids) {
    let object = format!("imports/{}/{}/file.csv", home.id, ids.get("import_id"));
    let bucket = &stage.platform.deployment().buckets[0].name;
    let body = b"email,city,Orders\nada@example.com,London,3\n".to_vec().into();
    stage.platform.clients().s3.put_object().bucket(bucket).key(object).body(body).send().await.unwrap();
}

/// Makes a request, as the operator where only the operator may; notes it when it was answered well.
async fn send(stage: &Stage, home: &Organization, (guarded, request): (&Guarded, &Request), done: &mut Vec<Done>) -> Answer {
    let is_operators = guarded.permission == carillon_contracts::Permission::PlatformOperate;
    let (credential, actor) = if is_operators {
        let key = stage.operator.key();
        (key.to_owned(), None)
    } else {
        // A session that just began: some of what is done here wants a fresh one, and some of it ends it.
        let login = stage.log_in(&home.person).await;
        (login.access_token().to_owned(), Some(login.user.to_string()))
    };
    let mut headers = bearer(&credential);
    // What keeps answers does so here, too; where there is none to keep, nobody looks at it.
    headers.push(("idempotency-key", format!("{}-{}", guarded.route.function, done.len())));
    let answer = stage.send(request, &headers).await;
    if answer.status < 300 {
        let request_id = answer.header("x-request-id").unwrap().to_owned();
        let actor = actor.unwrap_or_else(|| "key_".to_owned());
        done.push(Done { function: guarded.route.function.clone(), request_id, actor });
    } else {
        eprintln!("{} {request}: {} {}", guarded.route.function, answer.status, answer.text);
    }
    answer
}

fn is_told(done: &Done, told: &[Told]) -> bool {
    let is_of = |told: &&Told| told.request_id == done.request_id && told.function == done.function;
    told.iter().filter(is_of).any(|told| told.actor.starts_with(&done.actor) && told.ip == "127.0.0.1" && !told.kinds.is_empty())
}

/// All functions that could change something: routes but those that read, and what queues and schedules start.
fn changing_functions(routes: &[Guarded]) -> BTreeSet<&'static str> {
    let reads: BTreeMap<&str, bool> =
        routes.iter().map(|guarded| (guarded.route.function.as_str(), guarded.route.method == "GET")).collect();
    let public_reads = ["health", "keys-get", "unsubscribe-show"];
    let changes = |name: &str, trigger| match trigger {
        Trigger::Http(_) => !reads[name],
        Trigger::Public(_) => !public_reads.contains(&name),
        Trigger::Queue | Trigger::Schedule => true,
    };
    registry::entries().iter().filter(|entry| changes(entry.name, entry.trigger)).map(|entry| entry.name).collect()
}

fn place(guarded: &Guarded) -> usize {
    let name = guarded.route.function.as_str();
    let own = IN_ORDER.iter().position(|other| *other == name);
    let deletion = || IN_ORDER.iter().position(|other| *other == OTHER_DELETIONS).filter(|_| guarded.route.method == "DELETE");
    own.or_else(deletion).map_or(0, |place| place + 1)
}

async fn records(platform: &Platform) -> Vec<Told> {
    let mut told = Vec::new();
    for table in &platform.deployment().tables {
        let mut pages = platform.clients().dynamodb.scan().table_name(&table.name).consistent_read(true).into_paginator().items().send();
        while let Some(item) = pages.next().await {
            let item = item.unwrap();
            let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
            if text("entity") != "audit_record" {
                continue;
            }
            let changes: Value = serde_json::from_str(&text("changes")).unwrap();
            let kinds = changes.as_array().unwrap().iter().map(|change| change["kind"].as_str().unwrap().to_owned()).collect();
            told.push(Told { function: text("function"), request_id: text("request_id"), actor: text("actor"), ip: text("ip"), kinds });
        }
    }
    told
}
