use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{StoreError, Value};

/// The attribute, no key's, that holds what a cursor is bound to.
const BOUND_TO: &str = "for";

/// Where a page ended: opaque text for callers, the last key for DynamoDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(BTreeMap<String, String>);

impl Cursor {
    /// Makes the cursor that continues after the item of this key, in the table itself.
    #[must_use]
    pub fn after(key: &crate::Key) -> Self {
        Self(BTreeMap::from([("pk".to_owned(), key.pk.clone()), ("sk".to_owned(), key.sk.clone())]))
    }

    /// Gives the partition key at which the cursor stands, so that a store can refuse a cursor of somebody else.
    #[must_use]
    pub fn partition(&self) -> Option<&str> {
        self.0.get("pk").map(String::as_str)
    }

    /// Gives one of the key's attributes.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Binds the cursor to what it is a cursor of besides its partition, such as a filter.
    #[must_use]
    pub fn bound_to(mut self, what: &str) -> Self {
        self.0.insert(BOUND_TO.to_owned(), what.to_owned());
        self
    }

    /// Tells whether the cursor is bound to this.
    #[must_use]
    pub fn is_bound_to(&self, what: &str) -> bool {
        self.attribute(BOUND_TO) == Some(what)
    }

    pub(crate) fn of_key(key: HashMap<String, Value>) -> Self {
        Self(key.into_iter().filter_map(|(name, value)| value.as_s().ok().cloned().map(|text| (name, text))).collect())
    }

    pub(crate) fn into_key(self) -> HashMap<String, Value> {
        self.0.into_iter().filter(|(name, _)| name != BOUND_TO).map(|(name, text)| (name, Value::S(text))).collect()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(serde_json::to_vec(&self.0).map_err(|_| fmt::Error)?))
    }
}

impl FromStr for Cursor {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| StoreError::Cursor)?;
        serde_json::from_slice(&bytes).map(Self).map_err(|_| StoreError::Cursor)
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
