//! The thin layer over DynamoDB: keys, items, conditions as values, transactions as lists of writes, pages with cursors.
//!
//! Stores of the domains say *what* they read and write; the expression language of DynamoDB stays in this crate.
//! Reading order: [`Table`], [`Write`], [`Condition`], [`Change`], [`Query`]; then [`Trail`] and [`Audited`], what is remembered of changes.

mod audited;
mod change;
mod condition;
mod cursor;
mod error;
mod expression;
mod item;
mod query;
mod table;
mod trail;
mod write;

pub use audited::Audited;
pub use change::Change;
pub use condition::Condition;
pub use cursor::Cursor;
pub use error::StoreError;
pub use item::Item;
pub use query::{Page, Query};
pub use table::{Key, Table};
pub use trail::{Record, Trail, Trails, UNSEALED_SHARDS};
pub use write::Write;

/// A value of an attribute, for conditions and changes.
pub use aws_sdk_dynamodb::types::AttributeValue as Value;

/// Makes a number value.
#[must_use]
pub fn number(value: impl Into<i128>) -> Value {
    Value::N(value.into().to_string())
}

/// Makes a text value.
pub fn text(value: impl ToString) -> Value {
    Value::S(value.to_string())
}
