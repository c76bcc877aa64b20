//! The sending domain: the ledger that makes sure that nobody gets a campaign twice and nobody is forgotten, the pacing of work,
//! senders, and single messages.
//!
//! The ledger is the truth; queue messages are hints. Reading order:
//! [`outcome`] (what became of one recipient), [`plan`] (who gets it), [`state`] (what was done), [`facts`] (what providers
//! reported), [`figures`] (the sums), [`run`] (the send as a whole), [`keys`], [`ledger`] (the use cases), [`pacing`] and
//! [`lanes`] (how fast), [`doubt`] (what is unknown), [`sender`], [`message`].

pub mod doubt;
mod error;
pub mod facts;
pub mod figures;
mod fold_requests;
pub mod keys;
pub mod lanes;
pub mod ledger;
pub mod message;
pub mod outcome;
pub mod pacing;
pub mod plan;
pub mod run;
pub mod sender;
pub mod state;

mod store;

pub use error::SendingError;
pub use figures::{Figures, RecipientStatus};
pub use fold_requests::FoldRequests;
pub use ledger::{Ledger, Loaded};
pub use outcome::Outcome;
pub use plan::{Plan, Recipient};
pub use run::{Definition, DoubtPolicy, RunRecord, RunStatus};
pub use sender::{Sender, Senders};
pub use state::{Claim, Settled, State};
