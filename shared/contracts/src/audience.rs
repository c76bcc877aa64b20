//! Whom a campaign is for.

use serde::{Deserialize, Serialize};

use crate::id::ListId;

/// The contacts of any of these lists, with any of these tags, or all: everybody once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audience {
    /// Every contact of the organization.
    pub all: bool,
    /// The members of these lists.
    pub lists: Vec<ListId>,
    /// The contacts with these tags.
    pub tags: Vec<String>,
}

impl Audience {
    /// Tells whether nobody is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.all && self.lists.is_empty() && self.tags.is_empty()
    }
}
