//! How far an import is: the sum of what its chunks counted.

use serde::{Deserialize, Serialize};

use crate::limits;

use super::importer::Outcomes;
use super::{Import, ImportStatus, RowOutcome};

/// The counts of rows by what they did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows that are not empty.
    pub rows: u64,
    /// New contacts.
    pub created: u64,
    /// Contacts that changed.
    pub updated: u64,
    /// Contacts that were there and stayed as they were.
    pub unchanged: u64,
    /// Rows that spoke of the same contact as another row of the file.
    pub duplicate_in_file: u64,
    /// Rows in the report.
    pub rejected: u64,
}

/// An import and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportProgress {
    /// The import; its status says when it is completed.
    pub import: Import,
    /// The counts so far.
    pub counts: Counts,
    /// How much of the file is done, in percent.
    pub percent: u8,
}

/// What became of a chunk: stored once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChunkItem {
    pub(crate) entity: String,
    pub(crate) schema: u32,
    pub(crate) chunk: u32,
    pub(crate) bytes: u64,
    pub(crate) rejected_bytes: u64,
    pub(crate) last: bool,
    pub(crate) counts: Counts,
}

impl Counts {
    pub(crate) fn of(outcomes: &Outcomes) -> Self {
        let mut counts = Self::default();
        for outcome in outcomes.values() {
            counts.rows += 1;
            let count = match outcome {
                Ok(RowOutcome::Created) => &mut counts.created,
                Ok(RowOutcome::Updated) => &mut counts.updated,
                Ok(RowOutcome::Unchanged) => &mut counts.unchanged,
                Ok(RowOutcome::Duplicate) => &mut counts.duplicate_in_file,
                Ok(RowOutcome::Rejected) | Err(_) => &mut counts.rejected,
            };
            *count += 1;
        }
        counts
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            created: self.created + other.created,
            updated: self.updated + other.updated,
            unchanged: self.unchanged + other.unchanged,
            duplicate_in_file: self.duplicate_in_file + other.duplicate_in_file,
            rejected: self.rejected + other.rejected,
        }
    }
}

/// Sums up the chunks: the import is completed when the last one and all before it are stored.
pub(crate) fn progress(import: Import, chunks: &[ChunkItem]) -> ImportProgress {
    let counts = chunks.iter().fold(Counts::default(), |sum, chunk| sum.plus(chunk.counts));
    let number = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
    let is_complete = chunks.iter().any(|chunk| chunk.last && chunk.chunk + 1 == number);
    let done: u64 = chunks.iter().map(|chunk| chunk.bytes).sum();
    let all = import.size.unwrap_or_default().saturating_sub(import.layout.as_ref().map_or(0, |layout| layout.data_offset));
    let percent = match (is_complete, all) {
        (true, _) => 100,
        (false, 0) => 0,
        (false, all) => u8::try_from((done * 100 / all).min(99)).unwrap_or(99),
    };
    let status = if is_complete && import.status == ImportStatus::Running { ImportStatus::Completed } else { import.status };
    ImportProgress { import: Import { status, ..import }, counts, percent }
}

/// Divides the chunks with rejected rows into parts of the report.
pub(crate) fn parts(chunks: &[ChunkItem]) -> Vec<Vec<u32>> {
    let mut parts: Vec<Vec<u32>> = Vec::new();
    let mut bytes = u64::MAX;
    for chunk in chunks.iter().filter(|chunk| chunk.rejected_bytes > 0) {
        bytes = bytes.saturating_add(chunk.rejected_bytes);
        if bytes > limits::REJECTED_PART_BYTES {
            parts.push(Vec::new());
            bytes = chunk.rejected_bytes;
        }
        if let Some(part) = parts.last_mut() {
            part.push(chunk.chunk);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use carillon_contracts::{ImportId, OrganizationId};
    use jiff::Timestamp;

    use super::*;

    fn chunk(chunk: u32, last: bool, rejected_bytes: u64) -> ChunkItem {
        let counts = Counts { rows: 10, created: 9, rejected: 1, ..Counts::default() };
        ChunkItem { entity: String::new(), schema: 1, chunk, bytes: 100, rejected_bytes, last, counts }
    }

    fn running() -> Import {
        let import = Import::new(OrganizationId::from_bytes([1; 16]), ImportId::from_bytes([2; 16]), Timestamp::UNIX_EPOCH);
        Import { status: ImportStatus::Running, size: Some(300), ..import }
    }

    #[test]
    fn an_import_is_completed_when_the_last_chunk_and_all_before_are_stored() {
        let missing = progress(running(), &[chunk(0, false, 0), chunk(2, true, 0)]);
        let complete = progress(running(), &[chunk(0, false, 0), chunk(1, false, 0), chunk(2, true, 0)]);

        assert_eq!((missing.import.status, missing.percent), (ImportStatus::Running, 66));
        assert_eq!((complete.import.status, complete.percent), (ImportStatus::Completed, 100));
        assert_eq!(complete.counts.rows, 30);
    }

    #[test]
    fn the_report_is_divided_into_parts_of_bounded_size() {
        let half = limits::REJECTED_PART_BYTES / 2;

        let parts = parts(&[chunk(0, false, half), chunk(1, false, 0), chunk(2, false, half), chunk(3, true, half)]);

        assert_eq!(parts, [vec![0, 2], vec![3]]);
    }
}
