use std::collections::HashMap;

use serde::de::DeserializeOwned;

use crate::{StoreError, Value};

/// An item as it was read, for reads that bring items of several shapes together.
#[derive(Debug, Clone, PartialEq)]
pub struct Item(pub(crate) HashMap<String, Value>);

impl Item {
    /// Gives the sort key, by which shapes are told apart.
    #[must_use]
    pub fn sk(&self) -> &str {
        self.0.get("sk").and_then(|value| value.as_s().ok()).map_or("", String::as_str)
    }

    /// Gives a set of numbers; empty where the attribute is not there.
    pub fn numbers(&self, attribute: &str) -> impl Iterator<Item = u16> {
        let texts = self.0.get(attribute).and_then(|value| value.as_ns().ok()).map_or(&[][..], Vec::as_slice);
        texts.iter().filter_map(|text| text.parse().ok())
    }

    /// Reads the item as a shape.
    ///
    /// # Errors
    /// [`StoreError::Shape`] when it has another one.
    pub fn parse<T: DeserializeOwned>(self) -> Result<T, StoreError> {
        serde_dynamo::from_item(self.0).map_err(|error| StoreError::Shape(std::any::type_name::<T>(), error))
    }
}
