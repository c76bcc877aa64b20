//! `AWS::DynamoDB::Table`.

use super::TemplateError;
use super::model::{Index, Key, Table};
use super::properties::{Known, Properties};

/// The properties of a table. Streams are off locally, so a `StreamSpecification` is refused like any unknown property.
pub(super) const KNOWN: Known = Known {
    read: &["TableName", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "TimeToLiveSpecification", "BillingMode"],
    ignored: &[
        "PointInTimeRecoverySpecification",
        "SSESpecification",
        "DeletionProtectionEnabled",
        "OnDemandThroughput",
        "TableClass",
        "ContributorInsightsSpecification",
        "Tags",
    ],
};

/// Reads a table.
pub(super) fn read(logical_id: &str, name: String, properties: &Properties) -> Result<Table, TemplateError> {
    let billing = properties.required_text("BillingMode")?;
    if billing != "PAY_PER_REQUEST" {
        return Err(properties.wrong("BillingMode", "must be PAY_PER_REQUEST"));
    }
    let definitions = properties.objects("AttributeDefinitions")?;
    let attributes =
        definitions.iter().map(|attribute| Ok((attribute.required_text("AttributeName")?, attribute.required_text("AttributeType")?)));
    Ok(Table {
        logical_id: logical_id.to_owned(),
        name,
        attributes: attributes.collect::<Result<_, TemplateError>>()?,
        key: key(properties)?,
        indexes: properties.objects("GlobalSecondaryIndexes")?.iter().map(index).collect::<Result<_, _>>()?,
        expiry_attribute: expiry_attribute(properties)?,
    })
}

fn key(properties: &Properties) -> Result<Key, TemplateError> {
    let (mut partition, mut sort) = (None, None);
    for element in properties.objects("KeySchema")? {
        let attribute = element.required_text("AttributeName")?;
        match element.required_text("KeyType")?.as_str() {
            "HASH" => partition = Some(attribute),
            "RANGE" => sort = Some(attribute),
            _ => return Err(element.wrong("KeyType", "is neither HASH nor RANGE")),
        }
    }
    let partition = partition.ok_or_else(|| properties.wrong("KeySchema", "has no HASH key"))?;
    Ok(Key { partition, sort })
}

fn index(properties: &Properties) -> Result<Index, TemplateError> {
    properties.only(&["IndexName", "KeySchema", "Projection", "OnDemandThroughput"])?;
    let projection = properties.object("Projection")?;
    let projection = projection.ok_or_else(|| properties.wrong("Projection", "is missing"))?;
    Ok(Index {
        name: properties.required_text("IndexName")?,
        key: key(properties)?,
        projection: projection.required_text("ProjectionType")?,
        included: projection.texts("NonKeyAttributes")?,
    })
}

fn expiry_attribute(properties: &Properties) -> Result<Option<String>, TemplateError> {
    match properties.object("TimeToLiveSpecification")? {
        Some(expiry) if expiry.flag("Enabled", false)? => expiry.required_text("AttributeName").map(Some),
        _ => Ok(None),
    }
}
