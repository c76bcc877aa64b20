//! `AWS::S3::Bucket`.

use super::TemplateError;
use super::model::{Bucket, Notification};
use super::properties::{Known, Properties};
use super::queue::queue_name;

/// The properties of a bucket.
pub(super) const KNOWN: Known = Known {
    read: &["BucketName", "NotificationConfiguration"],
    ignored: &[
        "AccelerateConfiguration",
        "BucketEncryption",
        "CorsConfiguration",
        "LifecycleConfiguration",
        "LoggingConfiguration",
        "OwnershipControls",
        "PublicAccessBlockConfiguration",
        "Tags",
        "VersioningConfiguration",
    ],
};

/// Reads a bucket.
pub(super) fn read(logical_id: &str, name: String, properties: &Properties) -> Result<Bucket, TemplateError> {
    let mut notifications = Vec::new();
    if let Some(configuration) = properties.object("NotificationConfiguration")? {
        configuration.only(&["QueueConfigurations"])?;
        for queue in configuration.objects("QueueConfigurations")? {
            notifications.push(notification(&queue)?);
        }
    }
    Ok(Bucket { logical_id: logical_id.to_owned(), name, notifications })
}

fn notification(properties: &Properties) -> Result<Notification, TemplateError> {
    properties.only(&["Event", "Queue", "Filter"])?;
    let event = properties.required_text("Event")?;
    if !event.starts_with("s3:ObjectCreated:") {
        return Err(properties.wrong("Event", "must be s3:ObjectCreated:* or a part of it"));
    }
    let (mut prefix, mut suffix) = (String::new(), String::new());
    if let Some(filter) = properties.object("Filter")? {
        filter.only(&["S3Key"])?;
        let key = filter.object("S3Key")?;
        for rule in key.map_or(Ok(Vec::new()), |key| key.objects("Rules"))? {
            let value = rule.required_text("Value")?;
            match rule.required_text("Name")?.as_str() {
                "prefix" => prefix = value,
                "suffix" => suffix = value,
                _ => return Err(rule.wrong("Name", "is neither prefix nor suffix")),
            }
        }
    }
    Ok(Notification { event, queue: queue_name(properties, "Queue")?, prefix, suffix })
}
