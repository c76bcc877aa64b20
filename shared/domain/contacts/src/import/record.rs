//! Splits bytes into records as RFC 4180 says, and as files are written that never heard of it.
//!
//! A quote inside an unquoted cell is a letter; text after a closing quote is kept, and remembered as a sign of broken quotes; lines end
//! with CR LF, LF or CR.

/// One record, and how much of the bytes it takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// The cells.
    pub(crate) cells: Vec<Vec<u8>>,
    /// The bytes that it takes, its line end included.
    pub(crate) length: usize,
    /// Whether it goes over several lines.
    pub(crate) has_lines: bool,
    /// Whether a quote was never closed, or was closed before other text: the record may be several.
    pub(crate) is_broken: bool,
}

impl Record {
    /// Tells whether there is nothing but white space in it.
    pub(crate) fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| cell.iter().all(u8::is_ascii_whitespace))
    }
}

/// Reads the record at the start of the bytes; nothing when more bytes are needed to know where it ends.
///
/// `rest` says whether anything follows the bytes.
pub(crate) fn record(bytes: &[u8], delimiter: u8, rest: Rest) -> Option<Record> {
    let mut record = Record::default();
    let mut place = 0;
    loop {
        let (cell, end) = cell(bytes, place, (delimiter, rest), &mut record)?;
        record.cells.push(cell);
        match bytes.get(end) {
            Some(byte) if *byte == delimiter => place = end + 1,
            Some(_) => {
                record.length = end + line_end(bytes.get(end..).unwrap_or_default(), rest)?;
                return Some(record);
            }
            None => {
                record.length = end;
                return (rest == Rest::Nothing).then_some(record);
            }
        }
    }
}

/// What follows the bytes at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// More of the file.
    More,
    /// The end of the file.
    Nothing,
}

/// Gives the length of the first line, its end included; nothing when it does not end in the bytes.
pub(crate) fn line(bytes: &[u8], rest: Rest) -> Option<usize> {
    match bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        Some(end) => line_end(bytes.get(end..).unwrap_or_default(), rest).map(|length| end + length),
        None => (rest == Rest::Nothing).then_some(bytes.len()),
    }
}

/// The length of the line end at the start of the bytes: a CR at their end may have its LF behind.
fn line_end(bytes: &[u8], rest: Rest) -> Option<usize> {
    match bytes {
        [b'\r', b'\n', ..] => Some(2),
        [b'\r'] if rest == Rest::More => None,
        _ => Some(1),
    }
}

/// Reads a cell from a place; gives it with the place of the delimiter or line end behind it.
fn cell(bytes: &[u8], start: usize, (delimiter, rest): (u8, Rest), record: &mut Record) -> Option<(Vec<u8>, usize)> {
    let mut text = Vec::new();
    let mut place = start;
    if bytes.get(start) == Some(&b'"') {
        place = quoted(bytes, start + 1, rest, (&mut text, record))?;
    }
    let tail = bytes.get(place..).unwrap_or_default();
    let length = tail.iter().position(|byte| *byte == delimiter || matches!(byte, b'\n' | b'\r')).unwrap_or(tail.len());
    let tail = tail.get(..length).unwrap_or_default();
    if place > start && !tail.is_empty() {
        record.is_broken = true;
    }
    text.extend_from_slice(tail);
    Some((text, place + length))
}

/// Reads quoted text after its opening quote; gives the place behind the closing one.
fn quoted(bytes: &[u8], start: usize, rest: Rest, (text, record): (&mut Vec<u8>, &mut Record)) -> Option<usize> {
    let mut place = start;
    loop {
        let tail = bytes.get(place..).unwrap_or_default();
        let Some(length) = tail.iter().position(|byte| *byte == b'"') else {
            append(tail, text, record);
            record.is_broken = true;
            return (rest == Rest::Nothing).then_some(bytes.len());
        };
        append(tail.get(..length).unwrap_or_default(), text, record);
        place += length + 1;
        match bytes.get(place) {
            Some(b'"') => {
                text.push(b'"');
                place += 1;
            }
            None if rest == Rest::More => return None,
            _ => return Some(place),
        }
    }
}

fn append(part: &[u8], text: &mut Vec<u8>, record: &mut Record) {
    record.has_lines |= part.iter().any(|byte| matches!(byte, b'\n' | b'\r'));
    text.extend_from_slice(part);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cells(text: &str, delimiter: u8) -> Vec<String> {
        let record = record(text.as_bytes(), delimiter, Rest::Nothing).unwrap();
        record.cells.into_iter().map(|cell| String::from_utf8(cell).unwrap()).collect()
    }

    #[test]
    fn quotes_delimiters_and_lines_inside_quotes_belong_to_the_cell() {
        assert_eq!(cells("a,\"b \"\"c\"\", d\",\"e\r\nf\"\r\nnext", b','), ["a", "b \"c\", d", "e\r\nf"]);
        assert_eq!(cells("a;b;\n", b';'), ["a", "b", ""]);
        assert_eq!(cells("5\" disk,x\n", b','), ["5\" disk", "x"]);
    }

    #[test]
    fn a_record_ends_at_any_line_end() {
        for (text, length) in [("a,b\nc", 4), ("a,b\r\nc", 5), ("a,b\rc", 4), ("a,b", 3)] {
            assert_eq!(record(text.as_bytes(), b',', Rest::Nothing).unwrap().length, length, "{text:?}");
        }
    }

    #[test]
    fn where_more_may_change_the_end_nothing_is_said() {
        for text in ["a,b", "a,\"b", "a,\"b\"", "a,b\r"] {
            assert_eq!(record(text.as_bytes(), b',', Rest::More), None, "{text:?}");
        }
    }

    #[test]
    fn broken_quotes_are_noticed() {
        assert!(record(b"a,\"b\nc,d\n", b',', Rest::Nothing).unwrap().is_broken);
        assert!(record(b"a,\"b\"c\n", b',', Rest::Nothing).unwrap().is_broken);
        assert!(!record(b"a,\"b\"\n", b',', Rest::Nothing).unwrap().is_broken);
    }

    /// All records of a text, as this parser reads them; empty lines left out, as the other parser does.
    fn all(text: &str) -> Vec<Vec<String>> {
        let mut bytes = text.as_bytes();
        let mut records = Vec::new();
        while !bytes.is_empty() {
            let record = record(bytes, b',', Rest::Nothing).unwrap();
            let is_empty_line = record.cells == [Vec::<u8>::new()] && bytes[0] != b'"';
            bytes = &bytes[record.length..];
            if !is_empty_line {
                records.push(record.cells.into_iter().map(|cell| String::from_utf8(cell).unwrap()).collect());
            }
        }
        records
    }

    proptest! {
        #[test]
        fn files_are_read_as_another_parser_reads_them(text in "[ab,\"\r\n]{0,40}") {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            let expected: Vec<Vec<String>> =
                reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect();

            prop_assert_eq!(all(&text), expected);
        }

        #[test]
        fn a_record_that_is_known_before_the_end_stays_the_same(text in "[ab,\"\r\n]{0,40}", more in "[ab,\"\r\n]{0,9}") {
            if let Some(known) = record(text.as_bytes(), b',', Rest::More) {
                let whole = format!("{text}{more}");
                prop_assert_eq!(record(whole.as_bytes(), b',', Rest::Nothing), Some(known));
            }
        }
    }
}
