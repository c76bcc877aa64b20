//! The report of rejected rows: a CSV that people open in spreadsheets, mend, and upload again.

use super::row::{Rejection, Row};

/// A part of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedPart {
    /// The CSV, with its header.
    pub csv: String,
    /// The number of the next part, if there is one.
    pub next: Option<u32>,
}

/// Writes the header: the row's number, the code, the reason, then the file's own columns.
pub(crate) fn header(columns: &[String]) -> String {
    let names = ["row", "code", "reason"].into_iter().chain(columns.iter().map(String::as_str));
    line(names)
}

/// Writes a rejected row.
pub(crate) fn rejected_line(row: &Row, rejection: &Rejection) -> String {
    let number = row.number.to_string();
    let first = [number.as_str(), rejection.code, rejection.reason.as_str()];
    line(first.into_iter().chain(row.cells.iter().map(String::as_str)))
}

fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let mut text = cells.map(cell).collect::<Vec<_>>().join(",");
    text.push_str("\r\n");
    text
}

/// Writes a cell, quoted where RFC 4180 demands it, and so that no spreadsheet takes it for a formula (OWASP, CSV injection).
///
/// A phone number stays as it is, because it is one: `+`, digits and what people write between them.
fn cell(text: &str) -> String {
    let is_number =
        text.strip_prefix('+').is_some_and(|rest| rest.chars().all(|letter| letter.is_ascii_digit() || " ()/.-".contains(letter)));
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && !is_number;
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r', ';', '\t']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_formula_becomes_text_and_a_phone_number_stays() {
        let row = Row { number: 7, cells: vec!["=1+1".to_owned(), "+49 30 901820".to_owned(), "@x".to_owned(), "a,\"b\"".to_owned()] };

        let text = rejected_line(&row, &Rejection::new("email_invalid", "email is empty"));

        assert_eq!(text, "7,email_invalid,email is empty,'=1+1,+49 30 901820,'@x,\"a,\"\"b\"\"\"\r\n");
    }

    #[test]
    fn the_header_repeats_the_columns() {
        assert_eq!(header(&["E-Mail".to_owned(), "a;b".to_owned()]), "row,code,reason,E-Mail,\"a;b\"\r\n");
    }

    proptest! {
        #[test]
        fn a_reader_of_csv_gets_the_cells_back(cells in prop::collection::vec("[a-z,;\"\r\n ]{0,12}", 1..5)) {
            let row = Row { number: 1, cells: cells.iter().map(|cell| format!("x{cell}")).collect() };
            let text = rejected_line(&row, &Rejection::new("code", "reason"));

            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            let read: Vec<String> = reader.records().next().unwrap().unwrap().iter().skip(3).map(str::to_owned).collect();

            prop_assert_eq!(read, row.cells);
        }
    }
}
