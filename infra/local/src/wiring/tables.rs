//! Tables of the embedded DynamoDB.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType,
    TableDescription, TimeToLiveSpecification, TimeToLiveStatus,
};

use super::WiringError;
use crate::template::model::{Index, Key, Table};

/// Creates `table` if it is not there, and switches its time to live on.
pub(super) async fn create(client: &Client, table: &Table) -> Result<(), WiringError> {
    let about = || format!("the table {}", table.name);
    match client.describe_table().table_name(&table.name).send().await {
        Ok(found) => unchanged(table, found.table.as_ref())?,
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
            let keys = keys_and_indexes(table).map_err(WiringError::about(about()))?;
            client
                .create_table()
                .table_name(&table.name)
                .billing_mode(BillingMode::PayPerRequest)
                .set_attribute_definitions(Some(keys.attributes))
                .set_key_schema(Some(keys.key))
                .set_global_secondary_indexes(Some(keys.indexes).filter(|indexes| !indexes.is_empty()))
                .send()
                .await
                .map_err(WiringError::about(about()))?;
        }
        Err(error) => return Err(WiringError::about(about())(error)),
    }
    switch_expiry_on(client, table).await
}

struct Keys {
    attributes: Vec<AttributeDefinition>,
    key: Vec<KeySchemaElement>,
    indexes: Vec<GlobalSecondaryIndex>,
}

fn keys_and_indexes(table: &Table) -> Result<Keys, BuildError> {
    let attributes = table.attributes.iter().map(|(name, kind)| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::from(kind.as_str())).build()
    });
    Ok(Keys {
        attributes: attributes.collect::<Result<_, _>>()?,
        key: key_schema(&table.key)?,
        indexes: table.indexes.iter().map(index).collect::<Result<_, _>>()?,
    })
}

fn key_schema(key: &Key) -> Result<Vec<KeySchemaElement>, BuildError> {
    let element = |name: &String, kind: KeyType| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let sort = key.sort.iter().map(|name| element(name, KeyType::Range));
    std::iter::once(element(&key.partition, KeyType::Hash)).chain(sort).collect()
}

fn index(index: &Index) -> Result<GlobalSecondaryIndex, BuildError> {
    let included = Some(index.included.clone()).filter(|names| !names.is_empty());
    let projection =
        Projection::builder().projection_type(ProjectionType::from(index.projection.as_str())).set_non_key_attributes(included);
    GlobalSecondaryIndex::builder()
        .index_name(&index.name)
        .set_key_schema(Some(key_schema(&index.key)?))
        .projection(projection.build())
        .build()
}

fn unchanged(table: &Table, found: Option<&TableDescription>) -> Result<(), WiringError> {
    let same = found.is_some_and(|found| {
        let mut stored: Vec<_> = found
            .global_secondary_indexes()
            .iter()
            .map(|index| (index.index_name().unwrap_or_default(), names(index.key_schema())))
            .collect();
        let mut wanted: Vec<_> = table.indexes.iter().map(|index| (index.name.as_str(), key_names(&index.key))).collect();
        stored.sort();
        wanted.sort();
        names(found.key_schema()) == key_names(&table.key) && stored == wanted
    });
    same.then_some(()).ok_or_else(|| WiringError::Changed(table.name.clone()))
}

fn names(schema: &[KeySchemaElement]) -> Vec<&str> {
    schema.iter().map(KeySchemaElement::attribute_name).collect()
}

fn key_names(key: &Key) -> Vec<&str> {
    std::iter::once(key.partition.as_str()).chain(key.sort.as_deref()).collect()
}

async fn switch_expiry_on(client: &Client, table: &Table) -> Result<(), WiringError> {
    let Some(attribute) = &table.expiry_attribute else {
        return Ok(());
    };
    let about = || format!("the expiry of the table {}", table.name);
    let found = client.describe_time_to_live().table_name(&table.name).send().await;
    let found = found.map_err(WiringError::about(about()))?;
    let status = found.time_to_live_description().and_then(|expiry| expiry.time_to_live_status());
    if status == Some(&TimeToLiveStatus::Enabled) {
        return Ok(());
    }
    let specification = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true);
    let specification = specification.build().map_err(WiringError::about(about()))?;
    let update = client.update_time_to_live().table_name(&table.name);
    let updated = update.time_to_live_specification(specification).send().await;
    updated.map(|_| ()).map_err(WiringError::about(about()))
}
