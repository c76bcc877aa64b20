//! How large a binary is, as a file and as the archive that is uploaded.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// What an archive adds to the compressed file: local header, central directory and its end, with the name `bootstrap` twice.
///
/// Source: APPNOTE.TXT, "Overall .ZIP file format".
const ARCHIVE_BYTES: u64 = 30 + 46 + 22 + 2 * 9;

/// The sizes of a binary, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Of the file.
    pub file: u64,
    /// Of an archive with the file, at the compression that `sam package` has.
    pub archive: u64,
}

/// Lists the functions in a folder that `cargo lambda build` filled, with their binaries: `<function>/bootstrap`.
///
/// # Errors
/// As the file system fails.
pub fn functions(folder: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    let mut functions = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let file = entry.path().join("bootstrap");
        if file.is_file() {
            functions.insert(entry.file_name().to_string_lossy().into_owned(), file);
        }
    }
    Ok(functions)
}

/// Measures every binary of a folder, which takes seconds; [`functions`] does not.
///
/// # Errors
/// As [`functions`].
pub fn all(folder: &Path) -> io::Result<BTreeMap<String, Size>> {
    functions(folder)?.into_iter().map(|(function, file)| Ok((function, of(&file)?))).collect()
}

fn of(file: &Path) -> io::Result<Size> {
    let bytes = std::fs::read(file)?;
    let mut encoder = DeflateEncoder::new(Counted(0), Compression::default());
    encoder.write_all(&bytes)?;
    let Counted(compressed) = encoder.finish()?;
    Ok(Size { file: bytes.len() as u64, archive: compressed + ARCHIVE_BYTES })
}

/// Counts what is written.
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_folder_with_a_bootstrap_is_a_function() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("health")).unwrap();
        std::fs::create_dir_all(folder.path().join("empty")).unwrap();
        std::fs::write(folder.path().join("health/bootstrap"), [0; 100_000]).unwrap();

        let sizes = all(folder.path()).unwrap();

        assert_eq!(sizes.keys().collect::<Vec<_>>(), ["health"]);
        assert_eq!(sizes["health"].file, 100_000);
        assert!((ARCHIVE_BYTES..1_000).contains(&sizes["health"].archive), "{sizes:?}");
    }
}
