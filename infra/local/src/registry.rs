//! The registry: every function of the platform; and the check that templates, registry, binaries and sample events agree.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::Path;

use carillon_harness::Entry;

use crate::template::Deployment;

/// Lists all functions.
#[must_use]
pub fn entries() -> Vec<Entry> {
    [
        carillon_functions_admin::ENTRIES,
        carillon_functions_identity::ENTRIES,
        carillon_functions_contacts::ENTRIES,
        carillon_functions_templates::ENTRIES,
        carillon_functions_campaigns::ENTRIES,
        carillon_functions_sending::ENTRIES,
        carillon_functions_feedback::ENTRIES,
    ]
    .concat()
}

/// Where a function must be: the four places that name it.
const PLACES: [&str; 4] = ["a template", "the registry", "a binary", "a sample event"];

/// The functions that are not in all four places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differences(BTreeMap<String, Vec<&'static str>>);

impl fmt::Display for Differences {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "templates, registry, binaries and sample events disagree:")?;
        for (name, lacking) in &self.0 {
            write!(formatter, "\n  {name} lacks {}", lacking.join(" and "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Differences {}

/// Why the places could not be compared, or that they differ.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// They differ.
    #[error(transparent)]
    Differ(#[from] Differences),
    /// A folder of the repository cannot be read.
    #[error("cannot read the functions and sample events of {root}")]
    Unreadable {
        /// The repository's folder.
        root: String,
        /// The failure of the file system.
        #[source]
        source: io::Error,
    },
}

/// Compares the templates with the registry, with the binaries under `functions/` and with the folders under `events/`.
///
/// # Errors
/// [`RegistryError`] with every function that is missing somewhere.
pub fn check(root: &Path, deployment: &Deployment, entries: &[Entry]) -> Result<(), RegistryError> {
    let unreadable = |source| RegistryError::Unreadable { root: root.display().to_string(), source };
    let places = [
        deployment.functions.iter().map(|function| function.name.clone()).collect(),
        entries.iter().map(|entry| entry.name.to_owned()).collect(),
        binaries(root).map_err(unreadable)?,
        sample_events(root).map_err(unreadable)?,
    ];
    compare(&places).map_err(RegistryError::from)
}

fn compare(places: &[BTreeSet<String>; 4]) -> Result<(), Differences> {
    let mut differences = BTreeMap::new();
    for name in places.iter().flatten() {
        let lacking: Vec<&str> = places.iter().zip(PLACES).filter(|(names, _)| !names.contains(name)).map(|(_, place)| place).collect();
        if !lacking.is_empty() {
            differences.insert(name.clone(), lacking);
        }
    }
    if differences.is_empty() { Ok(()) } else { Err(Differences(differences)) }
}

/// The files under `functions/*/src/bin/` that their package declares as binaries.
fn binaries(root: &Path) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for area in std::fs::read_dir(root.join("functions"))? {
        let area = area?.path();
        let Ok(files) = std::fs::read_dir(area.join("src/bin")) else { continue };
        let manifest = std::fs::read_to_string(area.join("Cargo.toml"))?;
        for file in files {
            let name = file?.path().file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            if manifest.contains(&format!("name = \"{name}\"")) {
                names.insert(name);
            }
        }
    }
    Ok(names)
}

/// The folders under `events/` with at least one JSON file.
fn sample_events(root: &Path) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let Ok(folders) = std::fs::read_dir(root.join("events")) else { return Ok(names) };
    for folder in folders {
        let folder = folder?;
        if !folder.file_type()?.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(folder.path())? {
            if file?.path().extension().is_some_and(|extension| extension == "json") {
                names.insert(folder.file_name().to_string_lossy().into_owned());
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn all_that_is_missing_somewhere_is_told_at_once() {
        let places = [set(&["health", "lists-get"]), set(&["health"]), set(&["health", "lists-get"]), set(&["old", "health"])];

        let told = compare(&places).unwrap_err().to_string();

        let expected = "templates, registry, binaries and sample events disagree:\
            \n  lists-get lacks the registry and a sample event\
            \n  old lacks a template and the registry and a binary";
        assert_eq!(told, expected);
    }

    #[test]
    fn a_function_that_is_everywhere_is_fine() {
        assert_eq!(compare(&std::array::from_fn(|_| set(&["health"]))), Ok(()));
    }

    #[test]
    fn a_file_that_its_package_does_not_declare_is_no_binary() {
        let root = tempfile::tempdir().unwrap();
        let area = root.path().join("functions/area");
        std::fs::create_dir_all(area.join("src/bin")).unwrap();
        std::fs::create_dir_all(root.path().join("events/health")).unwrap();
        std::fs::create_dir_all(root.path().join("events/empty")).unwrap();
        std::fs::write(area.join("Cargo.toml"), "[[bin]]\nname = \"health\"\n").unwrap();
        std::fs::write(area.join("src/bin/health.rs"), "").unwrap();
        std::fs::write(area.join("src/bin/forgotten.rs"), "").unwrap();
        std::fs::write(root.path().join("events/health/get.json"), "{}").unwrap();

        assert_eq!(binaries(root.path()).unwrap(), set(&["health"]));
        assert_eq!(sample_events(root.path()).unwrap(), set(&["health"]));
    }
}
