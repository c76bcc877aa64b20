//! The operator's documentation tells of every alarm what to do, of every parameter that a deployment needs where it comes from, and
//! names no script and no address that is not there.

use std::collections::BTreeSet;

use carillon_local::template;
use serde_json::Value;

use super::{infrastructure::files, root};

const DOCUMENT: &str = "infra/README.md";
const RUNBOOK: &str = "## When an alarm rings";

#[test]
fn the_runbook_has_a_row_for_every_alarm_and_none_for_others() {
    let rows = rows();

    let told: BTreeSet<String> = rows.iter().map(|row| row[0].split('`').nth(1).unwrap_or_default().to_owned()).collect();

    assert_eq!(told, alarms());
    for row in &rows {
        assert!(row.len() == 4 && row.iter().all(|cell| !cell.is_empty()), "{} lacks what it means, a first look or what to do", row[0]);
    }
}

#[test]
fn what_a_deployment_cannot_do_without_is_told() {
    let text = document();
    let root = template::written(&root().join("template.yaml")).unwrap();

    let parameters = root["Parameters"].as_object().unwrap();
    let needed: Vec<&String> = parameters.iter().filter(|(_, parameter)| parameter["Default"].is_null()).map(|(name, _)| name).collect();

    assert!(needed.len() >= 5, "{needed:?}");
    for name in needed {
        assert!(text.contains(&format!("`{name}`")), "{DOCUMENT} does not tell of {name}");
    }
}

#[test]
fn scripts_that_the_documentation_names_are_there() {
    let text = document();

    let words = text.split(|letter: char| letter.is_whitespace() || "`()[],;:|\"".contains(letter));
    let named: BTreeSet<&str> = words.filter(|word| word.starts_with("infra/")).map(|word| word.trim_end_matches('.')).collect();

    assert!(named.len() > 10, "{named:?}");
    for path in named {
        assert!(root().join(path).exists(), "{DOCUMENT} names {path}");
    }
}

#[test]
fn addresses_that_the_documentation_calls_are_those_of_the_api() {
    let text = document();
    let openapi: Value = serde_json::from_str(&std::fs::read_to_string(root().join("docs/openapi.json")).unwrap()).unwrap();
    let known: Vec<Vec<&str>> = openapi["paths"].as_object().unwrap().keys().map(|path| path.split('/').collect()).collect();

    let words = text.split(|letter: char| letter.is_whitespace() || "`\"'?()".contains(letter)).map(|word| word.trim_start_matches("$API"));
    let called: BTreeSet<&str> = words.filter(|word| word.starts_with("/v1/") && !word.contains('…')).collect();

    assert!(called.len() > 20, "{called:?}");
    for path in called {
        let fits = |route: &Vec<&str>| {
            let mut pairs = path.trim_end_matches('/').split('/').zip(route);
            // What stands for an id may be called anything; several addresses may be named by their beginning.
            path.split('/').count() <= route.len() && pairs.all(|(said, known)| known.starts_with('{') || said == *known)
        };
        assert!(known.iter().any(fits), "{DOCUMENT} calls {path}");
    }
}

fn document() -> String {
    std::fs::read_to_string(root().join(DOCUMENT)).unwrap()
}

/// The cells of the runbook's table.
fn rows() -> Vec<Vec<String>> {
    let text = document();
    let section = text.split(RUNBOOK).nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The alarms of all templates and parts, by their logical ids.
fn alarms() -> BTreeSet<String> {
    let mut alarms = BTreeSet::new();
    for file in files() {
        let document = template::written(&root().join(&file)).unwrap();
        let resources = document["Resources"].as_object().unwrap();
        alarms.extend(resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm").map(|(name, _)| name.clone()));
    }
    alarms
}
