//! `AWS::AppConfig::HostedConfigurationVersion`: the flags that a deployment begins with.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::TemplateError;
use super::model::HostedFlags;
use super::properties::{Known, Properties};

/// The properties of a hosted version.
pub(super) const KNOWN: Known = Known {
    read: &["ApplicationId", "ConfigurationProfileId", "Content", "ContentType"],
    ignored: &["Description", "LatestVersionNumber", "VersionLabel"],
};

/// A document of flags as it is written.
#[derive(Deserialize)]
struct Document {
    version: String,
    /// The definitions.
    flags: Map<String, Value>,
    /// What is set.
    values: Map<String, Value>,
}

/// Reads the document.
pub(super) fn read(properties: &Properties) -> Result<HostedFlags, TemplateError> {
    if properties.required_text("ContentType")? != "application/json" {
        return Err(properties.wrong("ContentType", "must be application/json"));
    }
    let content = properties.required_text("Content")?;
    let document: Document = serde_json::from_str(&content).map_err(|error| properties.wrong("Content", error.to_string()))?;
    if document.version != "1" {
        return Err(properties.wrong("Content", "must be a document of flags of version 1"));
    }
    if let Some(undefined) = document.values.keys().find(|name| !document.flags.contains_key(*name)) {
        return Err(properties.wrong("Content", format!("sets {undefined}, which is not among its flags")));
    }
    Ok(HostedFlags {
        application: properties.required_text("ApplicationId")?,
        profile: properties.required_text("ConfigurationProfileId")?,
        values: document.values,
    })
}
