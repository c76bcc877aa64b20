//! The use cases of imports.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use carillon_blob::{BlobError, Bucket, Found};
use carillon_contracts::message::ImportChunkRequested;
use carillon_contracts::{ImportId, OrganizationId};
use carillon_dynamo::{Audited, Change, Condition, Query, StoreError, Table, Trail, Write, number, text};
use carillon_kernel::{IdSource, Problem, Setup, SetupError};
use jiff::Timestamp;
use serde::Serialize;

use crate::error::ContactsError;
use crate::lists::Lists;
use crate::store::ContactStore;
use crate::{keys, limits, tags};

use super::chunk::{Chunk, Format, split};
use super::decision::Reading;
use super::file::{FileRefusal, beginning};
use super::importer::{Importer, Outcomes};
use super::progress::{ChunkItem, Counts, ImportProgress, parts, progress};
use super::record::Rest;
use super::rejected::{RejectedPart, header, rejected_line};
use super::row::{Rejection, Row, candidate};
use super::{Import, ImportOptions, ImportStatus, Layout, mapping};

/// The kind of imports in the audit trail.
const KIND: &str = "import";
const CSV: &str = "text/csv; charset=utf-8";

/// The imports of all organizations.
#[derive(Debug, Clone)]
pub struct Imports {
    store: ContactStore,
    lists: Lists,
    bucket: Bucket,
}

/// What the audit trail hears of a chunk.
#[derive(Debug, Serialize)]
struct ChunkTold<'a> {
    chunk: u32,
    #[serde(flatten)]
    counts: &'a Counts,
}

/// A chunk that was read: its rows, and the message for the next one.
#[derive(Debug)]
pub struct ReadChunk {
    import: Import,
    chunk: Chunk,
    bytes: u64,
    /// The message for the next chunk; nothing at the end of the file.
    pub next: Option<ImportChunkRequested>,
}

impl Imports {
    /// Opens the imports.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        let table = Table::from_setup(setup, "ENTITIES_TABLE")?;
        Ok(Self { store: ContactStore { table }, lists: Lists::from_setup(setup)?, bucket: Bucket::from_setup(setup, "BUCKET")? })
    }

    /// Gives the imports for one call's use: what it changes is told in the audit trail, chunks by their counts.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { store: self.store.by(trail), ..self.clone() }
    }

    /// Creates an import; when it was created with this id before, gives it as it is.
    ///
    /// # Errors
    /// [`ContactsError`] when the table does not answer.
    pub async fn create(&self, import: Import) -> Result<Import, ContactsError> {
        let put = self.put(&import, Condition::Absent)?.audited(Audited::created(KIND, import.id, &import));
        match self.store.table.commit(vec![put]).await {
            Ok(()) => Ok(import),
            Err(StoreError::Refused(_)) => self.get(import.organization, import.id).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the address to which the file is to be PUT with the content type `text/csv`; it holds for an hour.
    ///
    /// # Errors
    /// [`ContactsError`] when it cannot be signed.
    pub async fn upload_url(&self, import: &Import) -> Result<String, ContactsError> {
        let valid_for = Duration::from_secs(limits::UPLOAD_SECONDS);
        Ok(self.bucket.upload_url(&import.file_key(), "text/csv", valid_for).await?)
    }

    /// Looks at the uploaded file and gives the import as it will run, which is not stored yet.
    ///
    /// # Errors
    /// [`ContactsError`] with all that is wrong with the file or the options.
    pub async fn prepare(
        &self,
        (organization, id): (OrganizationId, ImportId),
        options: ImportOptions,
        moment: Timestamp,
    ) -> Result<Import, ContactsError> {
        let import = self.get(organization, id).await?;
        if let Some(stored) = &import.options {
            return if *stored == options { Ok(import) } else { Err(ContactsError::ImportStarted) };
        }
        let absent = |error| if matches!(error, BlobError::Absent) { ContactsError::FileAbsent } else { error.into() };
        let Found { size, tag } = self.bucket.find(&import.file_key()).await.map_err(absent)?;
        if size > limits::IMPORT_BYTES {
            return Err(ContactsError::File(FileRefusal::TooLarge));
        }
        let bytes = self.bucket.range_of((&import.file_key(), &tag), 0, limits::SNIFFED_BYTES).await.map_err(absent)?;
        let found = beginning(&bytes, rest(size, limits::SNIFFED_BYTES)).map_err(ContactsError::File)?;
        let mut problems = self.list_problems(organization, &options).await?;
        let fields = mapping::fields(&found.columns, &options.mapping).unwrap_or_else(|wrong| {
            problems.extend(wrong);
            Vec::new()
        });
        if !problems.is_empty() {
            return Err(ContactsError::Options(problems));
        }
        let data_offset = u64::try_from(found.data_offset).unwrap_or_default();
        let layout = Layout { delimiter: char::from(found.delimiter), columns: found.columns, fields, data_offset };
        let (size, tag, layout, options, started_at) = (Some(size), Some(tag), Some(layout), Some(options), Some(moment));
        Ok(Import { status: ImportStatus::Running, size, tag, layout, options, started_at, ..import })
    }

    /// Starts a prepared import in one transaction with `request`, which asks for its first chunk.
    ///
    /// # Errors
    /// [`ContactsError::ImportStarted`] when it was started with other options, or another [`ContactsError`].
    pub async fn start(&self, import: Import, request: Write) -> Result<Import, ContactsError> {
        let waiting = Condition::Equals("status", text("awaiting_upload"));
        let before = Import::new(import.organization, import.id, import.created_at);
        let put = self.put(&import, waiting)?.audited(Audited::changed(KIND, import.id, (&before, &import)));
        match self.store.table.commit(vec![put, request]).await {
            Ok(()) => Ok(import),
            Err(StoreError::Refused(_)) => {
                let stored = self.get(import.organization, import.id).await?;
                if stored.options == import.options { Ok(stored) } else { Err(ContactsError::ImportStarted) }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Gives an import with its counts so far.
    ///
    /// # Errors
    /// [`ContactsError::ImportAbsent`] when there is none, or another [`ContactsError`].
    pub async fn progress(&self, organization: OrganizationId, id: ImportId) -> Result<ImportProgress, ContactsError> {
        let import = self.get(organization, id).await?;
        let chunks = self.chunks(organization, id).await?;
        Ok(progress(import, &chunks))
    }

    /// Gives a part of the report of rejected rows, counted from 1; a part takes at most some megabytes.
    ///
    /// # Errors
    /// [`ContactsError::ImportAbsent`] when there is no such import or part, or another [`ContactsError`].
    pub async fn rejected(&self, organization: OrganizationId, id: ImportId, part: u32) -> Result<RejectedPart, ContactsError> {
        let import = self.get(organization, id).await?;
        let parts = parts(&self.chunks(organization, id).await?);
        let place = usize::try_from(part.saturating_sub(1)).unwrap_or(usize::MAX);
        let chunks = parts.get(place).map(Vec::as_slice).unwrap_or_default();
        if part == 0 || (chunks.is_empty() && part > 1) {
            return Err(ContactsError::ImportAbsent);
        }
        let mut csv = import.layout.as_ref().map(|layout| header(&layout.columns)).unwrap_or_default();
        for chunk in chunks {
            let bytes = self.bucket.read(&import.rejected_key(*chunk)).await?;
            csv.push_str(&String::from_utf8_lossy(&bytes));
        }
        Ok(RejectedPart { csv, next: (place + 1 < parts.len()).then_some(part + 1) })
    }

    /// Reads the rows of a chunk; nothing when the chunk was imported already, or the import does not run.
    ///
    /// # Errors
    /// [`ContactsError`] when the table or the bucket does not answer.
    pub async fn read_chunk(&self, request: &ImportChunkRequested) -> Result<Option<ReadChunk>, ContactsError> {
        let import = self.get(request.organization, request.import).await?;
        let key = keys::import_chunk(request.organization, request.import, request.chunk);
        let is_done = self.store.table.find::<ChunkItem>(key).await?.is_some();
        let (Some(layout), Some(size), ImportStatus::Running, false) = (&import.layout, import.size, import.status, is_done) else {
            return Ok(None);
        };
        let longest = limits::CHUNK_BYTES + u64::try_from(limits::ROW_BYTES).unwrap_or_default() + 1;
        let file = (&*import.file_key(), import.tag.as_deref().unwrap_or_default());
        let bytes = match self.bucket.range_of(file, request.offset, longest).await {
            Err(BlobError::Absent | BlobError::Replaced) => return self.fail(&import).await.map(|()| None),
            other => other?,
        };
        let format = Format { delimiter: u8::try_from(layout.delimiter).unwrap_or(b','), columns: layout.columns.len() };
        let chunk = split(&bytes, rest(size.saturating_sub(request.offset), longest), format, request.first_row);
        let mut end = request.offset + u64::try_from(chunk.length).unwrap_or_default();
        if chunk.is_cut {
            end = match self.line_end(&import, end, size).await {
                Err(ContactsError::Blob(BlobError::Replaced)) => return self.fail(&import).await.map(|()| None),
                found => found?,
            };
        }
        let next = ImportChunkRequested { chunk: request.chunk + 1, offset: end, first_row: chunk.next_row, ..request.clone() };
        // A chunk that takes nothing would come again for ever: the file became shorter since its start.
        let goes_on = end < size && end > request.offset;
        Ok(Some(ReadChunk { import, chunk, bytes: end - request.offset, next: goes_on.then_some(next) }))
    }

    /// Imports the rows of a chunk that was read, and stores its counts once. It may run twice, and at the same time as itself.
    ///
    /// # Errors
    /// [`ContactsError`] when the table or the bucket does not answer; the chunk is to come again.
    pub async fn import_chunk(&self, number: u32, read: ReadChunk, ids: &IdSource, moment: Timestamp) -> Result<(), ContactsError> {
        let ReadChunk { import, chunk, bytes, next } = read;
        let (readings, mut outcomes) = readings(&import, &chunk.rows);
        let words = readings.iter().flat_map(|row| row.candidate.tags.iter());
        let words = words.chain(import.options.iter().flat_map(|options| options.tags.iter())).cloned().collect();
        tags::ensure(&self.store.table, import.organization, &words).await?;
        let importer = Importer { store: &self.store, import: &import, ids, moment };
        outcomes.extend(importer.import(&readings).await?);
        let report = report(&chunk.rows, &outcomes);
        let rejected_bytes = u64::try_from(report.len()).unwrap_or_default();
        if !report.is_empty() {
            self.bucket.put(&import.rejected_key(number), CSV, Bytes::from(report)).await?;
        }
        let (entity, counts) = ("import_chunk".to_owned(), Counts::of(&outcomes));
        let item = ChunkItem { entity, schema: 1, chunk: number, bytes, rejected_bytes, last: next.is_none(), counts };
        let key = keys::import_chunk(import.organization, import.id, number);
        let told = Audited::done(KIND, import.id, &ChunkTold { chunk: number, counts: &item.counts });
        match self.store.table.commit(vec![self.store.table.put(key, &item, Condition::Absent)?.audited(told)]).await {
            Ok(()) | Err(StoreError::Refused(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives an import as it is stored.
    ///
    /// # Errors
    /// [`ContactsError::ImportAbsent`] when there is none, or another [`ContactsError`].
    pub async fn get(&self, organization: OrganizationId, id: ImportId) -> Result<Import, ContactsError> {
        self.store.table.find(keys::import(organization, id)).await?.ok_or(ContactsError::ImportAbsent)
    }

    async fn chunks(&self, organization: OrganizationId, id: ImportId) -> Result<Vec<ChunkItem>, ContactsError> {
        Ok(self.store.table.query_all(Query::partition(keys::imports(organization, id)).prefix("CHUNK#").strong()).await?)
    }

    async fn list_problems(&self, organization: OrganizationId, options: &ImportOptions) -> Result<Vec<Problem>, ContactsError> {
        let absent = self.lists.absent(organization, &options.list_ids).await?;
        let places = options.list_ids.iter().enumerate().filter(|(_, id)| absent.contains(id));
        Ok(places.map(|(place, _)| Problem::new(format!("/list_ids/{place}"), "lists.absent", "there is no such list")).collect())
    }

    async fn fail(&self, import: &Import) -> Result<(), ContactsError> {
        let change = Change::new().set("status", text("failed"));
        let key = keys::import(import.organization, import.id);
        let failed = Import { status: ImportStatus::Failed, ..import.clone() };
        let told = Audited::changed(KIND, import.id, (import, &failed));
        Ok(self.store.table.commit(vec![self.store.table.update(key, change, Condition::Present).audited(told)]).await?)
    }

    /// Finds where the line that goes on at `from` ends.
    async fn line_end(&self, import: &Import, mut from: u64, size: u64) -> Result<u64, ContactsError> {
        while from < size {
            let file = (&*import.file_key(), import.tag.as_deref().unwrap_or_default());
            let bytes = self.bucket.range_of(file, from, limits::CHUNK_BYTES).await?;
            if let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
                return Ok(from + u64::try_from(end).unwrap_or_default() + 1);
            }
            from += u64::try_from(bytes.len()).unwrap_or_default().max(1);
        }
        Ok(size)
    }

    fn put(&self, import: &Import, condition: Condition) -> Result<Write, StoreError> {
        let put = self.store.table.put(keys::import(import.organization, import.id), import, condition)?;
        Ok(put.with("entity", text("import")).with("schema", number(1)))
    }
}

fn rest(left: u64, read: u64) -> Rest {
    if left > read { Rest::More } else { Rest::Nothing }
}

/// Reads what can be read of the rows; the others are outcomes already.
fn readings(import: &Import, rows: &[(Row, Option<Rejection>)]) -> (Vec<Reading>, Outcomes) {
    let fields = import.layout.as_ref().map(|layout| layout.fields.as_slice()).unwrap_or_default();
    let region = import.options.as_ref().and_then(|options| options.default_region);
    let (mut readings, mut outcomes) = (Vec::with_capacity(rows.len()), Outcomes::new());
    for (row, rejection) in rows {
        let read = rejection.clone().map_or_else(|| candidate(&row.cells, fields, region), Err);
        match read {
            Ok(candidate) => readings.push(Reading { number: row.number, candidate }),
            Err(rejection) => drop(outcomes.insert(row.number, Err(rejection))),
        }
    }
    (readings, outcomes)
}

fn report(rows: &[(Row, Option<Rejection>)], outcomes: &Outcomes) -> String {
    let rejected = rows.iter().filter_map(|(row, _)| match outcomes.get(&row.number) {
        Some(Err(rejection)) => Some(rejected_line(row, rejection)),
        _ => None,
    });
    rejected.collect()
}
