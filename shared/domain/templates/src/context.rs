//! What a template sees of one recipient.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object};
use serde::Deserialize as _;

/// A contact's fields and attributes by name; a null counts as absent.
pub type Fields = BTreeMap<String, Value>;

pub(crate) const CONTACT: &str = "contact";
pub(crate) const ORGANIZATION: &str = "organization";
pub(crate) const ORGANIZATION_NAME: &str = "organization.name";
pub(crate) const UNSUBSCRIBE_URL: &str = "unsubscribe_url";

/// The variables of one recipient: the contact's fields, flat and under `contact.`, `organization.name` and `unsubscribe_url`.
#[derive(Debug, Clone, Default)]
pub struct Context(Arc<Recipient>);

#[derive(Debug, Clone, Default)]
struct Recipient {
    fields: Fields,
    organization_name: Option<Value>,
    unsubscribe_url: Option<Value>,
}

impl Context {
    /// Makes the context of a contact's fields.
    #[must_use]
    pub fn new(fields: Fields) -> Self {
        Self(Arc::new(Recipient { fields, ..Recipient::default() }))
    }

    /// Makes the context of the values that a plan carries, in the order of the names; a null is a field that the contact lacks.
    #[must_use]
    pub fn of_values(names: &[String], values: &[serde_json::Value]) -> Self {
        Self::new(names.iter().cloned().zip(values.iter().map(value_of)).collect())
    }

    /// Adds the organization's name.
    #[must_use]
    pub fn with_organization(mut self, name: impl Into<Value>) -> Self {
        Arc::make_mut(&mut self.0).organization_name = Some(name.into());
        self
    }

    /// Adds the address under which the recipient unsubscribes.
    #[must_use]
    pub fn with_unsubscribe_url(mut self, url: impl Into<Value>) -> Self {
        Arc::make_mut(&mut self.0).unsubscribe_url = Some(url.into());
        self
    }

    /// Finds a variable by the name under which [`crate::Variable`] lists it.
    pub(crate) fn find(&self, name: &str) -> Option<&Value> {
        match name {
            UNSUBSCRIBE_URL => self.0.unsubscribe_url.as_ref(),
            ORGANIZATION_NAME => self.0.organization_name.as_ref(),
            CONTACT | ORGANIZATION => None,
            field => self.0.fields.get(field),
        }
        .filter(|value| !value.is_none() && !value.is_undefined())
    }

    /// Gives the context as the engine's root value; cheap, nothing is copied.
    pub(crate) fn root(&self) -> Value {
        Value::from_object(Root(self.clone()))
    }
}

fn value_of(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::String(text) => Value::from(text.as_str()),
        // Every JSON value is a value of the engine.
        other => Value::deserialize(other).unwrap_or_default(),
    }
}

#[derive(Debug)]
struct Root(Context);

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            CONTACT => Some(Value::from_object(Contact(self.0.clone()))),
            ORGANIZATION => Some(Value::from_object(Organization(self.0.clone()))),
            name => self.0.find(name).cloned(),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

#[derive(Debug)]
struct Contact(Context);

impl Object for Contact {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.find(key.as_str()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

#[derive(Debug)]
struct Organization(Context);

impl Object for Organization {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str()? == "name").then(|| self.0.find(ORGANIZATION_NAME).cloned()).flatten()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_a_plan_are_found_by_name_and_nulls_are_absent() {
        let names = ["city".to_owned(), "age".to_owned(), "nickname".to_owned()];
        let values = [serde_json::json!("Rome"), serde_json::json!(36), serde_json::Value::Null];

        let context = Context::of_values(&names, &values);

        assert_eq!(context.find("city"), Some(&Value::from("Rome")));
        assert_eq!(context.find("age"), Some(&Value::from(36)));
        assert_eq!(context.find("nickname"), None);
    }
}
