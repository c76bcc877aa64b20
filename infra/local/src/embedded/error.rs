//! Why an embedded server could not start.

use std::io;
use std::path::{Path, PathBuf};

/// A failure to start an embedded server.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The data folder, or a file in it, cannot be created, read or written.
    #[error("cannot use {}", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// The failure of the file system.
        #[source]
        source: io::Error,
    },
    /// The port cannot be bound on loopback.
    #[error("cannot listen on 127.0.0.1:{port}")]
    Bind {
        /// The port asked for, 0 for any.
        port: u16,
        /// The failure of the network.
        #[source]
        source: io::Error,
    },
    /// The server's own start failed; the text is its message.
    #[error("cannot start the embedded {server} server: {message}")]
    Start {
        /// The server's name.
        server: &'static str,
        /// The server's message.
        message: String,
    },
}

impl EmbeddedError {
    /// Gives the conversion of a file system error at `path`.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Folder { path, source }
    }
}
