//! The settings of a function in its template are those that its `build` reads.

use std::collections::{BTreeMap, BTreeSet};

use carillon_contracts::message::QUEUES;
use carillon_harness::{Entry, Setup, Trigger};
use carillon_kernel::{Clock, IdSource};
use carillon_local::registry;
use carillon_local::template::Deployment;

use super::deployment;

/// What Lambda itself sets.
const OF_LAMBDA: [(&str, &str); 3] = [("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "key")];
/// Settings that a function reads, but can do without.
const OPTIONAL: [&str; 8] = [
    "GEOIP_DATABASE",
    "EDGE_KEY",
    "SES_CONFIGURATION_SET",
    "TWILIO_BASE_URL",
    "FACEBOOK_APP_ID",
    "FACEBOOK_APP_SECRET",
    "GOOGLE_CLIENT_ID",
    "GOOGLE_CLIENT_SECRET",
];
/// What the gate before every route reads: each stack gives it to all of its functions at once.
const OF_THE_GATE: [&str; 4] = ["ALLOWED_ORIGINS", "CREDENTIAL_KEY", "RATE_LIMITS", "TOKEN_KEYS"];

/// What the harness reads, besides: to whom the figures of an invocation belong.
const OF_THE_HARNESS: [&str; 2] = ["AREA", "STAGE"];

#[test]
fn a_function_can_be_built_from_the_settings_of_its_template() {
    let (deployment, setup) = (deployment(), setup());

    let failures: Vec<String> = registry::entries()
        .iter()
        .filter_map(|entry| {
            let error = (entry.build)(&setup.with_settings(settings(&deployment, entry))).err()?;
            Some(format!("{}: {error}", entry.name))
        })
        .collect();

    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_template_names_no_setting_that_its_function_does_not_read() {
    let (deployment, setup) = (deployment(), setup());

    let mut left_over = Vec::new();
    for entry in registry::entries() {
        for name in unneeded(&deployment, &setup, &entry) {
            // The outbox reads the setting of a queue when it sends.
            if ![OPTIONAL.as_slice(), QUEUES, &OF_THE_GATE, &OF_THE_HARNESS].concat().contains(&name.as_str()) {
                left_over.push(format!("{}: {name}", entry.name));
            }
        }
    }

    assert!(left_over.is_empty(), "{}", left_over.join("\n"));
}

/// What a caller's request causes goes through the outbox, whatever crashes; so the sweep must reach every queue that routes reach.
/// Webhooks are no callers: they send at once, and the provider repeats what was not acknowledged.
#[test]
fn the_sweep_of_the_outbox_reaches_the_queues_that_requests_reach_and_no_others() {
    let deployment = deployment();
    let queues = |function: &str| {
        let settings = deployment.function(function).unwrap().environment.keys();
        settings.filter(|name| QUEUES.contains(&name.as_str())).cloned().collect::<BTreeSet<String>>()
    };

    let entries = registry::entries();
    let requests = entries.iter().filter(|entry| matches!(entry.trigger, Trigger::Http(_)));
    let reached: BTreeSet<String> = requests.flat_map(|entry| queues(entry.name)).collect();

    assert_eq!(queues("sending-sweep-outbox"), reached);
    assert!(reached.contains("AUDIENCE_EXPANSIONS_QUEUE_URL"));
}

fn setup() -> Setup {
    Setup::new(Clock::system(), IdSource::seeded(1))
}

fn settings(deployment: &Deployment, entry: &Entry) -> BTreeMap<String, String> {
    let described = deployment.function(entry.name).unwrap_or_else(|| panic!("no template describes {}", entry.name));
    let mut settings: BTreeMap<_, _> = OF_LAMBDA.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    settings.extend(described.environment.clone());
    settings
}

/// The template's settings without which the function can be built as well.
fn unneeded(deployment: &Deployment, setup: &Setup, entry: &Entry) -> Vec<String> {
    let settings = settings(deployment, entry);
    let own = settings.keys().filter(|name| !OF_LAMBDA.iter().any(|(of_lambda, _)| of_lambda == name));
    let unneeded = own.filter(|name| {
        let mut without = settings.clone();
        without.remove(*name);
        (entry.build)(&setup.with_settings(without)).is_ok()
    });
    unneeded.cloned().collect()
}
