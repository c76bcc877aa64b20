//! Cuts the bytes of a chunk into rows, and finds where the next chunk starts.

use crate::limits;

use super::record::{Record, Rest, line, record};
use super::row::{Rejection, Row};

/// The longest part of a broken row that the report shows, in bytes.
const SHOWN_BYTES: usize = 2000;

/// The rows of a chunk.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    /// The rows, in order, empty ones left out: as they are, or with the reason why they cannot be read.
    pub(crate) rows: Vec<(Row, Option<Rejection>)>,
    /// How many bytes the chunk takes.
    pub(crate) length: usize,
    /// The number of the next chunk's first row.
    pub(crate) next_row: u64,
    /// Whether the last row goes on behind the bytes at hand: the next chunk starts behind the next line end.
    pub(crate) is_cut: bool,
}

/// How the rows of a file are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) delimiter: u8,
    pub(crate) columns: usize,
}

/// Cuts bytes into rows, up to the limits of a chunk.
///
/// Where quotes are broken, the first line alone is rejected, and reading goes on at the next line: one row is lost, not the rest of the file.
pub(crate) fn split(bytes: &[u8], rest: Rest, format: Format, first_row: u64) -> Chunk {
    let longest = usize::try_from(limits::CHUNK_BYTES).unwrap_or(usize::MAX);
    let mut chunk = Chunk { next_row: first_row, ..Chunk::default() };
    while chunk.rows.len() < limits::CHUNK_ROWS && chunk.length < longest.min(bytes.len()) {
        let tail = bytes.get(chunk.length..).unwrap_or_default();
        match record(tail, format.delimiter, rest) {
            Some(record) => take(&mut chunk, tail, record, (format, rest)),
            // The row may be whole in the next chunk, unless it is too long for any.
            None if tail.len() <= limits::ROW_BYTES => break,
            None => reject_line(&mut chunk, tail, (format, rest), too_long()),
        }
        if chunk.is_cut {
            break;
        }
    }
    chunk
}

fn take(chunk: &mut Chunk, tail: &[u8], record: Record, (format, rest): (Format, Rest)) {
    if record.is_blank() {
        chunk.length += record.length;
        chunk.next_row += 1;
        return;
    }
    let problem = problem(&record, format);
    match problem {
        Some(rejection) if record.has_lines || record.length > limits::ROW_BYTES => reject_line(chunk, tail, (format, rest), rejection),
        problem => {
            let mut cells: Vec<String> = record.cells.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
            if problem.is_none() {
                cells.truncate(format.columns);
            }
            chunk.rows.push((Row { number: chunk.next_row, cells }, problem));
            chunk.length += record.length;
            chunk.next_row += 1;
        }
    }
}

fn problem(record: &Record, format: Format) -> Option<Rejection> {
    if record.length > limits::ROW_BYTES {
        return Some(too_long());
    }
    if record.is_broken && record.has_lines {
        return Some(Rejection::new("quotes_broken", "a quote in the row is not closed, or closed in the middle of a cell"));
    }
    // Delimiters at the end of a line make empty cells that nobody meant.
    let extra_is_blank = record.cells.iter().skip(format.columns).all(|cell| cell.iter().all(u8::is_ascii_whitespace));
    if record.cells.len() < format.columns || !extra_is_blank {
        let reason = format!("the row has {} cells where the file has {} columns", record.cells.len(), format.columns);
        return Some(Rejection::new("column_count", reason));
    }
    if record.cells.iter().any(|cell| std::str::from_utf8(cell).is_err()) {
        return Some(Rejection::new("encoding", "the row is not encoded in UTF-8"));
    }
    None
}

/// Rejects the first line, whatever quotes say, and goes on behind it.
fn reject_line(chunk: &mut Chunk, tail: &[u8], (format, rest): (Format, Rest), rejection: Rejection) {
    let length = line(tail, rest);
    chunk.is_cut = length.is_none();
    let length = length.unwrap_or(tail.len());
    let shown = tail.get(..length.min(SHOWN_BYTES)).unwrap_or_default();
    let cells = record(shown, format.delimiter, Rest::Nothing).map(|record| record.cells).unwrap_or_default();
    let cells = cells.iter().map(|cell| String::from_utf8_lossy(cell).trim_end().to_owned()).collect();
    chunk.rows.push((Row { number: chunk.next_row, cells }, Some(rejection)));
    chunk.length += length;
    chunk.next_row += 1;
}

fn too_long() -> Rejection {
    Rejection::new("row_too_long", "the row is longer than 64 KiB")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORMAT: Format = Format { delimiter: b',', columns: 2 };

    /// The rows of a whole file: cells, or the code of the rejection.
    fn read(text: &str) -> Vec<(u64, Result<Vec<String>, &'static str>)> {
        let chunk = split(text.as_bytes(), Rest::Nothing, FORMAT, 1);
        assert_eq!(chunk.length, text.len());
        chunk.rows.into_iter().map(|(row, rejection)| (row.number, rejection.map_or(Ok(row.cells), |found| Err(found.code)))).collect()
    }

    fn cells(pair: [&str; 2]) -> Result<Vec<String>, &'static str> {
        Ok(pair.map(str::to_owned).to_vec())
    }

    #[test]
    fn empty_rows_are_skipped_and_counted_as_rows() {
        assert_eq!(read("a,b\n\n , \nc,d"), [(1, cells(["a", "b"])), (4, cells(["c", "d"]))]);
    }

    #[test]
    fn rows_with_more_or_fewer_cells_are_rejected_and_empty_ones_at_the_end_are_not() {
        assert_eq!(read("a\na,b,,\na,b,c\n"), [(1, Err("column_count")), (2, cells(["a", "b"])), (3, Err("column_count"))]);
    }

    #[test]
    fn a_quoted_line_break_stays_in_its_row() {
        assert_eq!(read("a,\"b\r\nc\"\r\nd,e\r\n"), [(1, cells(["a", "b\r\nc"])), (2, cells(["d", "e"]))]);
    }

    #[test]
    fn a_broken_quote_costs_its_own_line_only() {
        assert_eq!(read("a,\"b\nc,d\ne,f\n"), [(1, Err("quotes_broken")), (2, cells(["c", "d"])), (3, cells(["e", "f"]))]);
        assert_eq!(read("a,\"b\nc,\"d\"\ne,f\n"), [(1, Err("quotes_broken")), (2, cells(["c", "d"])), (3, cells(["e", "f"]))]);
    }

    #[test]
    fn a_row_that_is_not_utf8_is_rejected() {
        let chunk = split(b"a,J\xfcrgen\nc,d\n", Rest::Nothing, FORMAT, 1);

        assert_eq!(chunk.rows[0].1.as_ref().unwrap().code, "encoding");
        assert_eq!(chunk.rows[1].1, None);
    }

    #[test]
    fn a_row_that_is_too_long_is_rejected_and_the_next_is_read() {
        let text = format!("a,{}\nc,d\n", "x".repeat(limits::ROW_BYTES));

        assert_eq!(read(&text), [(1, Err("row_too_long")), (2, cells(["c", "d"]))]);
    }

    #[test]
    fn a_row_cut_by_the_end_of_the_bytes_belongs_to_the_next_chunk() {
        let chunk = split(b"a,b\nc,", Rest::More, FORMAT, 7);

        assert_eq!((chunk.length, chunk.next_row, chunk.is_cut), (4, 8, false));
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let chunk = split("x".repeat(limits::ROW_BYTES + 1).as_bytes(), Rest::More, FORMAT, 1);

        assert!(chunk.is_cut);
        assert_eq!(chunk.rows[0].1.as_ref().unwrap().code, "row_too_long");
    }

    #[test]
    fn a_chunk_ends_after_its_most_rows() {
        let text = "a,b\n".repeat(limits::CHUNK_ROWS + 3);

        let chunk = split(text.as_bytes(), Rest::Nothing, FORMAT, 1);

        assert_eq!(chunk.rows.len(), limits::CHUNK_ROWS);
        assert_eq!(chunk.length, 4 * limits::CHUNK_ROWS);
    }

    proptest! {
        #[test]
        fn whatever_a_file_holds_every_byte_belongs_to_one_row(text in "[ab,\"\r\n]{0,60}") {
            let chunk = split(text.as_bytes(), Rest::Nothing, FORMAT, 1);

            prop_assert_eq!(chunk.length, text.len());
            let numbers: Vec<u64> = chunk.rows.iter().map(|(row, _)| row.number).collect();
            prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
        }

        #[test]
        fn chunks_that_start_where_others_end_give_the_same_rows(text in "[ab,\n]{0,60}", cut in 1_usize..30) {
            let whole = split(text.as_bytes(), Rest::Nothing, FORMAT, 1);
            let first_part = &text.as_bytes()[..cut.min(text.len())];
            let rest = if first_part.len() == text.len() { Rest::Nothing } else { Rest::More };
            let first = split(first_part, rest, FORMAT, 1);
            let second = split(&text.as_bytes()[first.length..], Rest::Nothing, FORMAT, first.next_row);

            let parts: Vec<_> = first.rows.into_iter().chain(second.rows).collect();
            prop_assert_eq!(parts, whole.rows);
        }
    }
}
