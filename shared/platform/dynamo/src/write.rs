use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, TransactWriteItem, Update};

use crate::expression::Names;
use crate::table::key_map;
use crate::{Audited, Change, Condition, Key, StoreError, Value};

/// One write of a commit: made by a [`crate::Table`], carried out alone or together with others.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    pub(crate) table: Arc<str>,
    pub(crate) action: Action,
    pub(crate) condition: Condition,
    pub(crate) audited: Vec<Audited>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Put(HashMap<String, Value>),
    Update(Key, Change),
    Delete(Key),
    Check(Key),
}

impl Write {
    /// Adds an attribute to the item that is put, such as the key of an index or `ttl` (seconds since 1970).
    #[must_use]
    pub fn with(mut self, attribute: &str, value: Value) -> Self {
        if let Action::Put(item) = &mut self.action {
            item.insert(attribute.to_owned(), value);
        }
        self
    }

    /// Says what the write changes, for the audit trail, if it changes anything; a table without a trail forgets it.
    #[must_use]
    pub fn audited(mut self, change: impl Into<Option<Audited>>) -> Self {
        self.audited.extend(change.into());
        self
    }

    /// Says what else the commit changes, as [`Write::audited`]: for a write that stands for many.
    pub fn tell(&mut self, changes: impl IntoIterator<Item = Audited>) {
        self.audited.extend(changes);
    }

    pub(crate) fn into_transaction_item(self) -> Result<TransactWriteItem, StoreError> {
        let built = |error: aws_sdk_dynamodb::error::BuildError| StoreError::Rejected(error.to_string());
        let mut names = Names::default();
        let table = self.table.to_string();
        let item = TransactWriteItem::builder();
        Ok(match self.action {
            Action::Put(values) => {
                let condition = self.condition.render(&mut names);
                let (names, values_used) = names.take();
                let put = Put::builder()
                    .table_name(table)
                    .set_item(Some(values))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values_used);
                item.put(put.build().map_err(built)?).build()
            }
            Action::Update(key, change) => {
                let update = change.render(&mut names);
                let condition = self.condition.render(&mut names);
                let (names, values) = names.take();
                let update = Update::builder()
                    .table_name(table)
                    .set_key(Some(key_map(&key)))
                    .update_expression(update)
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values);
                item.update(update.build().map_err(built)?).build()
            }
            Action::Delete(key) => {
                let condition = self.condition.render(&mut names);
                let (names, values) = names.take();
                let delete = Delete::builder()
                    .table_name(table)
                    .set_key(Some(key_map(&key)))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values);
                item.delete(delete.build().map_err(built)?).build()
            }
            Action::Check(key) => {
                let condition = self.condition.render(&mut names).unwrap_or_default();
                let (names, values) = names.take();
                let check = ConditionCheck::builder()
                    .table_name(table)
                    .set_key(Some(key_map(&key)))
                    .condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values);
                item.condition_check(check.build().map_err(built)?).build()
            }
        })
    }
}

/// Reads which write of a transaction was refused.
pub(crate) fn refusal(error: &TransactWriteItemsError) -> Option<StoreError> {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { return None };
    let reasons = cancelled.cancellation_reasons();
    let code_is = |wanted: &'static str| reasons.iter().position(|reason| reason.code() == Some(wanted));
    if let Some(place) = code_is("ConditionalCheckFailed") {
        return Some(StoreError::Refused(place));
    }
    if code_is("TransactionConflict").is_some() {
        return Some(StoreError::Contended);
    }
    let messages: Vec<&str> = reasons.iter().filter_map(|reason| reason.message()).collect();
    Some(if code_is("ValidationError").is_some() {
        StoreError::Rejected(messages.join("; "))
    } else {
        StoreError::Unavailable(messages.join("; "))
    })
}
