//! Flags: what the operator turns off and on at once, without a deployment, through AWS AppConfig.
//!
//! A process asks for them when something depends on one, at most once in an interval (15 seconds in production), and keeps what it
//! heard. Everything is on by default. When AppConfig does not answer, or answers what cannot be read, the last known flags hold: an
//! outage there neither stops mail nor opens what was closed. Only a process that never heard anything takes the defaults.
//!
//! Price (us-east-1): $0.20 for a million requests, and $0.0008 for each document that is received, which is one at the start of a
//! process and one at a change. A process that works all day asks 5,760 times: $0.0012; one that starts costs $0.0008 once.
//!
//! Source: <https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_appconfigdata_GetLatestConfiguration.html>.
//!
//! Reading order: [`flag`] (what there is), [`flags`] (when is asked), `session` (how is asked).

pub mod flag;
pub mod flags;

mod session;

pub use flag::Flag;
pub use flags::Flags;
