//! Hears what a function uses where no request shows it.

use std::fmt;
use std::sync::Arc;

type Hear = dyn Fn(&'static str, &str) + Send + Sync;

/// Is told of what a function uses without a request of its own: an address that it signs for others, a key in a file that stands in for
/// KMS. Nobody listens but tests, which compare it with what the function's policy grants; clones tell the same listener.
#[derive(Clone, Default)]
pub struct Ear(Option<Arc<Hear>>);

impl Ear {
    /// Takes the listener: it is given the action, as policies name it, and the resource.
    pub fn new(hear: impl Fn(&'static str, &str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hear)))
    }

    /// Tells that an action such as `s3:PutObject` will be needed for a resource.
    pub fn hear(&self, action: &'static str, resource: &str) {
        if let Some(hear) = &self.0 {
            hear(action, resource);
        }
    }
}

impl fmt::Debug for Ear {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Ear")
    }
}
