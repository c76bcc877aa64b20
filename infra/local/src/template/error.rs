//! Why a template cannot be read.

use std::io;
use std::path::PathBuf;

/// A failure to read the templates.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file cannot be read.
    #[error("cannot read {}", file.display())]
    Unreadable {
        /// The template file.
        file: PathBuf,
        /// The failure of the file system.
        #[source]
        source: io::Error,
    },
    /// The file is no YAML.
    #[error("{} is not YAML", file.display())]
    NotYaml {
        /// The template file.
        file: PathBuf,
        /// The parser's error, with line and column.
        #[source]
        source: serde_norway::Error,
    },
    /// A part of the template is not understood or not valid.
    #[error("{}: {at}: {problem}", file.display())]
    Wrong {
        /// The template file.
        file: PathBuf,
        /// The logical id and the property, with dots between.
        at: String,
        /// What is wrong there.
        problem: String,
    },
    /// The parts do not fit together.
    #[error("{0}")]
    Inconsistent(String),
}
