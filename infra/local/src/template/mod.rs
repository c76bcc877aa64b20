//! Reads the SAM templates of this repository into a [`Deployment`], as CloudFormation would deploy them, but locally.
//!
//! Reading order: `document` turns YAML with short tags into plain values; `stack` holds the values of parameters and
//! the nested stacks; `resolve` resolves references, functions and conditions; `properties` gives typed access with errors that name file, resource and property;
//! one file per resource turns properties into the [`model`]; `reader` walks the stacks; `check` looks at the whole.
//! What matters for wiring and is not understood is an error; other resource types are listed in [`Deployment::others`].

mod bucket;
mod check;
mod cron;
mod document;
mod error;
mod event_source;
mod flags;
mod function;
pub mod model;
mod names;
mod properties;
mod queue;
mod reader;
mod resolve;
mod route;
mod stack;
mod table;

use std::collections::BTreeMap;
use std::path::Path;

pub use error::TemplateError;
pub use model::Deployment;

/// Reads a template as it is written, short tags as long forms, nothing resolved: for checks of what needs no wiring here.
///
/// # Errors
/// Names the file that cannot be read.
pub fn written(file: &Path) -> Result<serde_json::Map<String, serde_json::Value>, TemplateError> {
    document::read(file)
}

/// What a deployment needs besides the templates.
#[derive(Debug, Clone)]
pub struct Parameters {
    /// The root stack's name; physical names that the templates leave open start with it.
    pub stack_name: String,
    /// Base URL of the SQS server, for queue URLs.
    pub sqs_endpoint: String,
    /// Base URL of the HTTP API.
    pub api_endpoint: String,
    /// Values for parameters of the root template, instead of their defaults.
    pub overrides: BTreeMap<String, String>,
}

impl Deployment {
    /// Reads the template at `file` and its nested stacks.
    ///
    /// # Errors
    /// Names the file, the resource and the property that cannot be read or understood, or does not fit the rest.
    pub fn read(file: &Path, parameters: Parameters) -> Result<Self, TemplateError> {
        let deployment = reader::read(file, parameters)?;
        check::consistent(&deployment)?;
        Ok(deployment)
    }
}

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;
