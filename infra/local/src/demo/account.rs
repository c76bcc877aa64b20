//! Who the demonstration is: an organization's key, and what was prepared for it, kept in the data folder.

use std::path::Path;

use carillon_kernel::Secret;
use serde::{Deserialize, Serialize};

use super::api::DemoError;
use crate::Platform;
use crate::platform::write_private;

/// The file in the data folder, which only its owner may read.
const FILE: &str = "demo.json";
/// The name of the organization.
const ORGANIZATION: &str = "Carillon Demonstration";

/// The organization's key, and what the first demonstration made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    /// The secret text of the API key.
    pub api_key: String,
    /// What campaigns are made of, once it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<Prepared>,
}

/// What campaigns are made of: ids.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Prepared {
    /// The list of all imported contacts.
    pub list: String,
    /// The sender of mails.
    pub email_sender: String,
    /// The sender of texts.
    pub sms_sender: String,
    /// The template of mails.
    pub email_template: String,
    /// The template of texts.
    pub sms_template: String,
}

impl Account {
    /// Reads the account of the data folder, or makes an organization and keeps its key.
    ///
    /// # Errors
    /// [`DemoError`] when the file cannot be used or the organization cannot be made.
    pub async fn open(platform: &Platform, folder: &Path) -> Result<Self, DemoError> {
        let file = folder.join(FILE);
        match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| DemoError::Answer(file.display().to_string(), error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let secret = platform.bootstrap_organization(ORGANIZATION).await?;
                let account = Self { api_key: secret.expose().to_owned(), prepared: None };
                account.keep(folder)?;
                Ok(account)
            }
            Err(error) => Err(DemoError::File(file.display().to_string(), error)),
        }
    }

    /// Writes the account to the data folder.
    ///
    /// # Errors
    /// [`DemoError::File`] when it cannot be written.
    pub fn keep(&self, folder: &Path) -> Result<(), DemoError> {
        let file = folder.join(FILE);
        let bytes = serde_json::to_vec_pretty(self).map_err(|error| DemoError::Answer(FILE.to_owned(), error))?;
        write_private(&file, &bytes).map_err(|error| DemoError::File(file.display().to_string(), error))
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> Secret {
        Secret::new(self.api_key.clone())
    }
}
