//! The parts fit together: what one place names is there in all the others.

mod asvs;
mod audit;
mod denial;
mod dependencies;
mod errors;
mod infrastructure;
mod openapi;
mod operations;
mod policies;
mod runbook;
mod settings;
pub(crate) mod templates;
mod watching;

use std::path::{Path, PathBuf};

use carillon_kernel::IdSource;
use carillon_local::platform::keys;
use carillon_local::template::{Deployment, Parameters};

/// The repository's folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What the templates describe, read with values such as a deployment gives.
pub(crate) fn deployment() -> Deployment {
    deployment_with(&[])
}

/// The same, with other values for some parameters.
fn deployment_with(others: &[(&str, &str)]) -> Deployment {
    let mut overrides = keys::drawn(&IdSource::seeded(1));
    let given = [("TwilioAccountSid", "AC00000000000000000000000000000000"), ("TwilioAuthToken", "0123456789abcdef0123456789abcdef")];
    overrides.extend(given.map(|(name, value)| (name.to_owned(), value.to_owned())));
    overrides.extend(others.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let parameters = Parameters {
        stack_name: "carillon".to_owned(),
        sqs_endpoint: "http://127.0.0.1:1".to_owned(),
        api_endpoint: "http://127.0.0.1:2".to_owned(),
        overrides,
    };
    Deployment::read(&root().join("template.yaml"), parameters).unwrap()
}

/// `campaigns-send` or `CAMPAIGNS_SEND` as `CampaignsSend`.
fn camel_case(name: &str) -> String {
    let parts = name.split(['-', '_']).filter_map(|part| {
        let (first, rest) = part.split_at_checked(1)?;
        Some(first.to_uppercase() + &rest.to_lowercase())
    });
    parts.collect()
}
