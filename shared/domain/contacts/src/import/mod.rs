//! Imports: contacts from a CSV file as the world writes them, row by row, where no row stops the others.
//!
//! Reading order: `record` (the rows of a file), `file` (its encoding, delimiter and header), [`mapping`] (columns to fields), `row` (cells
//! to values), `decision` (what a row does to a contact), `chunk` (the rows of one message), `importer` (storing them), `rejected` (the report),
//! `progress` (the counts), `service` (the use cases).
//!
//! A file is imported in chunks of up to 500 rows. A chunk first asks for the next one, so that chunks run at the same time; its counts are one
//! item that is written once. Every row marks the contact that it created or changed, so that a chunk that runs again counts the same.
//!
//! | access pattern | key |
//! | --- | --- |
//! | an import | `ORG#{org}#IMPORT#{imp}` · `IMPORT` |
//! | the counts of its chunks | `ORG#{org}#IMPORT#{imp}` · `CHUNK#{chunk}` |

mod chunk;
mod decision;
mod file;
mod importer;
pub mod mapping;
mod progress;
mod record;
mod rejected;
mod row;
mod service;

use carillon_contracts::message::ImportChunkRequested;
use carillon_contracts::{Channel, ImportId, ListId, OrganizationId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::address::Region;
use crate::tag::Tag;
pub use file::FileRefusal;
pub use mapping::{Field, Mapping};
pub use progress::{Counts, ImportProgress};
pub use rejected::RejectedPart;
pub use service::{Imports, ReadChunk};

/// What a row did to the contact that it speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowOutcome {
    /// A new contact.
    Created,
    /// A contact was there and changed.
    Updated,
    /// A contact was there and stayed as it was.
    Unchanged,
    /// Another row of the same file spoke of the same contact: merged onto it where that had gaps.
    Duplicate,
    /// Nothing: the row is in the report.
    Rejected,
}

/// The row of an import that touched a contact first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportMark {
    /// The import.
    pub import: ImportId,
    /// The row, from 1.
    pub row: u64,
    /// What it did.
    pub outcome: RowOutcome,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportStatus {
    /// The file is to be uploaded, and the import to be started.
    AwaitingUpload,
    /// Rows are imported.
    Running,
    /// All rows are imported or rejected.
    Completed,
    /// The file vanished, or another one was uploaded in its place.
    Failed,
}

/// Where the contacts of a file gave their consent; nothing where they did not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImportConsent {
    /// To mails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// To texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sms: Option<String>,
}

impl ImportConsent {
    /// Where the consent to a channel was given.
    #[must_use]
    pub fn of(&self, channel: Channel) -> Option<&str> {
        match channel {
            Channel::Email => self.email.as_deref(),
            Channel::Sms => self.sms.as_deref(),
        }
    }
}

/// What an import does with the rows of its file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImportOptions {
    /// Which column becomes which field; columns with well-known names need no word, and others are ignored.
    pub mapping: Mapping,
    /// The region of phone numbers that are written without their country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_region: Option<Region>,
    /// Where the contacts gave their consent. It never brings back somebody who unsubscribed.
    pub consent: ImportConsent,
    /// The lists that all contacts of the file join.
    pub list_ids: Vec<ListId>,
    /// The tags that all contacts of the file get.
    pub tags: Vec<Tag>,
    /// Whether the fields of contacts that were there before are changed; lists, tags and missing consent are added in any case.
    pub update_existing: bool,
}

/// What was found out about a file before its import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The character between columns.
    pub delimiter: char,
    /// The names of the columns, as the first row gives them.
    pub columns: Vec<String>,
    /// What each column becomes, in their order.
    pub fields: Vec<Field>,
    /// Where the data begin, in bytes.
    pub data_offset: u64,
}

/// An import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The id.
    pub id: ImportId,
    /// The organization.
    pub organization: OrganizationId,
    /// How far it is, as far as it is stored: completion follows from the chunks.
    pub status: ImportStatus,
    /// The size of the file in bytes, once it is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Which file it is, once it is started: one that is uploaded later in its place is not imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// What was found out about the file, once it is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// What is done with the rows, once it is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<ImportOptions>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
}

impl Import {
    /// Makes an import that waits for its file.
    #[must_use]
    pub const fn new(organization: OrganizationId, id: ImportId, moment: Timestamp) -> Self {
        let status = ImportStatus::AwaitingUpload;
        Self { id, organization, status, size: None, tag: None, layout: None, options: None, created_at: moment, started_at: None }
    }

    /// The message that imports the first chunk.
    #[must_use]
    pub fn first_chunk(&self) -> ImportChunkRequested {
        let offset = self.layout.as_ref().map_or(0, |layout| layout.data_offset);
        ImportChunkRequested { organization: self.organization, import: self.id, chunk: 0, offset, first_row: 1 }
    }

    /// The key of the uploaded file.
    #[must_use]
    pub fn file_key(&self) -> String {
        format!("imports/{}/{}/file.csv", self.organization, self.id)
    }

    /// The key of the rejected rows of a chunk.
    #[must_use]
    pub(crate) fn rejected_key(&self, chunk: u32) -> String {
        format!("imports/{}/{}/rejected/{chunk:06}.csv", self.organization, self.id)
    }
}
