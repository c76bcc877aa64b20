//! `AWS::AppConfig::HostedConfigurationVersion`: the flags that a deployment begins with.

use serde_json::Value;

use super::TemplateError;
use super::model::HostedFlags;
use super::properties::{Known, Properties};

/// The properties of a hosted version.
pub(super) const KNOWN: Known = Known {
    read: &["ApplicationId", "ConfigurationProfileId", "Content", "ContentType"],
    ignored: &["Description", "LatestVersionNumber", "VersionLabel"],
};

/// Reads a document of flags as it is written: definitions under `flags`, what is set under `values`.
pub(super) fn read(properties: &Properties) -> Result<HostedFlags, TemplateError> {
    if properties.required_text("ContentType")? != "application/json" {
        return Err(properties.wrong("ContentType", "must be application/json"));
    }
    let content = properties.required_text("Content")?;
    let mut document: Value = serde_json::from_str(&content).map_err(|error| properties.wrong("Content", error.to_string()))?;
    if document["version"] != "1" {
        return Err(properties.wrong("Content", "must be a document of flags of version 1"));
    }
    let (Value::Object(defined), Value::Object(values)) = (document["flags"].take(), document["values"].take()) else {
        return Err(properties.wrong("Content", "must have flags and values"));
    };
    if let Some(undefined) = values.keys().find(|name| !defined.contains_key(*name)) {
        return Err(properties.wrong("Content", format!("sets {undefined}, which is not among its flags")));
    }
    Ok(HostedFlags {
        application: properties.required_text("ApplicationId")?,
        profile: properties.required_text("ConfigurationProfileId")?,
        values,
    })
}
