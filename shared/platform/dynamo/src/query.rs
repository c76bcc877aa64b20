use crate::expression::Names;
use crate::{Cursor, Value};

/// A page of items, and where the next one starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in key order.
    pub items: Vec<T>,
    /// Where to go on; nothing at the end.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Turns every item into something else.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(turn).collect(), next: self.next }
    }
}

/// Which sort keys of a partition to read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Range {
    All,
    Prefix(String),
    Between(String, String),
    After(String),
}

/// A read of a range of one partition, of the table or of its index `gsi1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    partition: String,
    range: Range,
    pub(crate) index: bool,
    pub(crate) backwards: bool,
    pub(crate) strong: bool,
    pub(crate) limit: Option<u32>,
    pub(crate) start: Option<Cursor>,
}

impl Query {
    /// Reads a whole partition of the table, eventually consistent, in key order.
    pub fn partition(key: impl Into<String>) -> Self {
        Self { partition: key.into(), range: Range::All, index: false, backwards: false, strong: false, limit: None, start: None }
    }

    /// Reads a whole partition of the index `gsi1` instead.
    pub fn index(key: impl Into<String>) -> Self {
        Self { index: true, ..Self::partition(key) }
    }

    /// Only sort keys that start so.
    #[must_use]
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self { range: Range::Prefix(prefix.into()), ..self }
    }

    /// Only sort keys from the first to the last, both included.
    #[must_use]
    pub fn between(self, first: impl Into<String>, last: impl Into<String>) -> Self {
        Self { range: Range::Between(first.into(), last.into()), ..self }
    }

    /// Only sort keys after this one.
    #[must_use]
    pub fn after(self, key: impl Into<String>) -> Self {
        Self { range: Range::After(key.into()), ..self }
    }

    /// The last first.
    #[must_use]
    pub fn backwards(self) -> Self {
        Self { backwards: true, ..self }
    }

    /// Sees every write that was acknowledged before (twice the read units; never on an index).
    #[must_use]
    pub fn strong(self) -> Self {
        Self { strong: true, ..self }
    }

    /// At most so many items.
    #[must_use]
    pub fn limit(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Goes on where a page ended.
    #[must_use]
    pub fn start(self, cursor: Option<Cursor>) -> Self {
        Self { start: cursor, ..self }
    }

    pub(crate) fn render(&self, names: &mut Names) -> String {
        let (partition, sort) = if self.index { ("gsi1pk", "gsi1sk") } else { ("pk", "sk") };
        let mut text = format!("{} = {}", names.name(partition), names.value(Value::S(self.partition.clone())));
        let sort_name = |names: &mut Names| names.name(sort);
        match &self.range {
            Range::All => {}
            Range::Prefix(prefix) => {
                let name = sort_name(names);
                text.push_str(&format!(" AND begins_with({name}, {})", names.value(Value::S(prefix.clone()))));
            }
            Range::Between(first, last) => {
                let name = sort_name(names);
                let first = names.value(Value::S(first.clone()));
                text.push_str(&format!(" AND {name} BETWEEN {first} AND {}", names.value(Value::S(last.clone()))));
            }
            Range::After(key) => {
                let name = sort_name(names);
                text.push_str(&format!(" AND {name} > {}", names.value(Value::S(key.clone()))));
            }
        }
        text
    }
}
