use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{ConsumedCapacity, KeysAndAttributes, ReturnConsumedCapacity, ReturnValue, Select};
use carillon_kernel::meter::Usage;
use carillon_kernel::{Meter, Setup, SetupError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::expression::Names;
use crate::write::{Action, refusal};
use crate::{Change, Condition, Cursor, Item, Page, Query, StoreError, Trail, Value, Write};

/// The primary key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The partition key, attribute `pk`.
    pub pk: String,
    /// The sort key, attribute `sk`.
    pub sk: String,
}

impl Key {
    /// Makes a key.
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }
}

/// Gives the endpoint, or AWS's own of a region; an empty text where there is none.
async fn or_of_region(endpoint: String, region: String) -> String {
    if !endpoint.is_empty() {
        return endpoint;
    }
    let Ok(params) = Params::builder().region(region).build() else { return endpoint };
    DefaultResolver::new().resolve_endpoint(&params).await.map(|resolved| resolved.url().to_owned()).unwrap_or_default()
}

/// A table with the keys `pk` and `sk`, the index `gsi1` (`gsi1pk`, `gsi1sk`), and expiry by `ttl`.
#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    name: Arc<str>,
    meter: Meter,
    trail: Option<Arc<Trail>>,
}

impl Table {
    /// Opens the table that a setting names.
    ///
    /// # Errors
    /// [`SetupError`] when the setting, the region or the credentials are missing.
    pub fn from_setup(setup: &Setup, setting: &str) -> Result<Self, SetupError> {
        let config = carillon_aws::config(setup, "DYNAMODB")?;
        let endpoint = carillon_aws::endpoint(setup, "DYNAMODB").unwrap_or_default();
        let client = setup.shared(&endpoint, || Client::new(&config));
        let (pool, region) = (carillon_aws::pool(setup)?, setup.text("AWS_REGION")?);
        setup.at_start("DYNAMODB", || async move { pool.open(&or_of_region(endpoint, region).await).await });
        Ok(Self { client, name: setup.text(setting)?.into(), meter: setup.meter(), trail: None })
    }

    /// Gives the table for one call's use: its commits leave a record of what they change in the audit trail.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { trail: Some(Arc::clone(trail)), ..self.clone() }
    }

    /// The table's name.
    #[must_use]
    pub fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// Makes the write that puts a whole item.
    ///
    /// # Errors
    /// [`StoreError::Shape`] when the body is not a map.
    pub fn put<T: Serialize>(&self, key: Key, body: &T, condition: Condition) -> Result<Write, StoreError> {
        let mut item: HashMap<String, Value> =
            serde_dynamo::to_item(body).map_err(|error| StoreError::Shape(std::any::type_name::<T>(), error))?;
        item.insert("pk".to_owned(), Value::S(key.pk));
        item.insert("sk".to_owned(), Value::S(key.sk));
        Ok(Write { table: Arc::clone(&self.name), action: Action::Put(item), condition, audited: Vec::new() })
    }

    /// Makes the write that changes some attributes.
    #[must_use]
    pub fn update(&self, key: Key, change: Change, condition: Condition) -> Write {
        Write { table: Arc::clone(&self.name), action: Action::Update(key, change), condition, audited: Vec::new() }
    }

    /// Makes the write that deletes an item.
    #[must_use]
    pub fn delete(&self, key: Key, condition: Condition) -> Write {
        Write { table: Arc::clone(&self.name), action: Action::Delete(key), condition, audited: Vec::new() }
    }

    /// Makes the part of a commit that only demands something of an item.
    #[must_use]
    pub fn check(&self, key: Key, condition: Condition) -> Write {
        Write { table: Arc::clone(&self.name), action: Action::Check(key), condition, audited: Vec::new() }
    }

    /// Reads one item, seeing every write that was acknowledged before.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer or the item has another shape.
    pub async fn find<T: DeserializeOwned>(&self, key: Key) -> Result<Option<T>, StoreError> {
        self.find_item(key).await?.map(Item::parse).transpose()
    }

    /// Reads one item as it is, as [`Table::find`].
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer.
    pub async fn find_item(&self, key: Key) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&*self.name)
            .set_key(Some(key_map(&key)))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        self.read("dynamodb.GetItem", answer.consumed_capacity());
        Ok(answer.item.map(Item))
    }

    /// Reads up to any number of items by their keys, in no order, absent ones left out; `strong` as in [`Query::strong`].
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer or an item has another shape.
    pub async fn find_many<T: DeserializeOwned>(&self, keys: &[Key]) -> Result<Vec<T>, StoreError> {
        self.find_items(keys).await?.into_iter().map(Item::parse).collect()
    }

    /// Reads items of several shapes by their keys, as [`Table::find_many`].
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer.
    pub async fn find_items(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        for hundred in keys.chunks(100) {
            let mut wanted: Vec<HashMap<String, Value>> = hundred.iter().map(key_map).collect();
            while !wanted.is_empty() {
                let request = KeysAndAttributes::builder()
                    .set_keys(Some(wanted))
                    .consistent_read(true)
                    .build()
                    .map_err(|error| StoreError::Rejected(error.to_string()))?;
                let answer = self
                    .client
                    .batch_get_item()
                    .request_items(&*self.name, request)
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .send()
                    .await
                    .map_err(StoreError::from_sdk)?;
                self.read("dynamodb.BatchGetItem", answer.consumed_capacity().first());
                found.extend(answer.responses.unwrap_or_default().into_values().flatten().map(Item));
                wanted = answer.unprocessed_keys.unwrap_or_default().into_values().flat_map(|left| left.keys).collect();
            }
        }
        Ok(found)
    }

    /// Reads one page of a range: up to the limit, or 1 MB.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer or an item has another shape.
    pub async fn query<T: DeserializeOwned>(&self, query: Query) -> Result<Page<T>, StoreError> {
        let page = self.query_items(query).await?;
        Ok(Page { items: page.items.into_iter().map(Item::parse).collect::<Result<_, _>>()?, next: page.next })
    }

    /// Reads one page of a range with items of several shapes.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer.
    pub async fn query_items(&self, query: Query) -> Result<Page<Item>, StoreError> {
        let answer = self.asked(query).send().await.map_err(StoreError::from_sdk)?;
        self.read("dynamodb.Query", answer.consumed_capacity());
        let items = answer.items.unwrap_or_default().into_iter().map(Item).collect();
        Ok(Page { items, next: answer.last_evaluated_key.map(Cursor::of_key) })
    }

    /// Reads a range to its end; for ranges that are known to be small.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer or an item has another shape.
    pub async fn query_all<T: DeserializeOwned>(&self, query: Query) -> Result<Vec<T>, StoreError> {
        self.query_all_items(query).await?.into_iter().map(Item::parse).collect()
    }

    /// Reads a range with items of several shapes to its end; for ranges that are known to be small.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer.
    pub async fn query_all_items(&self, query: Query) -> Result<Vec<Item>, StoreError> {
        let mut all = Vec::new();
        let mut start = query.start.clone();
        loop {
            let page = self.query_items(query.clone().start(start)).await?;
            all.extend(page.items);
            start = page.next;
            if start.is_none() {
                return Ok(all);
            }
        }
    }

    /// Counts the items of a range, without fetching them; what they weigh is read and paid for all the same.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer.
    pub async fn count(&self, query: Query) -> Result<u64, StoreError> {
        let mut counted = 0;
        let mut start = query.start.clone();
        loop {
            let asked = self.asked(query.clone().start(start)).select(Select::Count);
            let answer = asked.send().await.map_err(StoreError::from_sdk)?;
            self.read("dynamodb.Query", answer.consumed_capacity());
            counted += u64::try_from(answer.count()).unwrap_or_default();
            start = answer.last_evaluated_key.map(Cursor::of_key);
            if start.is_none() {
                return Ok(counted);
            }
        }
    }

    /// Carries out one write, or several as one transaction (at most 100, all or none).
    ///
    /// # Errors
    /// [`StoreError::Refused`] with the place of the write whose condition did not hold, or another [`StoreError`].
    pub async fn commit(&self, mut writes: Vec<Write>) -> Result<(), StoreError> {
        if let Some(record) = self.trail.as_ref().and_then(|trail| trail.record(&mut writes)) {
            writes.push(record);
        }
        match <[Write; 1]>::try_from(writes) {
            Ok([only]) => self.commit_one(only).await,
            Err(several) if several.is_empty() => Ok(()),
            Err(several) => self.commit_together(several).await,
        }
    }

    /// Updates an item and gives it as it stands afterwards.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when the condition does not hold, or another [`StoreError`].
    pub async fn update_returning<T: DeserializeOwned>(&self, key: Key, change: Change, condition: Condition) -> Result<T, StoreError> {
        let mut names = Names::default();
        let update = change.render(&mut names);
        let condition = condition.render(&mut names);
        let (names, values) = names.take();
        let answer = self
            .client
            .update_item()
            .table_name(&*self.name)
            .set_key(Some(key_map(&key)))
            .update_expression(update)
            .set_condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .return_values(ReturnValue::AllNew)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        self.wrote("dynamodb.UpdateItem", answer.consumed_capacity());
        Item(answer.attributes.unwrap_or_default()).parse()
    }

    async fn commit_one(&self, write: Write) -> Result<(), StoreError> {
        let mut names = Names::default();
        let table = write.table.to_string();
        let capacity = ReturnConsumedCapacity::Total;
        match write.action {
            Action::Put(item) => {
                let condition = write.condition.render(&mut names);
                let (names, values) = names.take();
                let answer = self.client.put_item().table_name(table).set_item(Some(item)).set_condition_expression(condition);
                let answer = answer.set_expression_attribute_names(names).set_expression_attribute_values(values);
                let answer = answer.return_consumed_capacity(capacity).send().await.map_err(StoreError::from_sdk)?;
                self.wrote("dynamodb.PutItem", answer.consumed_capacity());
            }
            Action::Update(key, change) => {
                let update = change.render(&mut names);
                let condition = write.condition.render(&mut names);
                let (names, values) = names.take();
                let answer = self.client.update_item().table_name(table).set_key(Some(key_map(&key))).update_expression(update);
                let answer = answer.set_condition_expression(condition).set_expression_attribute_names(names);
                let answer = answer.set_expression_attribute_values(values).return_consumed_capacity(capacity);
                let answer = answer.send().await.map_err(StoreError::from_sdk)?;
                self.wrote("dynamodb.UpdateItem", answer.consumed_capacity());
            }
            Action::Delete(key) => {
                let condition = write.condition.render(&mut names);
                let (names, values) = names.take();
                let answer = self.client.delete_item().table_name(table).set_key(Some(key_map(&key))).set_condition_expression(condition);
                let answer = answer.set_expression_attribute_names(names).set_expression_attribute_values(values);
                let answer = answer.return_consumed_capacity(capacity).send().await.map_err(StoreError::from_sdk)?;
                self.wrote("dynamodb.DeleteItem", answer.consumed_capacity());
            }
            Action::Check(_) => self.commit_together(vec![write]).await?,
        }
        Ok(())
    }

    async fn commit_together(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let items = writes.into_iter().map(Write::into_transaction_item).collect::<Result<Vec<_>, _>>()?;
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        match sent {
            Ok(answer) => {
                let units = answer.consumed_capacity().iter().filter_map(ConsumedCapacity::capacity_units).sum();
                self.meter.add("dynamodb.TransactWriteItems", Usage { requests: 1, write_units: units, read_units: 0.0 });
                Ok(())
            }
            Err(error) => Err(error.as_service_error().and_then(refusal).unwrap_or_else(|| StoreError::from_sdk(error))),
        }
    }

    /// Makes the request of a query.
    fn asked(&self, query: Query) -> QueryFluentBuilder {
        let mut names = Names::default();
        let expression = query.render(&mut names);
        let (names, values) = names.take();
        self.client
            .query()
            .table_name(&*self.name)
            .set_index_name(query.index.then(|| "gsi1".to_owned()))
            .key_condition_expression(expression)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .scan_index_forward(!query.backwards)
            .consistent_read(query.strong)
            .set_limit(query.limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
            .set_exclusive_start_key(query.start.map(Cursor::into_key))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
    }

    fn read(&self, operation: &'static str, capacity: Option<&ConsumedCapacity>) {
        let read_units = capacity.and_then(ConsumedCapacity::capacity_units).unwrap_or_default();
        self.meter.add(operation, Usage { requests: 1, write_units: 0.0, read_units });
    }

    fn wrote(&self, operation: &'static str, capacity: Option<&ConsumedCapacity>) {
        let write_units = capacity.and_then(ConsumedCapacity::capacity_units).unwrap_or_default();
        self.meter.add(operation, Usage { requests: 1, write_units, read_units: 0.0 });
    }
}

pub(crate) fn key_map(key: &Key) -> HashMap<String, Value> {
    HashMap::from([("pk".to_owned(), Value::S(key.pk.clone())), ("sk".to_owned(), Value::S(key.sk.clone()))])
}
