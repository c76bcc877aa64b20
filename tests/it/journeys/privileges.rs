//! What functions did, against what their policies allow: nothing refuses anything here, but AWS would.
//!
//! One witness hears all functions of all platforms of this process; `../privileges.rs` compares what it has written down with the policies
//! after all tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use carillon_kernel::{Ear, Setup};
use carillon_local::Platform;
use carillon_local::platform::{SetupOf, Start};
use carillon_local::template::Deployment;
use carillon_local::template::model::Source;
use carillon_testkit::{Action, Actions, Wire};
use carillon_xtask::privileges::{Heard, Policies, Record, record};
use serde_json::json;

use super::world::{config, repository, run};
use crate::completeness::templates::queue_parameter;

/// The one witness.
static WITNESS: LazyLock<Witness> = LazyLock::new(Witness::new);

/// Hears of every request of every function.
struct Witness {
    heard: Mutex<BTreeMap<String, Actions>>,
    /// What one journey was told already, so that not every one after it fails, too.
    told: Mutex<BTreeSet<String>>,
    policies: Policies,
    /// For the names of what there is, which are those of every platform here.
    deployment: Deployment,
    /// Where it is written down, found before anything is heard.
    folder: PathBuf,
}

/// Gives each function clients of its own, with an ear in them.
pub fn watched() -> SetupOf {
    SetupOf::new(|function: &str, setup: &Setup| watch(function, setup))
}

/// Gives a function clients of its own on the wire that the setup has, with an ear in them.
pub fn watch(function: &str, setup: &Setup) -> Setup {
    let actions = WITNESS.heard().entry(function.to_owned()).or_default().clone();
    let ear = Ear::new({
        let actions = actions.clone();
        move |action, resource| actions.note_used(action, resource)
    });
    let apart = setup.apart().with_ear(ear);
    Wire::of(setup).with_actions(actions).put_into(&apart);
    apart
}

/// No function did what its policies do not allow; what one journey finds may be another's.
pub fn nobody_did_what_they_may_not() {
    let record = WITNESS.record();
    let done = record.iter().flat_map(|(function, heard)| heard.iter().map(move |one| (function, one)));
    let beyond =
        done.filter(|(function, one)| !WITNESS.policies.allow(function, one)).map(|(function, one)| format!("{function}: {one:?}"));
    let mut told = WITNESS.told.lock().unwrap_or_else(PoisonError::into_inner);
    let beyond: Vec<String> = beyond.filter(|sentence| told.insert(sentence.clone())).collect();

    assert!(beyond.is_empty(), "AWS would refuse: {beyond:#?}");
    assert!(record.values().any(|heard| !heard.is_empty()), "nobody was heard");
}

/// Writes down what was heard, when it goes: also after a test that failed.
pub struct WrittenDown;

impl Drop for WrittenDown {
    fn drop(&mut self) {
        let record = WITNESS.record();
        if !record.is_empty()
            && let Err(error) = record::write(&WITNESS.folder, &format!("it-{}", std::process::id()), &record)
        {
            eprintln!("what functions did is not written down: {error}");
        }
    }
}

impl Witness {
    fn new() -> Self {
        let root = repository();
        Self {
            heard: Mutex::default(),
            told: Mutex::default(),
            policies: Policies::read(&root).unwrap(),
            deployment: crate::completeness::deployment(),
            folder: record::folder(&root).unwrap(),
        }
    }

    fn heard(&self) -> MutexGuard<'_, BTreeMap<String, Actions>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self) -> Record {
        let heard = self.heard().clone();
        let of = |actions: &Actions| actions.done().into_iter().map(|action| self.named(action)).collect::<BTreeSet<Heard>>();
        heard.iter().map(|(function, actions)| (function.clone(), of(actions))).filter(|(_, heard)| !heard.is_empty()).collect()
    }

    fn named(&self, action: Action) -> Heard {
        Heard { resource: parameter(&self.deployment, &action.resource), action: action.name, keys: action.keys }
    }
}

/// A resource as the policies of nested stacks write it: by the parameter that brings its ARN.
fn parameter(deployment: &Deployment, resource: &str) -> String {
    if let Some((_, queue)) = resource.rsplit_once('/').filter(|_| resource.starts_with("http")) {
        return queue_parameter(queue);
    }
    let (first, rest) = resource.split_once('/').map_or((resource, String::new()), |(first, rest)| (first, format!("/{rest}")));
    let table = deployment.tables.iter().find(|table| table.name == first).map(|table| table.logical_id.as_str());
    let bucket = deployment.buckets.iter().find(|bucket| bucket.name == first).map(|bucket| bucket.logical_id.as_str());
    match (first, table.or(bucket)) {
        (_, Some(found)) => format!("{found}Arn{rest}"),
        ("ses", None) => format!(
            "arn:AWS::Partition:ses:AWS::Region:AWS::AccountId:{}",
            rest.trim_start_matches('/').replace("set/*", "set/SesConfigurationSet")
        ),
        ("VaultKeys", None) => "VaultKeyArn".to_owned(),
        ("appconfig", None) => "FlagsConfigurationArn".to_owned(),
        _ => resource.to_owned(),
    }
}

#[test]
fn what_requests_name_is_what_policies_name() {
    let deployment = crate::completeness::deployment();
    let named = |resource| parameter(&deployment, resource);

    assert_eq!(named("http://127.0.0.1:1/000000000000/carillon-local-notices"), "NoticesQueueArn");
    assert_eq!(named("http://127.0.0.1:1/000000000000/carillon-local-notices-dead-letters"), "NoticesDeadLettersArn");
    assert_eq!(named("carillon-EntitiesTable/index/gsi1"), "EntitiesTableArn/index/gsi1");
    assert_eq!(named("carillon-bucket/imports/*"), "BucketArn/imports/*");
    assert_eq!(named("ses/configuration-set/*"), "arn:AWS::Partition:ses:AWS::Region:AWS::AccountId:configuration-set/SesConfigurationSet");
    assert_eq!(named("VaultKeys"), "VaultKeyArn");
    assert_eq!(named("*"), "*");
}

/// What a consumer may send to its dead letters would else be of use only to those that some journey sends nonsense.
#[test]
fn every_consumer_gives_up_a_message_that_nobody_can_read() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let mut quiet = config(folder.path());
        quiet.pollers = Start::OnRequest;
        let platform = Platform::start(quiet).await.unwrap();
        let functions = platform.deployment().functions.iter();
        let consumers: Vec<&str> = functions
            .filter(|function| function.sources.iter().any(|source| matches!(source, Source::Queue(_))))
            .map(|function| function.name.as_str())
            .collect();
        let event = json!({ "Records": [{ "messageId": "nonsense", "body": "?", "attributes": { "ApproximateReceiveCount": "1" } }] });

        for name in &consumers {
            let answer = platform.functions().find(name).unwrap().call(event.clone(), "nonsense".to_owned()).await.unwrap();
            assert_eq!(answer["batchItemFailures"], json!([]), "{name} wants it again");
        }

        assert!(consumers.len() > 15, "{consumers:?}");
        assert_eq!(platform.dead_letters().await.len(), consumers.len());
        nobody_did_what_they_may_not();
        platform.stop().await;
    });
}
