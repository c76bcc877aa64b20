//! What functions did, against what their policies allow: nothing refuses anything here, but AWS would.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use carillon_kernel::Setup;
use carillon_local::platform::SetupOf;
use carillon_local::template::model::{Deployment, Function};
use carillon_local::template::written;
use carillon_testkit::{Action, Actions, Wire};

use super::world::repository;
use crate::completeness::templates::{has_gate_policy, statements, texts};

/// Hears of every request of every function of a platform; clones share what was heard.
#[derive(Debug, Clone, Default)]
pub struct Witness {
    heard: Arc<Mutex<BTreeMap<String, Actions>>>,
    /// What one journey was told already, so that not every one after it fails, too.
    told: Arc<Mutex<BTreeSet<String>>>,
}

/// What the policy of the gate allows: the action, the table's parameter, and the patterns of the partition keys.
struct Allowed {
    action: String,
    partitions: Vec<String>,
}

/// The statements of the gate's policy, as the root template writes them.
static OF_THE_GATE: LazyLock<Vec<Allowed>> = LazyLock::new(|| {
    let root = written(&repository().join("template.yaml")).unwrap();
    let document = &root["Resources"]["GatePolicy"]["Properties"]["PolicyDocument"];
    let mut allowed = Vec::new();
    for statement in document["Statement"].as_array().unwrap() {
        let partitions = texts(&statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]);
        assert!(!partitions.is_empty(), "{statement} is for every key");
        allowed.extend(texts(&statement["Action"]).into_iter().map(|action| Allowed { action, partitions: partitions.clone() }));
    }
    allowed
});

impl Witness {
    /// Puts an ear into each function's clients.
    pub fn setup_of(&self) -> SetupOf {
        let (heard, wire) = (Arc::clone(&self.heard), Wire::default());
        SetupOf::new(move |function: &str, setup: &Setup| {
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            let actions = heard.entry(function.to_owned()).or_default().clone();
            let apart = setup.apart();
            wire.clone().with_actions(actions).put_into(&apart);
            apart
        })
    }

    /// Lists what functions did and may not do, each once.
    pub fn beyond_policies(&self, deployment: &Deployment) -> Vec<String> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut beyond = BTreeSet::new();
        for (name, actions) in heard {
            let function = deployment.function(&name).unwrap();
            let may = statements(function);
            for action in actions.done() {
                if !is_allowed(function, &may, &Action { resource: parameter(deployment, &action.resource), ..action.clone() }) {
                    beyond.insert(format!("{name} did {} on {} {}", action.name, action.resource, action.partition));
                }
            }
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        beyond.into_iter().filter(|sentence| told.insert(sentence.clone())).collect()
    }

    /// How many functions did something.
    pub fn heard(&self) -> usize {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.values().filter(|actions| !actions.done().is_empty()).count()
    }
}

fn is_allowed(function: &Function, may: &[(String, String)], action: &Action) -> bool {
    let by_own = may.iter().any(|(name, resource)| *name == action.name && is_like(&plain(resource), &action.resource));
    let is_gates =
        |allowed: &Allowed| allowed.action == action.name && allowed.partitions.iter().any(|pattern| is_like(pattern, &action.partition));
    by_own || (has_gate_policy(function) && action.resource == "EntitiesTableArn" && OF_THE_GATE.iter().any(is_gates))
}

/// A resource as the policies of nested stacks write it: by the parameter that brings its ARN.
fn parameter(deployment: &Deployment, resource: &str) -> String {
    if let Some((_, queue)) = resource.rsplit_once("/carillon-").filter(|_| resource.starts_with("http")) {
        // `NoticesQueue-Queue` and `NoticesQueue-DeadLetters`: nested stack and logical id.
        return match queue.split_once('-') {
            Some((stack, "DeadLetters")) => format!("{}DeadLettersArn", stack.trim_end_matches("Queue")),
            _ => format!("{}Arn", queue.split('-').next().unwrap_or_default()),
        };
    }
    let (first, rest) = resource.split_once('/').map_or((resource, String::new()), |(first, rest)| (first, format!("/{rest}")));
    let table = deployment.tables.iter().find(|table| table.name == first).map(|table| table.logical_id.as_str());
    let bucket = deployment.buckets.iter().find(|bucket| bucket.name == first).map(|bucket| bucket.logical_id.as_str());
    format!("{}Arn{rest}", table.or(bucket).unwrap_or(first))
}

/// `${BucketArn}/imports/*` without its marks.
fn plain(resource: &str) -> String {
    resource.replace("${", "").replace('}', "")
}

/// Tells whether a text is like a pattern, in which `*` stands for any characters.
fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text
            .strip_prefix(start)
            .is_some_and(|text| (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| is_like(rest, &text[at..]))),
    }
}

/// Something done, in the words of the test below.
fn action(name: &str, resource: &str, partition: &str) -> Action {
    Action { name: name.to_owned(), resource: resource.to_owned(), partition: partition.to_owned() }
}

#[test]
fn a_function_may_what_its_statements_and_the_gate_allow_and_nothing_else() {
    let deployment = crate::completeness::deployment();
    let function = deployment.function("imports-create").unwrap();
    let may: Vec<(String, String)> = vec![
        ("dynamodb:PutItem".to_owned(), "LedgerTableArn".to_owned()),
        ("s3:PutObject".to_owned(), "${BucketArn}/imports/*".to_owned()),
    ];
    let allowed = |name, resource, partition| is_allowed(function, &may, &action(name, resource, partition));

    assert!(allowed("dynamodb:PutItem", "LedgerTableArn", "RUN#*"));
    assert!(!allowed("dynamodb:UpdateItem", "LedgerTableArn", "RUN#*"));
    assert!(allowed("s3:PutObject", "BucketArn/imports/x.csv", ""));
    assert!(!allowed("s3:PutObject", "BucketArn/exports/x.json", ""));
    assert!(allowed("dynamodb:UpdateItem", "EntitiesTableArn", "RATE#*#*"));
    assert!(!allowed("dynamodb:UpdateItem", "EntitiesTableArn", "ORG#*#MEMBERS"));
    assert_eq!(parameter(&deployment, "http://127.0.0.1:1/000000000000/carillon-NoticesQueue-Queue"), "NoticesQueueArn");
    assert_eq!(parameter(&deployment, "http://127.0.0.1:1/000000000000/carillon-NoticesQueue-DeadLetters"), "NoticesDeadLettersArn");
    assert_eq!(parameter(&deployment, "carillon-EntitiesTable/index/gsi1"), "EntitiesTableArn/index/gsi1");
    assert_eq!(parameter(&deployment, "carillon-bucket/imports/a"), "BucketArn/imports/a");
}
