//! Why a deployment could not be wired.

use std::error::Error;

/// A failure to create what a deployment describes.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// A server refused, or could not be reached.
    #[error("cannot create {what}")]
    Refused {
        /// The kind and name of the resource.
        what: String,
        /// The SDK's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The data folder holds the table with other keys or indexes.
    #[error("the table {0} is stored with other keys or indexes: remove the data folder to begin anew")]
    Changed(String),
}

impl WiringError {
    /// Gives the conversion of an SDK error about `what`.
    pub(super) fn about<E: Error + Send + Sync + 'static>(what: String) -> impl FnOnce(E) -> Self {
        move |source| Self::Refused { what, source: Box::new(source) }
    }
}
