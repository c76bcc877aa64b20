//! Collects the names and values that an expression speaks of.

use std::collections::HashMap;

use crate::Value;

/// The names and the values of an expression, as requests take them.
type Used = (Option<HashMap<String, String>>, Option<HashMap<String, Value>>);

#[derive(Debug, Default)]
pub(crate) struct Names {
    names: HashMap<String, String>,
    values: HashMap<String, Value>,
}

impl Names {
    /// Gives the placeholder of an attribute's name.
    pub(crate) fn name(&mut self, attribute: &str) -> String {
        let placeholder = format!("#{}", attribute.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_"));
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    /// Gives the placeholder of a value.
    pub(crate) fn value(&mut self, value: Value) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    /// Gives the names, or nothing when there are none: DynamoDB refuses empty maps.
    pub(crate) fn take(self) -> Used {
        (Some(self.names).filter(|names| !names.is_empty()), Some(self.values).filter(|values| !values.is_empty()))
    }
}
