//! What was heard in the tests, kept beside the build: one folder for each state of the sources, one file for each process.
//!
//! A record speaks for exactly the sources that it was made with, whoever ran which tests of them: another state has another folder, so that
//! nothing has to be cleared before a run, and nothing old is believed.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Where records are, from the repository's folder.
const FOLDER: &str = "target/privileges";
/// What functions are made of, and what makes them do things in tests.
const SOURCES: [&str; 8] =
    ["Cargo.lock", "functions", "shared", "infra/local", "infra/standins", "infra/xtask/src/bootstrap.rs", "tests/it", "tests/Cargo.toml"];
/// How many states of the sources are remembered.
const KEPT: usize = 20;

/// Something that was done in one request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Heard {
    /// The action, such as `dynamodb:PutItem`.
    pub action: String,
    /// The resource, by the parameter that brings its ARN: `EntitiesTableArn/index/gsi1`.
    pub resource: String,
    /// All partition keys of the request, without ids, or the prefix of a list of objects.
    pub keys: BTreeSet<String>,
}

/// What each function was heard to do.
pub type Record = BTreeMap<String, BTreeSet<Heard>>;

/// The folder of the record of the sources as they are now.
///
/// # Errors
/// As the file system fails.
pub fn folder(root: &Path) -> io::Result<PathBuf> {
    let mut files = Vec::new();
    for source in SOURCES {
        collect(&root.join(source), &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        let content = std::fs::read(&file)?;
        hasher.write(file.strip_prefix(root).unwrap_or(&file).as_os_str().as_encoded_bytes());
        hasher.write_usize(content.len());
        hasher.write(&content);
    }
    Ok(root.join(FOLDER).join(format!("{:016x}", hasher.finish())))
}

/// Writes what a process has heard so far into its file in a folder, and lets go of the records of sources long gone.
///
/// # Errors
/// As the file system fails.
pub fn write(folder: &Path, name: &str, record: &Record) -> io::Result<()> {
    let known = folder.is_dir();
    std::fs::create_dir_all(folder)?;
    if let Some(all) = folder.parent().filter(|_| !known) {
        forget(all)?;
    }
    // Who reads meanwhile sees a whole file.
    let part = folder.join(format!("{name}.part"));
    std::fs::write(&part, text(record))?;
    std::fs::rename(part, folder.join(format!("{name}.json")))
}

/// Reads the files of a folder as one record.
///
/// # Errors
/// Where there is no such folder, or a file in it is no record.
pub fn read(folder: &Path) -> io::Result<Record> {
    let mut record = Record::new();
    for file in std::fs::read_dir(folder)? {
        let file = file?.path();
        if file.extension().is_some_and(|extension| extension == "json") {
            let written: Value = serde_json::from_slice(&std::fs::read(&file)?)?;
            add(&mut record, &written).ok_or_else(|| io::Error::other(format!("{} is no record", file.display())))?;
        }
    }
    Ok(record)
}

/// The records in a folder, the newest first.
fn by_age(all: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for folder in std::fs::read_dir(all)? {
        let folder = folder?;
        folders.push((folder.metadata()?.modified()?, folder.path()));
    }
    folders.sort();
    Ok(folders.into_iter().rev().map(|(_, folder)| folder).collect())
}

fn forget(all: &Path) -> io::Result<()> {
    by_age(all)?.into_iter().skip(KEPT).try_for_each(std::fs::remove_dir_all)
}

fn text(record: &Record) -> String {
    let of = |heard: &BTreeSet<Heard>| {
        Value::Array(heard.iter().map(|one| json!({ "action": one.action, "resource": one.resource, "keys": one.keys })).collect())
    };
    let functions: serde_json::Map<_, _> = record.iter().map(|(function, heard)| (function.clone(), of(heard))).collect();
    Value::Object(functions).to_string()
}

fn add(record: &mut Record, written: &Value) -> Option<()> {
    for (function, heard) in written.as_object()? {
        let of_function = record.entry(function.clone()).or_default();
        for one in heard.as_array()? {
            let keys = one["keys"].as_array()?.iter().map(|key| key.as_str().map(str::to_owned)).collect::<Option<_>>()?;
            of_function.insert(Heard { action: one["action"].as_str()?.to_owned(), resource: one["resource"].as_str()?.to_owned(), keys });
        }
    }
    Some(())
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        let entry = entry?.path();
        let is_source = entry.extension().is_some_and(|extension| extension == "rs") || entry.ends_with("Cargo.toml");
        if entry.is_dir() || is_source {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(root: &Path) {
        for source in SOURCES {
            let file = if source.contains('.') { root.join(source) } else { root.join(source).join("src/lib.rs") };
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, source).unwrap();
        }
    }

    #[test]
    fn what_several_processes_heard_is_one_record_of_their_sources() {
        let root = tempfile::tempdir().unwrap();
        sources(root.path());
        let heard = |action: &str| Heard { action: action.to_owned(), resource: "T".to_owned(), keys: ["USER#*".to_owned()].into() };
        let of = |action: &str| Record::from([("me-get".to_owned(), BTreeSet::from([heard(action)]))]);
        let here = folder(root.path()).unwrap();

        write(&here, "1", &of("dynamodb:GetItem")).unwrap();
        write(&here, "2", &of("dynamodb:PutItem")).unwrap();
        write(&here, "2", &of("dynamodb:Query")).unwrap();
        std::fs::write(root.path().join("functions/src/lib.rs"), "changed").unwrap();
        let changed = folder(root.path()).unwrap();

        let expected = BTreeSet::from([heard("dynamodb:GetItem"), heard("dynamodb:Query")]);
        assert_eq!(read(&here).unwrap(), Record::from([("me-get".to_owned(), expected)]));
        assert_ne!(here, changed);
        assert!(read(&changed).is_err(), "other sources have no record yet");
        assert_eq!(by_age(&root.path().join(FOLDER)).unwrap(), [here]);
    }
}
