//! The description of the API is the one that the sources give, and leaves out no route.

use std::collections::BTreeSet;

use carillon_harness::Trigger;
use carillon_local::registry;
use carillon_xtask::openapi;
use serde_json::Value;

use super::{deployment, root};

#[test]
fn the_description_of_the_api_is_the_one_that_the_sources_give() {
    let written = std::fs::read_to_string(root().join(openapi::DOCUMENT)).unwrap();

    let is_current = written == openapi::text(&root()).unwrap();

    assert!(is_current, "{} is stale: run cargo xtask openapi", openapi::DOCUMENT);
}

#[test]
fn every_route_is_described_with_who_may_call_it() {
    let (document, entries) = (document(), registry::entries());
    let mut described = BTreeSet::new();

    for route in deployment().routes {
        let operation = &document["paths"][&route.path][route.method.to_lowercase()];
        assert_eq!(operation["operationId"], route.function, "{} {}", route.method, route.path);
        let trigger = entries.iter().find(|entry| entry.name == route.function).unwrap().trigger;
        match trigger {
            Trigger::Http(permission) => assert_eq!(needed(operation), BTreeSet::from([permission.name()]), "{}", route.function),
            other => assert_eq!(operation["security"].as_array().unwrap().len(), 0, "{}: {other:?}", route.function),
        }
        assert_eq!(operation["responses"].get("401").is_some(), matches!(trigger, Trigger::Http(_)), "{}", route.function);
        for name in route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let names = |parameter: &Value| parameter["name"] == name && parameter["in"] == "path";
            assert!(operation["parameters"].as_array().unwrap().iter().any(names), "{} lacks {name}", route.function);
        }
        described.insert((route.path, route.method.to_lowercase()));
    }

    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| item.as_object().unwrap().keys().map(|method| (path.clone(), method.clone())));
    assert_eq!(operations.collect::<BTreeSet<_>>(), described);
}

/// The permissions that an operation names, in whatever form a caller is known; each form is described.
fn needed(operation: &Value) -> BTreeSet<&str> {
    let forms = operation["security"].as_array().unwrap().iter().flat_map(|form| form.as_object().unwrap());
    forms.flat_map(|(_, permissions)| permissions.as_array().unwrap()).map(|permission| permission.as_str().unwrap()).collect()
}

#[test]
fn what_the_description_refers_to_is_there() {
    let document = document();
    let mut references = BTreeSet::new();
    collect(&document, &mut references);

    for reference in &references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} is not there");
    }
    assert!(references.contains("#/components/schemas/Problem"));
}

fn document() -> Value {
    serde_json::from_str(&std::fs::read_to_string(root().join(openapi::DOCUMENT)).unwrap()).unwrap()
}

fn collect<'d>(value: &'d Value, references: &mut BTreeSet<&'d str>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|field| collect(field, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
