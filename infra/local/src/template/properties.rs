//! Typed access to resolved properties, with errors that name the file, the resource and the property.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::TemplateError;
use super::resolve::text;
use super::stack::Stack;

/// The properties that a resource type may have.
pub(super) struct Known {
    /// Those that are read here.
    pub(super) read: &'static [&'static str],
    /// Those that change nothing locally; they stay unresolved.
    pub(super) ignored: &'static [&'static str],
}

/// The resolved properties of a resource or of a part of it.
#[derive(Debug)]
pub(super) struct Properties {
    file: PathBuf,
    at: String,
    values: Map<String, Value>,
}

impl Properties {
    /// Resolves the known properties of `raw`; an unknown one is an error.
    pub(super) fn resolve(stack: &Stack, logical_id: &str, raw: &Map<String, Value>, known: &Known) -> Result<Self, TemplateError> {
        let mut values = Map::new();
        for (name, value) in raw {
            let wrong = |problem: String| stack.wrong(&format!("{logical_id}.{name}"), problem);
            if known.read.contains(&name.as_str()) {
                let resolved = stack.resolve(value).map_err(wrong)?;
                values.extend(resolved.map(|value| (name.clone(), value)));
            } else if !known.ignored.contains(&name.as_str()) {
                return Err(wrong("is not understood".to_owned()));
            }
        }
        Ok(Self { file: stack.file.clone(), at: logical_id.to_owned(), values })
    }

    /// An error at a property.
    pub(super) fn wrong(&self, property: &str, problem: impl Into<String>) -> TemplateError {
        TemplateError::Wrong { file: self.file.clone(), at: format!("{}.{property}", self.at), problem: problem.into() }
    }

    /// Refuses every property but the named ones.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), TemplateError> {
        match self.values.keys().find(|name| !names.contains(&name.as_str())) {
            Some(unknown) => Err(self.wrong(unknown, "is not understood")),
            None => Ok(()),
        }
    }

    /// A text, if there.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, TemplateError> {
        let value = self.values.get(name).map(text).transpose();
        value.map_err(|problem| self.wrong(name, problem))
    }

    /// A text that must be there.
    pub(super) fn required_text(&self, name: &str) -> Result<String, TemplateError> {
        self.text(name)?.ok_or_else(|| self.wrong(name, "is missing"))
    }

    /// A whole number that is not negative, if there.
    pub(super) fn number(&self, name: &str) -> Result<Option<u32>, TemplateError> {
        self.text(name)?.map(|text| text.parse()).transpose().map_err(|_| self.wrong(name, "is not a whole number"))
    }

    /// Whether a property is set to true.
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, TemplateError> {
        match self.text(name)?.as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(self.wrong(name, "is neither true nor false")),
        }
    }

    /// A list of texts, empty if absent.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, TemplateError> {
        let texts = self.items(name)?.iter().map(text).collect::<Result<_, _>>();
        texts.map_err(|problem| self.wrong(name, problem))
    }

    /// A list of objects, empty if absent.
    pub(super) fn objects(&self, name: &str) -> Result<Vec<Self>, TemplateError> {
        let items = self.items(name)?.iter().enumerate();
        items.map(|(index, item)| self.inner(&format!("{name}.{index}"), item)).collect()
    }

    /// An object, if there.
    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, TemplateError> {
        let value = self.values.get(name);
        value.map(|value| self.inner(name, value)).transpose()
    }

    /// The entries of an object whose values are objects, empty if absent.
    pub(super) fn entries(&self, name: &str) -> Result<Vec<(String, Self)>, TemplateError> {
        let Some(object) = self.object(name)? else {
            return Ok(Vec::new());
        };
        let entries = object.values.iter();
        entries.map(|(key, value)| Ok((key.clone(), object.inner(key, value)?))).collect()
    }

    /// The entries of an object whose values are texts, empty if absent.
    pub(super) fn text_entries(&self, name: &str) -> Result<Vec<(String, String)>, TemplateError> {
        let Some(object) = self.object(name)? else {
            return Ok(Vec::new());
        };
        let keys = object.values.keys();
        keys.map(|key| Ok((key.clone(), object.required_text(key)?))).collect()
    }

    /// The value as it is, if there.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    fn items(&self, name: &str) -> Result<&[Value], TemplateError> {
        match self.values.get(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.wrong(name, "is not a list")),
        }
    }

    fn inner(&self, path: &str, value: &Value) -> Result<Self, TemplateError> {
        let Value::Object(values) = value else {
            return Err(self.wrong(path, "is not an object"));
        };
        Ok(Self { file: self.file.clone(), at: format!("{}.{path}", self.at), values: values.clone() })
    }
}
