//! The table of OWASP ASVS leaves no requirement out, and what it names is there.

use std::collections::BTreeMap;

use super::root;

const TABLE: &str = "docs/asvs.md";
/// The ids of levels 1 and 2 with their level, as version 5.0.0 of the standard has them.
const REQUIREMENTS: &str = include_str!("asvs.txt");
const STATES: [&str; 4] = ["met", "in part", "open", "not applicable"];

/// A row of the table.
struct Row {
    level: String,
    state: String,
    evidence: String,
}

impl Row {
    /// What stands in code marks and names a file: the file, and the test in it.
    fn places(&self) -> Vec<(&str, Option<&str>)> {
        let marked = self.evidence.split('`').skip(1).step_by(2);
        let places = marked.map(|text| text.split_once("::").map_or((text, None), |(file, test)| (file, Some(test))));
        places
            .filter(|(file, _)| ["rs", "yaml", "md", "toml", "lock", "txt", "json"].iter().any(|end| file.ends_with(&format!(".{end}"))))
            .collect()
    }
}

#[test]
fn no_requirement_of_levels_one_and_two_is_left_out() {
    let rows = rows();

    let wanted: BTreeMap<&str, &str> = REQUIREMENTS.lines().map(|line| line.split_once(' ').unwrap()).collect();
    let told: BTreeMap<&str, &str> = rows.iter().map(|(id, row)| (id.as_str(), row.level.as_str())).collect();

    // 70 requirements of level 1 and 183 of level 2.
    assert_eq!(wanted.len(), 253);
    assert_eq!(told, wanted);
}

#[test]
fn every_requirement_that_is_met_names_where_and_every_other_one_why() {
    for (id, row) in rows() {
        assert!(STATES.contains(&row.state.as_str()), "{id} is {:?}", row.state);
        let is_met = row.state == "met";
        assert!(!is_met || !row.places().is_empty(), "{id} is met, but nothing says where");
        assert!(is_met || row.evidence.len() > 5, "{id} is {}, but nothing says why", row.state);
        assert!(row.state != "in part" || row.evidence.contains("Missing:"), "{id} does not say what is missing");
    }
}

#[test]
fn every_file_and_test_that_the_table_names_is_there() {
    let mut wrong = Vec::new();
    let mut tests = 0;
    for (id, row) in rows() {
        for (file, test) in row.places() {
            let Ok(source) = std::fs::read_to_string(root().join(file)) else {
                wrong.push(format!("{id}: there is no {file}"));
                continue;
            };
            let Some(test) = test else { continue };
            tests += 1;
            if !source.contains(&format!("fn {test}(")) {
                wrong.push(format!("{id}: there is no {test} in {file}"));
            }
        }
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tests > 100, "the table names {tests} tests");
}

fn rows() -> BTreeMap<String, Row> {
    let text = std::fs::read_to_string(root().join(TABLE)).unwrap();
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| V")) {
        let cells: Vec<&str> = line.trim_matches('|').splitn(5, '|').map(str::trim).collect();
        let [id, level, _, state, evidence] = cells[..] else { panic!("{line} has other cells") };
        let row = Row { level: level.to_owned(), state: state.to_owned(), evidence: evidence.to_owned() };
        assert!(rows.insert(id.to_owned(), row).is_none(), "{id} stands there twice");
    }
    rows
}
