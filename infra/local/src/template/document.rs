//! A template file as plain values: short tags (`!Ref`) become long forms (`{"Ref": …}`).

use std::path::Path;

use serde_json::{Map, Value};

use super::TemplateError;

/// The functions that the templates may use; in YAML each has a short tag without `Fn::`.
const FUNCTIONS: [&str; 11] = ["GetAtt", "Sub", "Join", "If", "Equals", "Select", "Split", "FindInMap", "Not", "And", "Or"];

/// Reads the template at `file`.
pub(super) fn read(file: &Path) -> Result<Map<String, Value>, TemplateError> {
    let text = std::fs::read_to_string(file).map_err(|source| TemplateError::Unreadable { file: file.to_owned(), source })?;
    let yaml = serde_norway::from_str(&text).map_err(|source| TemplateError::NotYaml { file: file.to_owned(), source })?;
    let wrong = |problem: String| TemplateError::Wrong { file: file.to_owned(), at: "the document".to_owned(), problem };
    match plain(yaml).map_err(wrong)? {
        Value::Object(document) => Ok(document),
        _ => Err(wrong("is not a mapping".to_owned())),
    }
}

fn plain(yaml: serde_norway::Value) -> Result<Value, String> {
    Ok(match yaml {
        serde_norway::Value::Null => Value::Null,
        serde_norway::Value::Bool(truth) => Value::Bool(truth),
        serde_norway::Value::Number(number) => serde_json::to_value(&number).map_err(|error| error.to_string())?,
        serde_norway::Value::String(text) => Value::String(text),
        serde_norway::Value::Sequence(items) => Value::Array(items.into_iter().map(plain).collect::<Result<_, _>>()?),
        serde_norway::Value::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                object.insert(key_text(&key)?, plain(value)?);
            }
            Value::Object(object)
        }
        serde_norway::Value::Tagged(tagged) => long_form(&tagged.tag.to_string(), plain(tagged.value)?)?,
    })
}

fn key_text(key: &serde_norway::Value) -> Result<String, String> {
    match key {
        serde_norway::Value::String(text) => Ok(text.clone()),
        serde_norway::Value::Number(number) => Ok(number.to_string()),
        serde_norway::Value::Bool(truth) => Ok(truth.to_string()),
        other => Err(format!("{other:?} cannot be a key")),
    }
}

fn long_form(tag: &str, argument: Value) -> Result<Value, String> {
    let short = tag.trim_start_matches('!');
    let name = match short {
        "Ref" | "Condition" => short.to_owned(),
        _ if FUNCTIONS.contains(&short) => format!("Fn::{short}"),
        _ => return Err(format!("the tag !{short} is not supported")),
    };
    Ok(Value::Object(Map::from_iter([(name, argument)])))
}

/// The name and argument of `value`, if it calls a function or refers to something.
pub(super) fn intrinsic(value: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = value.iter().next().filter(|_| value.len() == 1)?;
    (name == "Ref" || name.starts_with("Fn::")).then_some((name, argument))
}
