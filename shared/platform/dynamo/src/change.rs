use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::Value;
use crate::expression::Names;

/// What an update does to an item, attribute by attribute; the item is made when it is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    set: Vec<(&'static str, Value)>,
    set_once: Vec<(&'static str, Value)>,
    add: Vec<(Cow<'static, str>, Value)>,
    remove: Vec<&'static str>,
}

impl Change {
    /// A change of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an attribute.
    #[must_use]
    pub fn set(mut self, attribute: &'static str, value: Value) -> Self {
        self.set.push((attribute, value));
        self
    }

    /// Sets an attribute unless it is there already.
    #[must_use]
    pub fn set_once(mut self, attribute: &'static str, value: Value) -> Self {
        self.set_once.push((attribute, value));
        self
    }

    /// Adds to a number.
    #[must_use]
    pub fn add(mut self, attribute: impl Into<Cow<'static, str>>, amount: i64) -> Self {
        self.add.push((attribute.into(), crate::number(amount)));
        self
    }

    /// Adds numbers to a set of numbers; an empty set changes nothing.
    #[must_use]
    pub fn add_numbers(mut self, attribute: &'static str, numbers: &BTreeSet<u16>) -> Self {
        if !numbers.is_empty() {
            self.add.push((attribute.into(), Value::Ns(numbers.iter().map(u16::to_string).collect())));
        }
        self
    }

    /// Removes an attribute.
    #[must_use]
    pub fn remove(mut self, attribute: &'static str) -> Self {
        self.remove.push(attribute);
        self
    }

    /// Writes the change as a DynamoDB update expression.
    pub(crate) fn render(self, names: &mut Names) -> String {
        let mut parts = Vec::new();
        let mut sets: Vec<String> =
            self.set.into_iter().map(|(attribute, value)| format!("{} = {}", names.name(attribute), names.value(value))).collect();
        sets.extend(self.set_once.into_iter().map(|(attribute, value)| {
            let name = names.name(attribute);
            format!("{name} = if_not_exists({name}, {})", names.value(value))
        }));
        if !sets.is_empty() {
            parts.push(format!("SET {}", sets.join(", ")));
        }
        let adds: Vec<String> =
            self.add.into_iter().map(|(attribute, value)| format!("{} {}", names.name(&attribute), names.value(value))).collect();
        if !adds.is_empty() {
            parts.push(format!("ADD {}", adds.join(", ")));
        }
        if !self.remove.is_empty() {
            parts.push(format!("REMOVE {}", self.remove.into_iter().map(|attribute| names.name(attribute)).collect::<Vec<_>>().join(", ")));
        }
        parts.join(" ")
    }
}
