//! Stand-ins of the providers: SES v2, Twilio, and the logins of Google and Facebook on the real wire formats, for the local platform and the tests.
//!
//! They keep what was sent (`/_outbox`), obey fault knobs (`/_faults/…`), and send the providers' events back: SES's
//! exceptions as SNS envelopes to a queue, SES's sends, deliveries, opens and clicks through a Firehose to batch
//! objects, and Twilio's as signed callbacks over HTTP.
//!
//! Reading order: [`StandinsConfig`] (what can be set), `standins` (the whole), `ses`, `twilio`, `google`, `facebook` (one
//! folder per provider: wire, checks, sending, events), `dispatcher` (when events leave), `store` (what is kept), `outbox` (how it
//! is shown). Every decision by chance is a hash of the seed and of what was sent: a run can be repeated.

mod clock;
mod config;
mod control;
mod dice;
mod dispatcher;
mod facebook;
mod faults;
mod firehose;
mod glob;
mod google;
mod logins;
mod outbox;
mod outstanding;
mod rate;
mod record;
mod ses;
mod sinks;
mod standins;
mod store;
mod tally;
#[cfg(test)]
mod testing;
mod twilio;

pub use config::{FacebookConfig, FirehoseConfig, GoogleConfig, Keep, SesConfig, StandinsConfig, TwilioConfig};
pub use control::control_router;
pub use facebook::facebook_router;
pub use faults::{
    CallFaults, EmailFate, EmailRule, FacebookFaults, GoogleFaults, IdTokenFault, Reader, SesFaults, SmsFate, SmsRule, TokenFault,
    TwilioFaults,
};
pub use google::google_router;
pub use logins::Person;
pub use outbox::{OutboxCounts, OutboxPage, OutboxQuery, outbox_router};
pub use record::{Channel, Email, Header, Message, Sms, Tag};
pub use ses::ses_router;
pub use sinks::{BatchSink, EventSink, SinkError, Sinks};
pub use standins::{Standins, StandinsError, router};
pub use twilio::{InboundSms, sign as twilio_signature, twilio_router};
