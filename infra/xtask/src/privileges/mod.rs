//! What functions were heard to do in the tests, against what their policies grant: no more, no less.
//!
//! Reading order: [`policy`] reads what the templates grant, [`record`] keeps what was heard, [`findings`] compares the two, [`unheard`]
//! lists what no test reaches.

pub mod findings;
pub mod policy;
pub mod record;
pub mod unheard;

pub use findings::{Finding, findings};
pub use policy::Policies;
pub use record::{Heard, Record};
pub use unheard::UNHEARD;
