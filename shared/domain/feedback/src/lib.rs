//! Feedback: what providers report of messages, turned into one model.
//!
//! The domain is pure. It knows the foreign forms (events of SES, notifications of SNS and S3, callbacks and inbound texts of Twilio)
//! and gives [`ProviderEvent`]s: which attempt at which recipient, what happened, and which address to suppress for it. It also makes
//! what our messages carry out so that reports find back: the tags of mails and the callback addresses of texts. Anything that does not
//! carry them is not ours, and is ignored.
//!
//! Reading order: [`event`], [`tags`], [`ses`], [`reading`], [`notification`], [`batch`], [`twilio`], [`keyword`].

pub mod batch;
pub mod error;
pub mod event;
pub mod keyword;
pub mod notification;
pub mod reading;
pub mod ses;
pub mod tags;
pub mod twilio;

pub use batch::{BatchReader, Tally};
pub use error::FeedbackError;
pub use event::{ProviderEvent, Suppress, SuppressionCause};
pub use keyword::Keyword;
pub use notification::{S3Notification, SnsNotification};
