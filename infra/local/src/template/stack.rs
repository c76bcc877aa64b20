//! One stack: a template with the values of its parameters, and the stacks nested in it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::{Map, Value};

use super::resolve::text;
use super::{Parameters, TemplateError, document, names};

/// Stacks deeper than this are taken for a cycle.
const DEEPEST: usize = 8;

/// A template with the values of its parameters.
#[derive(Debug)]
pub(super) struct Stack {
    pub(super) file: PathBuf,
    pub(super) name: String,
    depth: usize,
    document: Map<String, Value>,
    pub(super) values: BTreeMap<String, Value>,
    pub(super) surroundings: Rc<Parameters>,
    nested: RefCell<BTreeMap<String, Rc<Stack>>>,
}

impl Stack {
    /// Reads the root stack.
    pub(super) fn root(file: &Path, parameters: Parameters) -> Result<Rc<Self>, TemplateError> {
        let given = parameters.overrides.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect();
        let mut stack = Self {
            file: file.to_owned(),
            name: parameters.stack_name.clone(),
            depth: 0,
            document: document::read(file)?,
            values: BTreeMap::new(),
            surroundings: Rc::new(parameters),
            nested: RefCell::default(),
        };
        stack.set_values(given)?;
        Ok(Rc::new(stack))
    }

    /// The nested stack behind a resource, read once.
    pub(super) fn nested(&self, logical_id: &str) -> Result<Rc<Self>, TemplateError> {
        if let Some(stack) = self.nested.borrow().get(logical_id) {
            return Ok(Rc::clone(stack));
        }
        let wrong = |property: &str, problem: String| self.wrong(&format!("{logical_id}.{property}"), problem);
        if self.depth == DEEPEST {
            return Err(wrong("Location", "nests too deep".to_owned()));
        }
        let empty = Map::new();
        let properties = self.raw_properties(logical_id).unwrap_or(&empty);
        for name in properties.keys() {
            if !["Location", "TemplateURL", "Parameters", "Tags", "TimeoutInMinutes"].contains(&name.as_str()) {
                return Err(wrong(name, "is not understood".to_owned()));
            }
        }
        let location = ["Location", "TemplateURL"].iter().find_map(|name| properties.get(*name));
        let Some(Value::String(location)) = location else {
            return Err(wrong("Location", "must be a path relative to this file".to_owned()));
        };
        let mut given = BTreeMap::new();
        if let Some(Value::Object(parameters)) = properties.get("Parameters") {
            for (name, value) in parameters {
                let resolved = self.resolve(value).map_err(|problem| wrong(&format!("Parameters.{name}"), problem))?;
                given.extend(resolved.map(|value| (name.clone(), value)));
            }
        }
        let file = self.file.parent().unwrap_or(Path::new("")).join(location);
        let mut stack = Self {
            name: format!("{}-{logical_id}", self.name),
            depth: self.depth + 1,
            document: document::read(&file)?,
            file,
            values: BTreeMap::new(),
            surroundings: Rc::clone(&self.surroundings),
            nested: RefCell::default(),
        };
        stack.set_values(given)?;
        let stack = Rc::new(stack);
        self.nested.borrow_mut().insert(logical_id.to_owned(), Rc::clone(&stack));
        Ok(stack)
    }

    fn set_values(&mut self, mut given: BTreeMap<String, Value>) -> Result<(), TemplateError> {
        let declared = self.section("Parameters").clone();
        for (name, declaration) in &declared {
            let at = format!("Parameters.{name}");
            let kind = declaration.get("Type").and_then(Value::as_str).unwrap_or("String");
            let value = match given.remove(name) {
                Some(value) => value,
                None if kind.starts_with("AWS::SSM::") => {
                    return Err(self.wrong(&at, "is looked up in SSM and needs a value locally"));
                }
                None => match declaration.get("Default") {
                    Some(default) => default.clone(),
                    None => return Err(self.wrong(&at, "has neither a value nor a default")),
                },
            };
            let is_list = kind == "CommaDelimitedList" || kind.starts_with("List<");
            let value = match value {
                Value::String(text) if is_list => text.split(',').map(|item| Value::from(item.trim())).collect(),
                other => other,
            };
            self.values.insert(name.clone(), value);
        }
        match given.keys().next() {
            Some(unknown) => Err(self.wrong(&format!("Parameters.{unknown}"), "has a value, but is not declared")),
            None => Ok(()),
        }
    }

    /// An error at a place of this stack's file.
    pub(super) fn wrong(&self, at: &str, problem: impl Into<String>) -> TemplateError {
        TemplateError::Wrong { file: self.file.clone(), at: at.to_owned(), problem: problem.into() }
    }

    /// A top-level section, empty if absent.
    pub(super) fn section(&self, name: &str) -> &Map<String, Value> {
        static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        self.document.get(name).and_then(Value::as_object).unwrap_or(&EMPTY)
    }

    /// The resources whose condition holds: logical id and type.
    pub(super) fn resources(&self) -> Result<Vec<(&str, &str)>, TemplateError> {
        let mut present = Vec::new();
        for (logical_id, resource) in self.section("Resources") {
            let Some(kind) = resource.get("Type").and_then(Value::as_str) else {
                return Err(self.wrong(logical_id, "has no Type"));
            };
            let exists = self.exists(resource).map_err(|problem| self.wrong(&format!("{logical_id}.Condition"), problem))?;
            if exists {
                present.push((logical_id.as_str(), kind));
            }
        }
        Ok(present)
    }

    pub(super) fn exists(&self, resource: &Value) -> Result<bool, String> {
        match resource.get("Condition") {
            None => Ok(true),
            Some(Value::String(name)) => self.condition(name),
            Some(other) => Err(format!("{other} is not the name of a condition")),
        }
    }

    /// The properties of a resource as written.
    pub(super) fn raw_properties(&self, logical_id: &str) -> Option<&Map<String, Value>> {
        self.section("Resources").get(logical_id)?.get("Properties")?.as_object()
    }

    /// The physical name of a resource of this stack.
    pub(super) fn physical_name(&self, logical_id: &str, kind: &str) -> Result<String, String> {
        let written = names::name_property(kind).and_then(|property| self.raw_properties(logical_id)?.get(property));
        let name = match written.map(|value| self.resolve(value)).transpose()?.flatten() {
            Some(value) => text(&value)?,
            None => format!("{}-{logical_id}", self.name),
        };
        Ok(if kind == "AWS::S3::Bucket" { name.to_lowercase() } else { name })
    }
}
