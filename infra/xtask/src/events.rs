//! The sample events under `events/<function>/`.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// A file with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The file's name.
    pub file: String,
    /// Why it cannot be read.
    pub problem: Option<String>,
}

/// Lists the samples of every function, which are the binaries of the packages under `functions/`, and of every other folder.
///
/// # Errors
/// As the file system fails.
pub fn samples(root: &Path) -> io::Result<BTreeMap<String, Vec<Sample>>> {
    let mut functions = BTreeMap::new();
    for area in names(&root.join("functions"))? {
        for file in names(&root.join("functions").join(area).join("src/bin"))? {
            functions.insert(file.trim_end_matches(".rs").to_owned(), Vec::new());
        }
    }
    for folder in names(&root.join("events"))? {
        let samples: &mut Vec<Sample> = functions.entry(folder.clone()).or_default();
        for file in names(&root.join("events").join(&folder))? {
            let text = std::fs::read_to_string(root.join("events").join(&folder).join(&file))?;
            let problem = serde_json::from_str::<serde_json::Value>(&text).err().map(|error| error.to_string());
            samples.push(Sample { file, problem });
        }
    }
    Ok(functions)
}

/// The names in a folder, sorted; none where there is no folder.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names: Vec<String> = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<io::Result<_>>()?;
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_without_samples_and_samples_without_functions_are_listed() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let file = root.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        write("functions/lists/src/bin/lists-get.rs", "");
        write("functions/admin/src/bin/health.rs", "");
        write("events/health/get.json", "{}");
        write("events/gone/broken.json", "{");

        let samples = samples(root.path()).unwrap();

        let names: Vec<_> = samples.keys().map(String::as_str).collect();
        assert_eq!(names, ["gone", "health", "lists-get"]);
        assert!(samples["gone"][0].problem.as_ref().unwrap().contains("EOF"));
        assert_eq!(samples["health"], [Sample { file: "get.json".to_owned(), problem: None }]);
        assert!(samples["lists-get"].is_empty());
    }
}
