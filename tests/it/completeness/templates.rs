//! What the templates say of functions, queues and permissions.

use std::collections::BTreeSet;

use carillon_contracts::message::{NAMED_QUEUES, QUEUES};
use carillon_harness::Trigger;
use carillon_local::registry;
use carillon_local::template::model::{Deployment, Function, Source};
use serde_json::Value;

use super::{camel_case, deployment, root};

#[test]
fn templates_registry_binaries_and_sample_events_name_the_same_functions() {
    let compared = registry::check(&root(), &deployment(), &registry::entries());

    assert!(compared.is_ok(), "{}", compared.unwrap_err());
}

#[test]
fn a_function_is_one_name_in_all_its_forms() {
    for function in deployment().functions {
        assert_eq!(function.logical_id, camel_case(&function.name));
        assert_eq!(function.code_uri, format!("../../target/lambda/{}/", function.name));
        assert_eq!(function.handler, "bootstrap", "{}", function.name);
    }
}

#[test]
fn every_queue_has_one_consumer_and_dead_letters() {
    let deployment = deployment();
    let dead: BTreeSet<&str> =
        deployment.queues.iter().filter_map(|queue| queue.redrive.as_ref()).map(|redrive| redrive.queue.as_str()).collect();

    for queue in deployment.queues.iter().filter(|queue| !dead.contains(queue.name.as_str())) {
        let consumers = consumers(&deployment, &queue.name);
        assert_eq!(consumers.len(), 1, "{} is consumed by {consumers:?}", queue.name);
        assert!(queue.redrive.is_some(), "{} has no dead letters", queue.name);
        let gives_up_to = deployment.function(consumers[0]).unwrap().environment.get("DEAD_LETTERS_QUEUE_URL").unwrap();
        let dead_letters = &queue.redrive.as_ref().unwrap().queue;
        assert!(gives_up_to.ends_with(&format!("/{dead_letters}")), "{} gives messages up to {gives_up_to}", consumers[0]);
    }
}

/// The operator's functions know the queues from the contracts, and their addresses by their names.
#[test]
fn the_queues_of_the_contracts_are_the_queues_of_the_templates() {
    let deployment = deployment();
    let url = &deployment.function("dead-letters-list").unwrap().environment["QUEUES_URL"];
    let start = url.rsplit('/').next().unwrap();
    let ending = |queue: &str| [queue.to_owned(), format!("{queue}-dead-letters")];

    let named: BTreeSet<String> = NAMED_QUEUES.iter().flat_map(|queue| ending(&format!("{start}{}", queue.name))).collect();

    let made: BTreeSet<String> = deployment.queues.iter().map(|queue| queue.name.clone()).collect();
    assert_eq!(named, made);
    for queue in NAMED_QUEUES {
        let redrive = deployment.queue(&format!("{start}{}", queue.name)).unwrap().redrive.as_ref().unwrap();
        assert_eq!(redrive.queue, format!("{start}{}-dead-letters", queue.name));
    }
    for setting in QUEUES {
        let name = setting.strip_suffix("_QUEUE_URL").unwrap().to_lowercase().replace('_', "-");
        assert!(NAMED_QUEUES.iter().any(|queue| queue.name == name), "{setting} is of no queue with a name");
    }
}

/// A queue that is forgotten in one of the lists of the root would be out of reach of the operator.
#[test]
fn the_operators_functions_may_reach_every_queue() {
    let root = carillon_local::template::written(&root().join("template.yaml")).unwrap();
    let resources = root["Resources"].as_object().unwrap();
    let is_queue = |resource: &Value| resource["Properties"]["TemplateURL"] == "infra/parts/queue.yaml";
    let queues: BTreeSet<&String> = resources.iter().filter(|(_, resource)| is_queue(resource)).map(|(name, _)| name).collect();

    for (parameter, output) in [("QueueArns", "Arn"), ("DeadLettersArns", "DeadLettersArn")] {
        let listed: BTreeSet<String> = texts(&resources["Admin"]["Properties"]["Parameters"][parameter]).into_iter().collect();
        let wanted: BTreeSet<String> = queues.iter().map(|queue| format!("{queue}.Outputs.{output}")).chain([",".to_owned()]).collect();
        assert_eq!(listed, wanted, "{parameter}");
    }
}

#[test]
fn every_message_of_the_contracts_has_a_queue() {
    let deployment = deployment();

    for setting in QUEUES {
        let urls: BTreeSet<&String> = deployment.functions.iter().filter_map(|function| function.environment.get(*setting)).collect();
        assert_eq!(urls.len(), 1, "{setting} is {urls:?}");
        let name = urls.first().unwrap().rsplit('/').next().unwrap();
        assert!(deployment.queue(name).is_some(), "{setting} is no queue");
    }
}

/// Lambda asks for six times, so that a batch that was throttled is retried before it shows again
/// (AWS Lambda developer guide, "Creating and configuring an Amazon SQS event source mapping").
#[test]
fn a_received_message_stays_hidden_for_six_times_its_consumers_time_out() {
    let deployment = deployment();

    for function in &deployment.functions {
        for source in queue_sources(function) {
            let hidden = deployment.queue(&source.queue).unwrap().visibility_timeout();
            assert!(hidden >= function.timeout * 6, "{}: {hidden:?} is too short", source.queue);
            assert!(source.reports_item_failures, "{} does not report which messages failed", function.name);
            assert!(source.maximum_concurrency.is_some(), "{} has no maximum concurrency", function.name);
        }
    }
}

#[test]
fn a_policy_allows_single_actions_on_what_the_settings_name_and_nothing_else() {
    for function in deployment().functions {
        let statements = statements(&function);
        for (action, resource) in &statements {
            assert!(!action.contains('*'), "{} may {action}", function.name);
            // These name no resource, and nothing else may do so (service authorization reference of SES).
            assert!(resource != "*" || action == "ses:GetAccount", "{} may {action} everywhere", function.name);
        }
        let by_gate = has_gate_policy(&function).then(|| "EntitiesTableArn".to_owned());
        let allowed: BTreeSet<String> =
            statements.iter().map(|(_, resource)| parameter(resource)).filter(|name| name.ends_with("Arn")).chain(by_gate).collect();
        let named = named_by_settings(&function);
        assert!(allowed.is_subset(&named), "{} may use {allowed:?}, but its settings name {named:?}", function.name);
        // The bucket comes with the imports, and the vault with logins and second factors, also where only their records are read.
        // The desk of all deliveries asks for sums, of which single messages have none.
        let has_sums = function.name != "sending-deliver-message";
        let without_use =
            |name: &&String| !["BucketArn", "VaultKeyArns"].contains(&name.as_str()) && (has_sums || *name != "FiguresQueueArn");
        let unused: BTreeSet<&String> = named.difference(&allowed).filter(without_use).collect();
        assert!(unused.is_empty(), "{} may not use {unused:?}", function.name);
    }
}

#[test]
fn who_counts_requests_has_the_policy_of_the_gate_and_nobody_else() {
    let deployment = deployment();

    for entry in registry::entries() {
        let counts = matches!(entry.trigger, Trigger::Http(_)) || entry.limits_addresses;
        assert_eq!(has_gate_policy(deployment.function(entry.name).unwrap()), counts, "{}", entry.name);
    }
}

#[test]
fn who_keeps_answers_for_idempotency_keys_has_the_policy_of_answers_and_nobody_else() {
    let deployment = deployment();
    let posts: BTreeSet<&str> =
        deployment.routes.iter().filter(|route| route.method == "POST").map(|route| route.function.as_str()).collect();

    for entry in registry::entries() {
        let keeps = entry.keeps_answers && posts.contains(entry.name);
        assert_eq!(has_policy(deployment.function(entry.name).unwrap(), "AnswersPolicyArn"), keeps, "{}", entry.name);
    }
}

#[test]
fn a_route_that_reads_may_not_write() {
    // SQS shows a message only by giving it out, and takes it back by showing it again.
    const LOOKS: [&str; 2] = ["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"];
    let deployment = deployment();

    for route in deployment.routes.iter().filter(|route| route.method == "GET") {
        for (action, _) in statements(deployment.function(&route.function).unwrap()) {
            let verb = action.split(':').nth(1).unwrap();
            let looks = route.function == "dead-letters-get" && LOOKS.contains(&action.as_str());
            let reads = looks || ["Get", "BatchGet", "Query", "List"].iter().any(|start| verb.starts_with(start));
            assert!(reads, "{} may {action}", route.function);
        }
    }
}

/// The parameter that a resource begins with: `BucketArn` of `${BucketArn}/imports/*`.
fn parameter(resource: &str) -> String {
    let first = resource.split(['/', ':']).next().unwrap_or_default();
    first.trim_matches(['$', '{', '}']).to_owned()
}

/// The parameter that brings the ARN of a queue, by the queue's name in AWS: `NoticesQueueArn` of `carillon-live-notices`, and
/// `NoticesDeadLettersArn` of `carillon-live-notices-dead-letters`.
pub(crate) fn queue_parameter(queue: &str) -> String {
    let (queue, ending) = queue.strip_suffix("-dead-letters").map_or((queue, "QueueArn"), |queue| (queue, "DeadLettersArn"));
    let named = NAMED_QUEUES.iter().find(|named| queue.ends_with(&format!("-{}", named.name)));
    format!("{}{ending}", camel_case(named.unwrap_or_else(|| panic!("{queue} is no queue")).name))
}

fn consumers<'d>(deployment: &'d Deployment, queue: &str) -> Vec<&'d str> {
    let takes = |function: &&Function| queue_sources(function).iter().any(|source| source.queue == queue);
    deployment.functions.iter().filter(takes).map(|function| function.name.as_str()).collect()
}

fn queue_sources(function: &Function) -> Vec<&carillon_local::template::model::QueueSource> {
    let queues = function.sources.iter().filter_map(|source| match source {
        Source::Queue(queue) => Some(queue),
        Source::Schedule(_) => None,
    });
    queues.collect()
}

/// The resources that a function's settings lead it to, by the parameters of its stack.
fn named_by_settings(function: &Function) -> BTreeSet<String> {
    let of_setting = |name: &String| match name.as_str() {
        "BUCKET" => Some("BucketArn".to_owned()),
        "VAULT_KMS_KEYS" => Some("VaultKeyArns".to_owned()),
        "FLAGS_CONFIGURATION_ARN" => Some("FlagsConfigurationArn".to_owned()),
        "DEAD_LETTERS_QUEUE_URL" => {
            let queue = &queue_sources(function).first().unwrap().queue;
            Some(queue_parameter(&format!("{queue}-dead-letters")))
        }
        table if table.ends_with("_TABLE") => Some(format!("{}Arn", camel_case(table))),
        queue => queue.strip_suffix("_URL").map(|queue| format!("{}Arn", camel_case(queue))).filter(|_| queue.ends_with("_QUEUE_URL")),
    };
    function.environment.keys().filter_map(of_setting).collect()
}

/// Whether a function may what the gate before it does: it counts requests, also before a route that only reads.
fn has_gate_policy(function: &Function) -> bool {
    has_policy(function, "GatePolicyArn")
}

fn has_policy(function: &Function, parameter: &str) -> bool {
    function.policies.as_array().is_some_and(|policies| policies.iter().any(|policy| policy["Ref"] == parameter))
}

/// The actions that a function's own policies allow, each with its resource as the template writes it.
fn statements(function: &Function) -> Vec<(String, String)> {
    let mut allowed = Vec::new();
    for policy in function.policies.as_array().into_iter().flatten().filter(|policy| policy["Ref"].is_null()) {
        for statement in policy["Statement"].as_array().unwrap() {
            assert_eq!(statement["Effect"], "Allow", "{}", function.name);
            for action in texts(&statement["Action"]) {
                allowed.extend(texts(&statement["Resource"]).into_iter().map(|resource| (action.clone(), resource)));
            }
        }
    }
    allowed
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(call) => call.values().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        other => panic!("{other} is no action or resource"),
    }
}
