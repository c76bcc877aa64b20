//! Looks at the beginning of a file: is it text in UTF-8, how are columns separated, what are they called.

use crate::address::EmailAddress;
use crate::limits;

use super::record::{Rest, line, record};

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Why a file cannot be imported as it is, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileRefusal {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The file is larger than allowed.
    #[error("the file is larger than 200 MiB: split it into several imports")]
    TooLarge,
    /// The file is in UTF-16.
    #[error("the file is encoded in UTF-16: save it again as CSV UTF-8 (in Excel: Save As, CSV UTF-8)")]
    Utf16,
    /// The file is in UTF-32.
    #[error("the file is encoded in UTF-32: save it again as CSV UTF-8")]
    Utf32,
    /// The file is in Windows-1252.
    #[error("the file is not encoded in UTF-8; it looks like Windows-1252: save it again as CSV UTF-8 (in Excel: Save As, CSV UTF-8)")]
    Windows1252,
    /// The file is in Latin-1.
    #[error("the file is not encoded in UTF-8; it looks like Latin-1 (ISO 8859-1): save it again as CSV UTF-8")]
    Latin1,
    /// The file is a workbook.
    #[error("the file is a spreadsheet workbook: export the sheet as CSV UTF-8")]
    Workbook,
    /// The file is compressed.
    #[error("the file is compressed: unpack it before the upload")]
    Compressed,
    /// The file has NUL characters.
    #[error("the file has NUL characters, so it is no text: export it again as CSV UTF-8")]
    Binary,
    /// The first row holds data.
    #[error("the first row must name the columns, and it looks like data: add a row with names such as email and first_name")]
    NoHeader,
    /// The first row is too long or has too many columns.
    #[error("the first row is longer than 64 KiB or has more than 200 columns")]
    HeaderTooLong,
    /// Two columns have the same name.
    #[error("two columns have the same name: name each column differently")]
    ColumnTwice,
    /// There is nothing after the first row.
    #[error("the file has no rows after the first, which names the columns")]
    NoRows,
}

impl FileRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "imports.file_empty",
            Self::TooLarge => "imports.file_too_large",
            Self::Utf16 | Self::Utf32 | Self::Windows1252 | Self::Latin1 => "imports.file_encoding",
            Self::Workbook | Self::Compressed | Self::Binary => "imports.file_format",
            Self::NoHeader | Self::HeaderTooLong | Self::ColumnTwice => "imports.file_header",
            Self::NoRows => "imports.file_no_rows",
        }
    }
}

/// What the beginning of a file tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Beginning {
    pub(crate) delimiter: u8,
    pub(crate) columns: Vec<String>,
    pub(crate) data_offset: usize,
}

/// Reads the beginning of a file; `rest` says whether the file goes on.
pub(crate) fn beginning(bytes: &[u8], rest: Rest) -> Result<Beginning, FileRefusal> {
    check_encoding(bytes)?;
    let mark = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let (named, mut offset) = delimiter_line(bytes, mark, rest);
    loop {
        let tail = bytes.get(offset..).unwrap_or_default();
        if tail.is_empty() {
            return Err(FileRefusal::Empty);
        }
        let candidates = named.map_or(DELIMITERS.to_vec(), |delimiter| vec![delimiter]);
        let records = candidates.into_iter().filter_map(|delimiter| record(tail, delimiter, rest).map(|record| (delimiter, record)));
        // Of as many columns, the first delimiter wins: maximum takes the last, so the order is reversed.
        let best = records.collect::<Vec<_>>().into_iter().rev().max_by_key(|(_, record)| record.cells.len());
        let (delimiter, header) = best.ok_or(FileRefusal::HeaderTooLong)?;
        offset += header.length;
        if header.is_blank() {
            continue;
        }
        let columns = columns(&header.cells)?;
        if bytes.get(offset..).unwrap_or_default().iter().all(u8::is_ascii_whitespace) && rest == Rest::Nothing {
            return Err(FileRefusal::NoRows);
        }
        return Ok(Beginning { delimiter, columns, data_offset: offset });
    }
}

/// Reads the line `sep=;` that spreadsheets put first, if it is there.
fn delimiter_line(bytes: &[u8], start: usize, rest: Rest) -> (Option<u8>, usize) {
    let tail = bytes.get(start..).unwrap_or_default();
    match (tail, line(tail, rest)) {
        ([b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter, b'\r' | b'\n', ..], Some(length)) => (Some(*delimiter), start + length),
        _ => (None, start),
    }
}

fn check_encoding(bytes: &[u8]) -> Result<(), FileRefusal> {
    match bytes {
        [] => return Err(FileRefusal::Empty),
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Err(FileRefusal::Utf32),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Err(FileRefusal::Utf16),
        [b'P', b'K', 3, 4, ..] | [0xd0, 0xcf, 0x11, 0xe0, ..] => return Err(FileRefusal::Workbook),
        [0x1f, 0x8b, ..] => return Err(FileRefusal::Compressed),
        _ => {}
    }
    let zeros = bytes.iter().filter(|byte| **byte == 0).count();
    if zeros > 0 {
        // Text in mostly ASCII letters is every second byte zero in UTF-16, and three of four in UTF-32.
        let (quarters, all) = (zeros * 4, bytes.len());
        return Err(if quarters > all * 5 / 2 {
            FileRefusal::Utf32
        } else if quarters > all {
            FileRefusal::Utf16
        } else {
            FileRefusal::Binary
        });
    }
    match std::str::from_utf8(bytes) {
        // A character that the end of the beginning cuts is none that is wrong.
        Err(error) if error.error_len().is_some() => {
            let is_windows = bytes.iter().skip(error.valid_up_to()).any(|byte| (0x80..=0x9f).contains(byte));
            Err(if is_windows { FileRefusal::Windows1252 } else { FileRefusal::Latin1 })
        }
        _ => Ok(()),
    }
}

fn columns(cells: &[Vec<u8>]) -> Result<Vec<String>, FileRefusal> {
    let name = |(place, cell): (usize, &Vec<u8>)| {
        let text = String::from_utf8_lossy(cell).trim().to_owned();
        if text.is_empty() { format!("column {}", place + 1) } else { text }
    };
    let mut columns: Vec<String> = cells.iter().enumerate().map(name).collect();
    // A delimiter at the end of every line makes nameless columns that nobody meant.
    while cells.len() > 1 && columns.last().is_some_and(|last| *last == format!("column {}", columns.len())) {
        columns.pop();
    }
    if columns.len() > limits::IMPORT_COLUMNS || cells.iter().map(Vec::len).sum::<usize>() > limits::ROW_BYTES {
        return Err(FileRefusal::HeaderTooLong);
    }
    if columns.iter().any(|column| looks_like_data(column)) {
        return Err(FileRefusal::NoHeader);
    }
    let mut names: Vec<String> = columns.iter().map(|column| column.to_lowercase()).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(FileRefusal::ColumnTwice);
    }
    Ok(columns)
}

fn looks_like_data(cell: &str) -> bool {
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    cell.parse::<EmailAddress>().is_ok() || (digits >= 7 && !cell.chars().any(char::is_alphabetic))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn of(text: &[u8]) -> Result<Beginning, FileRefusal> {
        beginning(text, Rest::Nothing)
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn the_delimiter_is_the_one_that_makes_the_most_columns() {
        for (text, delimiter, columns) in [
            ("email,name\na@b.de,x\n", b',', 2),
            ("email;name, first;city\nx;y;z\n", b';', 3),
            ("email\tname\nx\ty\n", b'\t', 2),
            ("email\nada@example.com\n", b',', 1),
        ] {
            let found = of(text.as_bytes()).unwrap();
            assert_eq!((found.delimiter, found.columns.len()), (delimiter, columns), "{text}");
        }
    }

    #[test]
    fn a_byte_order_mark_empty_lines_and_a_separator_line_are_passed_over() {
        let text = b"\xef\xbb\xbfsep=;\r\n\r\n\"e-mail\";name;\r\nx;y;\r\n";

        let found = of(text).unwrap();

        assert_eq!(found.columns, ["e-mail", "name"]);
        assert_eq!(text.get(found.data_offset..).unwrap(), b"x;y;\r\n");
    }

    #[test]
    fn foreign_encodings_are_named() {
        assert_eq!(of(b"\xff\xfee\0m\0").unwrap_err(), FileRefusal::Utf16);
        assert_eq!(of(&utf16("email,name\nada@example.com,Ada\n")).unwrap_err(), FileRefusal::Utf16);
        assert_eq!(of(b"\xff\xfe\0\0e\0\0\0").unwrap_err(), FileRefusal::Utf32);
        assert_eq!(of(b"email,name\na@b.de,J\xfcrgen\n").unwrap_err(), FileRefusal::Latin1);
        assert_eq!(of(b"email,name\na@b.de,J\xfcrgen \x96 \x80\n").unwrap_err(), FileRefusal::Windows1252);
        assert_eq!(of(b"PK\x03\x04xxxx").unwrap_err(), FileRefusal::Workbook);
        assert_eq!(of(b"\x1f\x8b\x08").unwrap_err(), FileRefusal::Compressed);
        assert_eq!(of(b"email\na\0bcdefghijklmnop\n").unwrap_err(), FileRefusal::Binary);
        assert_eq!(of(b"").unwrap_err(), FileRefusal::Empty);
    }

    #[test]
    fn a_character_cut_by_the_end_of_the_beginning_is_not_a_foreign_encoding() {
        let text = "email,name\nada@example.com,Zoë\n".as_bytes();
        let cut = text.get(..text.len() - 2).unwrap();

        assert!(beginning(cut, Rest::More).is_ok());
    }

    #[test]
    fn a_first_row_that_holds_data_or_stands_alone_is_refused() {
        assert_eq!(of(b"ada@example.com,Ada\nb@example.com,B\n").unwrap_err(), FileRefusal::NoHeader);
        assert_eq!(of(b"+49 30 901820,Ada\n").unwrap_err(), FileRefusal::NoHeader);
        assert_eq!(of(b"email,name\n\n \n").unwrap_err(), FileRefusal::NoRows);
        assert_eq!(of(b"email,Email\nx,y\n").unwrap_err(), FileRefusal::ColumnTwice);
        assert_eq!(of(b"\n\n").unwrap_err(), FileRefusal::Empty);
    }
}
