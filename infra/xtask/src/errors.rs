//! The error codes: those that the sources use, and those of the catalogue.
//!
//! A code is found by its form, a text of lower-case words with dots between, anywhere in the sources of domains, platform and
//! functions before their tests; permissions have that form too, and stand in one file.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// Where the catalogue is.
pub const CATALOGUE: &str = "docs/errors.md";

/// Where codes are used.
const SOURCES: [&str; 3] = ["shared/domain", "shared/platform", "functions"];
/// Texts of a code's form that are none: a variable of templates, fields of log lines.
const NO_CODES: [&str; 3] = ["organization.name", "organization.id", "caller.id"];

/// Lists the codes that the sources use.
///
/// # Errors
/// As the file system fails.
pub fn used(root: &Path) -> io::Result<BTreeSet<String>> {
    let mut codes = BTreeSet::new();
    for folder in SOURCES {
        collect(&root.join(folder), &mut codes)?;
    }
    for no_code in NO_CODES {
        codes.remove(no_code);
    }
    Ok(codes)
}

/// Lists the codes in the first column of the catalogue's tables.
///
/// # Errors
/// As the file system fails.
pub fn catalogued(root: &Path) -> io::Result<BTreeSet<String>> {
    let text = std::fs::read_to_string(root.join(CATALOGUE))?;
    let codes = text.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()));
    Ok(codes.collect())
}

fn collect(folder: &Path, codes: &mut BTreeSet<String>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            if !["tests", "testkit"].contains(&name.as_str()) {
                collect(&path, codes)?;
            }
        } else if name.ends_with(".rs") && name != "tests.rs" && !name.ends_with("_tests.rs") {
            codes.extend(codes_of(&std::fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

/// The codes of a source file: its tests, at its end, are not read.
fn codes_of(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    // Between quotes stand texts and what is between texts; the latter never has a code's form.
    source.split('"').filter(|text| is_code(text)).map(ToOwned::to_owned).collect()
}

fn is_code(text: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.chars().all(|each| each.is_ascii_lowercase() || each.is_ascii_digit() || each == '_')
    };
    text.contains('.') && text.split('.').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_text_of_words_with_dots_and_not_in_tests() {
        let source = r#"
            Failure::new(Kind::Absent, "lists.absent", "there is no such list");
            meter.request("dynamodb.GetItem"); setup.text("BUCKET"); format!("{a}.{b}")
            #[cfg(test)]
            mod tests { assert_eq!(code, "tests.only"); }
        "#;

        assert_eq!(codes_of(source), ["lists.absent"]);
    }
}
