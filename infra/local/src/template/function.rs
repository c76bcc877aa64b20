//! `AWS::Serverless::Function` and `Globals.Function`.

use std::time::Duration;

use serde_json::{Map, Value};

use super::TemplateError;
use super::event_source;
use super::model::Function;
use super::properties::{Known, Properties};
use super::stack::Stack;

const KNOWN: Known = Known {
    read: &["AutoPublishAlias", "CodeUri", "Environment", "Events", "Handler", "MemorySize", "ReservedConcurrentExecutions", "Timeout"],
    ignored: &[
        // The physical name is resolved with the stack's other names.
        "FunctionName",
        "Policies",
        "Architectures",
        "AutoPublishAliasAllProperties",
        "DeploymentPreference",
        "Description",
        "EphemeralStorage",
        "Layers",
        "LoggingConfig",
        "PackageType",
        "PermissionsBoundary",
        "Role",
        "Runtime",
        "Tags",
        "Tracing",
    ],
};

/// Reads a function of `stack`.
pub(super) fn read(stack: &Stack, logical_id: &str) -> Result<Function, TemplateError> {
    let raw = merged(stack, logical_id)?;
    let properties = Properties::resolve(stack, logical_id, &raw, &KNOWN)?;
    let code_uri = properties.required_text("CodeUri")?;
    let physical_name =
        stack.physical_name(logical_id, "AWS::Serverless::Function").map_err(|problem| properties.wrong("FunctionName", problem))?;
    let environment = match properties.object("Environment")? {
        Some(environment) => {
            environment.only(&["Variables"])?;
            environment.text_entries("Variables")?
        }
        None => Vec::new(),
    };
    Ok(Function {
        file: stack.file.clone(),
        logical_id: logical_id.to_owned(),
        name: name(&properties, &code_uri)?,
        physical_name,
        alias: properties.text("AutoPublishAlias")?,
        handler: properties.required_text("Handler")?,
        // Lambda's own defaults: 128 MB and 3 seconds.
        memory_mb: properties.number("MemorySize")?.unwrap_or(128),
        timeout: Duration::from_secs(properties.number("Timeout")?.unwrap_or(3).into()),
        reserved_concurrency: properties.number("ReservedConcurrentExecutions")?,
        environment: environment.into_iter().collect(),
        policies: raw.get("Policies").cloned().unwrap_or(Value::Null),
        sources: event_source::read_all(&properties)?,
        code_uri,
    })
}

/// The alias that a function publishes, as `!Ref Function.Alias` needs it.
pub(super) fn alias(stack: &Stack, logical_id: &str) -> Result<String, String> {
    let properties = merged(stack, logical_id).map_err(|error| error.to_string())?;
    let alias = properties.get("AutoPublishAlias").and_then(Value::as_str);
    alias.map(ToOwned::to_owned).ok_or_else(|| format!("{logical_id} has no AutoPublishAlias"))
}

/// The last folder of the code, which bears the function's name.
fn name(properties: &Properties, code_uri: &str) -> Result<String, TemplateError> {
    let last = code_uri.trim_end_matches('/').rsplit('/').next();
    last.filter(|name| !name.is_empty() && !name.starts_with('.'))
        .map(ToOwned::to_owned)
        .ok_or_else(|| properties.wrong("CodeUri", "must end in a folder with the function's name"))
}

/// The function's properties over the globals of its file, as SAM merges them: maps by key, lists joined, the rest
/// replaced. Source: AWS SAM, "Globals section of the AWS SAM template".
fn merged(stack: &Stack, logical_id: &str) -> Result<Map<String, Value>, TemplateError> {
    let globals = stack.section("Globals");
    if let Some(unknown) = globals.keys().find(|name| *name != "Function") {
        return Err(stack.wrong(&format!("Globals.{unknown}"), "is not understood"));
    }
    let global = globals.get("Function").cloned().unwrap_or(Value::Object(Map::new()));
    let own = stack.raw_properties(logical_id).cloned().unwrap_or_default();
    match merge(global, Value::Object(own)) {
        Value::Object(merged) => Ok(merged),
        _ => Err(stack.wrong("Globals.Function", "is not an object")),
    }
}

fn merge(global: Value, own: Value) -> Value {
    match (global, own) {
        (Value::Object(mut merged), Value::Object(own)) => {
            for (name, value) in own {
                let value = match merged.remove(&name) {
                    Some(global) => merge(global, value),
                    None => value,
                };
                merged.insert(name, value);
            }
            Value::Object(merged)
        }
        (Value::Array(mut merged), Value::Array(own)) => {
            merged.extend(own);
            Value::Array(merged)
        }
        (_, own) => own,
    }
}
