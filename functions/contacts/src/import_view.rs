//! An import as answers show it.

use std::collections::BTreeMap;

use carillon_contacts::import::{Field, Import, ImportOptions, ImportProgress, ImportStatus, Layout};
use carillon_contacts::limits;
use carillon_contracts::ImportId;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// A new import and where its file goes.
#[derive(Debug, Serialize)]
pub(crate) struct NewImportView {
    id: ImportId,
    status: ImportStatus,
    created_at: Timestamp,
    upload: Upload,
}

/// How the file is to be uploaded.
#[derive(Debug, Serialize)]
struct Upload {
    method: &'static str,
    url: String,
    headers: BTreeMap<&'static str, &'static str>,
    maximum_bytes: u64,
    expires_at: Timestamp,
}

impl NewImportView {
    pub(crate) fn new(import: Import, url: String, moment: Timestamp) -> Self {
        let valid_for = SignedDuration::from_secs(i64::try_from(limits::UPLOAD_SECONDS).unwrap_or_default());
        let upload = Upload {
            method: "PUT",
            url,
            headers: BTreeMap::from([("content-type", "text/csv")]),
            maximum_bytes: limits::IMPORT_BYTES,
            expires_at: moment.checked_add(valid_for).unwrap_or(moment),
        };
        Self { id: import.id, status: import.status, created_at: import.created_at, upload }
    }
}

/// An import and how far it is.
#[derive(Debug, Serialize)]
pub(crate) struct ImportView {
    id: ImportId,
    status: ImportStatus,
    progress_percent: u8,
    counts: carillon_contacts::import::Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<FileView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<ImportOptions>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
}

/// What was found out about the file.
#[derive(Debug, Serialize)]
struct FileView {
    bytes: u64,
    delimiter: char,
    columns: BTreeMap<String, Field>,
    ignored_columns: Vec<String>,
}

impl FileView {
    fn of(layout: Layout, bytes: u64) -> Self {
        let (ignored, used): (Vec<_>, Vec<_>) =
            layout.columns.into_iter().zip(layout.fields).partition(|(_, field)| *field == Field::Ignore);
        let ignored_columns = ignored.into_iter().map(|(column, _)| column).collect();
        Self { bytes, delimiter: layout.delimiter, columns: used.into_iter().collect(), ignored_columns }
    }
}

impl From<ImportProgress> for ImportView {
    fn from(progress: ImportProgress) -> Self {
        let import = progress.import;
        let bytes = import.size.unwrap_or_default();
        Self {
            id: import.id,
            status: import.status,
            progress_percent: progress.percent,
            counts: progress.counts,
            file: import.layout.map(|layout| FileView::of(layout, bytes)),
            options: import.options,
            created_at: import.created_at,
            started_at: import.started_at,
        }
    }
}
