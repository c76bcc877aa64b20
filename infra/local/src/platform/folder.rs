//! The data folder: one platform at a time, and its keys.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::PlatformError;

/// The lock on a data folder; the system takes it away when the process ends, however that ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Makes the folder if it is absent, and locks it.
    pub(super) fn take(folder: &Path) -> Result<Self, PlatformError> {
        let failed = |source| PlatformError::Folder { folder: folder.display().to_string(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join("lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(PlatformError::InUse(folder.display().to_string())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// Reads a key of the platform, or draws it at the first start, so that what it signed outlives a restart.
pub(super) fn key(folder: &Path, name: &str, draw: impl FnOnce() -> String) -> Result<String, PlatformError> {
    let file = folder.join(name);
    let failed = |source| PlatformError::Folder { folder: folder.display().to_string(), source };
    match std::fs::read_to_string(&file) {
        Ok(key) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = draw();
            write_private(&file, key.as_bytes()).map_err(failed)?;
            Ok(key)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Writes a file that only its owner may read.
///
/// # Errors
/// As the file system fails.
pub fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(file)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_used_by_one_platform_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(folder.path()).unwrap();

        assert!(matches!(Lock::take(folder.path()), Err(PlatformError::InUse(_))));
        drop(lock);

        assert!(Lock::take(folder.path()).is_ok());
    }

    #[test]
    fn a_key_that_was_drawn_stays_the_same() {
        let folder = tempfile::tempdir().unwrap();

        let first = key(folder.path(), "link-key", || "first".to_owned()).unwrap();

        assert_eq!(first, "first");
        assert_eq!(key(folder.path(), "link-key", || "second".to_owned()).unwrap(), "first");
    }
}
