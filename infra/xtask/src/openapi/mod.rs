//! The API's description, OpenAPI 3.1: made of the templates' routes, the registry, the functions' sources and their sample events.
//!
//! Reading order: `source` is what a function's file tells, `operation` a route, `components` what they share.

mod components;
mod operation;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use carillon_harness::HttpEvent;
use carillon_kernel::IdSource;
use carillon_local::platform::keys;
use carillon_local::registry;
use carillon_local::template::{Deployment, Parameters};
use serde_json::{Value, json};

use crate::events;
use operation::Operation;

/// Where the description is.
pub const DOCUMENT: &str = "docs/openapi.json";

/// The root template's parameters without defaults, besides its keys; no route depends on them.
const PARAMETERS: [(&str, &str); 2] =
    [("TwilioAccountSid", "AC00000000000000000000000000000000"), ("TwilioAuthToken", "0123456789abcdef0123456789abcdef")];
const ABOUT: &str = "Client communication and campaigns. Every answer has the id of its request in `x-request-id`. In examples, a name \
    in double braces without spaces, such as {{list_id}}, stands for the id of a thing of yours. Fields that are not known are refused.";

/// Writes the description as the text of its file.
///
/// # Errors
/// As the file system fails; or, of kind [`io::ErrorKind::Other`], that a template, a source or a sample is not as it has to be.
pub fn text(root: &Path) -> io::Result<String> {
    Ok(format!("{:#}\n", document(root)?))
}

fn document(root: &Path) -> io::Result<Value> {
    let (mut paths, mut areas) = (BTreeMap::<String, BTreeMap<String, Value>>::new(), BTreeSet::new());
    let (sources, samples, entries) = (source::read_all(root)?, events::samples(root)?, registry::entries());
    for route in deployment(root)?.routes {
        let name = &route.function;
        let entry = entries.iter().find(|entry| entry.name == name).ok_or_else(|| absent(name, "the registry"))?;
        let source = sources.get(name).ok_or_else(|| absent(name, "the sources"))?;
        let files = samples.get(name).map(Vec::as_slice).unwrap_or_default();
        let samples = files.iter().map(|sample| read_sample(root, name, &sample.file)).collect::<io::Result<_>>()?;
        let operation = Operation { route: &route, trigger: entry.trigger, source, samples };
        let document = operation.document().map_err(io::Error::other)?;
        areas.insert(source.area.clone());
        paths.entry(route.path.clone()).or_default().insert(route.method.to_lowercase(), document);
    }
    let tags: Vec<Value> = areas.into_iter().map(|name| json!({ "name": name })).collect();
    Ok(json!({
        "openapi": "3.1.0",
        "info": { "title": "Carillon", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT },
        "servers": [
            { "url": "https://{domain}", "variables": { "domain": { "default": "api.example.com" } } },
            { "url": "http://127.0.0.1:8080", "description": "The local platform." },
        ],
        "tags": tags,
        "paths": paths,
        "components": components::components(root)?,
    }))
}

fn deployment(root: &Path) -> io::Result<Deployment> {
    let mut overrides = keys::drawn(&IdSource::seeded(0));
    overrides.extend(PARAMETERS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let parameters = Parameters {
        stack_name: "carillon".to_owned(),
        sqs_endpoint: "http://127.0.0.1:1".to_owned(),
        api_endpoint: "http://127.0.0.1:2".to_owned(),
        overrides,
    };
    Deployment::read(&root.join("template.yaml"), parameters).map_err(io::Error::other)
}

/// Reads a sample, and gives it the name of its file without the ending.
fn read_sample(root: &Path, function: &str, file: &str) -> io::Result<(String, HttpEvent)> {
    let text = std::fs::read_to_string(root.join("events").join(function).join(file))?;
    let event = serde_json::from_str(&text).map_err(|error| io::Error::other(format!("events/{function}/{file}: {error}")))?;
    Ok((file.trim_end_matches(".json").to_owned(), event))
}

fn absent(function: &str, place: &str) -> io::Error {
    io::Error::other(format!("{function} has a route, but is not in {place}"))
}
