//! The export of the trail: files with the records that a filter wants, the oldest first, fetched by addresses that end soon.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use carillon_blob::Bucket;
use carillon_contracts::message::TrailExportRequested;
use carillon_contracts::{ExportId, OrganizationId, Principal};
use carillon_dynamo::{Audited, Trail};
use carillon_kernel::{Clock, IdSource, Setup, SetupError};
use carillon_outbox::Outbox;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::AuditError;
use super::job::{Job, Stepwise, carry_out};
use super::record::{TrailFilter, TrailRecord};
use super::store::{AuditStore, Range, export_key};
use super::{JobStatus, Progress};

/// How long the files are kept; the bucket's rule for `exports/` takes as long.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long an address to fetch a file holds.
const ADDRESS_HOLDS: Duration = Duration::from_mins(15);
/// From which size on a file is ended and another one begun: what a function holds in memory at once.
const FILE_BYTES: usize = 8 * 1024 * 1024;
const READ: u32 = 200;
const CSV_HEADER: &str = "id,at,actor,function,request_id,ip,user_agent,kind,thing,before,after\r\n";

/// How the files are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// A JSON object a line, as the list of records shows it.
    #[default]
    Jsonl,
    /// A line for each thing that a record says was changed (RFC 4180).
    Csv,
}

/// An export of the trail as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TrailExport {
    id: ExportId,
    organization: OrganizationId,
    format: ExportFormat,
    filter: TrailFilter,
    status: JobStatus,
    requested_at: Timestamp,
    requested_by: String,
    expires_at: Timestamp,
    files: Vec<File>,
    /// The record after which the next file begins: month and sort key.
    after: Option<(String, String)>,
    version: u64,
}

/// A file that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct File {
    records: u64,
    bytes: u64,
}

/// An export of the trail as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrailExportView {
    /// The id.
    pub id: ExportId,
    /// How far it is.
    pub status: JobStatus,
    /// How its files are written.
    pub format: ExportFormat,
    /// Which records it holds.
    pub filter: TrailFilter,
    /// When it was asked for: what was done since is not in it.
    pub requested_at: Timestamp,
    /// By whom.
    pub requested_by: String,
    /// Until when the files are kept.
    pub expires_at: Timestamp,
    /// How many records were written so far.
    pub records: u64,
    /// The files, when all are written; the records go on from one to the next.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileView>,
}

/// A file of an export, and where it can be fetched for fifteen minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileView {
    /// Where.
    pub url: String,
    /// How many records it holds.
    pub records: u64,
    /// How long it is.
    pub bytes: u64,
}

/// The exports of the audit trail.
#[derive(Debug, Clone)]
pub struct TrailExports {
    store: AuditStore,
    bucket: Bucket,
    outbox: Outbox,
    clock: Clock,
}

impl TrailExports {
    /// Opens the exports; needs the settings `ENTITIES_TABLE` and `BUCKET`.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            store: AuditStore::from_setup(setup)?,
            bucket: Bucket::from_setup(setup, "BUCKET")?,
            outbox: Outbox::from_setup(setup)?,
            clock: setup.clock(),
        })
    }

    /// Gives the exports for one call's use: that one was asked for is told in the trail itself.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail), ..self.clone() }
    }

    /// Takes a request for an export, and leaves the writing to a consumer.
    ///
    /// # Errors
    /// [`AuditError::Store`] when the table fails.
    pub async fn request(
        &self,
        (organization, principal): (OrganizationId, Principal),
        (format, filter): (ExportFormat, TrailFilter),
        (id, moment, ids): (ExportId, Timestamp, &IdSource),
    ) -> Result<TrailExportView, AuditError> {
        let export = TrailExport {
            id,
            organization,
            format,
            filter,
            status: JobStatus::Pending,
            requested_at: moment,
            requested_by: principal.to_string(),
            expires_at: moment + KEPT,
            files: Vec::new(),
            after: None,
            version: 1,
        };
        let (message, ticket) = self.outbox.write(&TrailExportRequested { organization, export: id }, moment, ids)?;
        let told = Audited::created("audit_export", id, &serde_json::json!({ "format": format, "filter": export.filter }));
        let insert = self.store.insert_job(&export.job())?.audited(told);
        self.store.commit(vec![insert, message]).await?;
        self.outbox.dispatch(ticket).await;
        Ok(export.view(Vec::new()))
    }

    /// Gives an export, with addresses for its files when all are written.
    ///
    /// # Errors
    /// [`AuditError::ExportAbsent`], or what table and bucket fail with.
    pub async fn get(&self, organization: OrganizationId, id: ExportId, moment: Timestamp) -> Result<TrailExportView, AuditError> {
        let export = self.find(organization, id).await?.filter(|export| moment < export.expires_at).ok_or(AuditError::ExportAbsent)?;
        let mut files = Vec::new();
        if export.status == JobStatus::Done {
            for (number, File { records, bytes }) in export.files.iter().copied().enumerate() {
                let url = self.bucket.download_url(&export.object(number), ADDRESS_HOLDS).await?;
                files.push(FileView { url, records, bytes });
            }
        }
        Ok(export.view(files))
    }

    /// Writes files of an export until all are written or the time is over.
    ///
    /// Safe to run twice and to die at any await: a file has one name, and the records in it are those after the file before.
    ///
    /// # Errors
    /// What table and bucket fail with.
    pub async fn write(&self, (organization, id): (OrganizationId, ExportId), until: Timestamp) -> Result<Progress, AuditError> {
        let step = |export| self.write_file(export);
        carry_out((&self.store, export_key(organization, id)), (&self.clock, until), step).await
    }

    /// Writes the next file; an export without records has one, which is empty.
    async fn write_file(&self, export: TrailExport) -> Result<TrailExport, AuditError> {
        let mut body = String::from(if export.format == ExportFormat::Csv { CSV_HEADER } else { "" });
        let (organization, keys) = (export.organization.to_string(), export.range());
        let (begun, mut after) = (export.after.as_ref(), export.after.clone());
        let mut records = 0;
        let mut is_last = true;
        let months = export.filter.months(export.organization, export.requested_at);
        'months: for month in months.iter().filter(|month| begun.is_none_or(|(begun, _)| *month >= begun)) {
            let range = Range { organization: &organization, month, keys: (&keys.0, &keys.1) };
            let mut start = begun.filter(|(begun, _)| begun == month).map(|(_, sk)| range.after(sk));
            loop {
                let page = self.store.page(range, start, READ).await?;
                for stored in page.records {
                    after = Some((month.clone(), stored.sk.clone()));
                    if export.filter.wants(&stored) {
                        export.format.write(&stored.shown(), &mut body)?;
                        records += 1;
                    }
                    if body.len() >= FILE_BYTES {
                        is_last = false;
                        break 'months;
                    }
                }
                start = page.next;
                if start.is_none() {
                    break;
                }
            }
        }
        let bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
        self.bucket.put(&export.object(export.files.len()), export.format.media_type(), Bytes::from(body)).await?;
        let mut next = TrailExport { after, version: export.version + 1, ..export };
        next.files.push(File { records, bytes });
        next.status = if is_last { JobStatus::Done } else { JobStatus::Running };
        Ok(next)
    }

    async fn find(&self, organization: OrganizationId, id: ExportId) -> Result<Option<TrailExport>, AuditError> {
        Ok(self.store.find_job(export_key(organization, id)).await?)
    }
}

impl Stepwise for TrailExport {
    fn job(&self) -> Job<'_, Self> {
        let (key, ends_second) = (export_key(self.organization, self.id), self.expires_at.as_second());
        Job { key, entity: "trail_export", body: self, status: self.status, version: self.version, ends_second }
    }
}

impl TrailExport {
    /// The sort keys of what is wanted, up to the moment of the request: an export does not hold itself, nor what comes while it is written.
    fn range(&self) -> (String, String) {
        let (first, last) = self.filter.range();
        (first, last.min(format!("{:.3}", self.requested_at)))
    }

    fn object(&self, number: usize) -> String {
        format!("exports/audit/{}/{}/{number:04}.{}", self.organization, self.id, self.format.extension())
    }

    fn view(&self, files: Vec<FileView>) -> TrailExportView {
        let Self { id, status, format, filter, requested_at, requested_by, expires_at, .. } = self.clone();
        let records = self.files.iter().map(|file| file.records).sum();
        TrailExportView { id, status, format, filter, requested_at, requested_by, expires_at, records, files }
    }
}

impl ExportFormat {
    const fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Jsonl => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    /// Writes a record behind the others.
    fn write(self, record: &TrailRecord, body: &mut String) -> Result<(), AuditError> {
        match self {
            Self::Jsonl => {
                body.push_str(&serde_json::to_string(record).map_err(AuditError::Unwritable)?);
                body.push('\n');
            }
            Self::Csv => {
                for change in &record.changes {
                    let told =
                        |members: &Option<_>| members.as_ref().map(serde_json::to_string).transpose().map_err(AuditError::Unwritable);
                    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
                    let id = record.id.to_string();
                    let cells = [
                        id,
                        record.at.clone(),
                        record.actor.clone(),
                        record.function.clone(),
                        record.request_id.clone(),
                        optional(&record.ip),
                        optional(&record.user_agent),
                        change.kind.clone(),
                        change.id.clone(),
                        told(&change.before)?.unwrap_or_default(),
                        told(&change.after)?.unwrap_or_default(),
                    ];
                    body.push_str(&cells.map(|cell| csv_cell(&cell)).join(","));
                    body.push_str("\r\n");
                }
            }
        }
        Ok(())
    }
}

/// Writes a cell; one that a spreadsheet would take for a formula begins with an apostrophe
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn csv_cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    let needs_quotes = text.contains([',', '"', '\r', '\n']);
    if needs_quotes { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_contracts::AuditRecordId;
    use serde_json::json;

    use super::*;

    fn record() -> TrailRecord {
        let change =
            |id: &str| serde_json::from_value(json!({ "kind": "contact", "id": id, "after": { "name": "Ada, \"the\" first" } })).unwrap();
        TrailRecord {
            id: AuditRecordId::from_bytes([1; 16]),
            at: "2026-11-21T10:00:00.000Z".to_owned(),
            actor: "usr_1".to_owned(),
            function: "contacts-create".to_owned(),
            request_id: "req".to_owned(),
            ip: None,
            user_agent: Some("=cmd|' /C calc'!A0".to_owned()),
            changes: vec![change("con_1"), change("con_2")],
            seal: Some(1),
        }
    }

    #[test]
    fn a_line_of_json_is_a_record() {
        let mut body = String::new();

        ExportFormat::Jsonl.write(&record(), &mut body).unwrap();

        let read: serde_json::Value = serde_json::from_str(body.strip_suffix('\n').unwrap()).unwrap();
        assert_eq!((&read["changes"][1]["id"], &read["seal"]), (&json!("con_2"), &json!(1)));
    }

    #[test]
    fn a_line_of_csv_is_a_change_and_holds_no_formula() {
        let mut body = String::new();

        ExportFormat::Csv.write(&record(), &mut body).unwrap();

        let lines: Vec<&str> = body.split_terminator("\r\n").collect();
        let head = "aud_0410202g1081040g20820820g9,2026-11-21T10:00:00.000Z,usr_1,contacts-create,req,,'=cmd|' /C calc'!A0,contact,con_1,,";
        assert_eq!(lines.len(), 2);
        assert_eq!(
            lines.first().unwrap().split_once(",usr_1,").unwrap().1,
            head.split_once(",usr_1,").unwrap().1.to_owned() + r#""{""name"":""Ada, \""the\"" first""}""#
        );
    }
}
