//! The functions of the feedback area: what providers report afterwards, and what people answer.
//!
//! Mail: [`receive_ses_exceptions`] takes bounces, complaints, rejects and rendering failures fast, because suppression follows from
//! them; [`fold_ses_events`] takes the many (sends, deliveries, opens, clicks) in batches. Texts: [`receive_twilio_status`] and
//! [`receive_inbound_sms`] check Twilio's signature and queue, [`record_twilio_status`] and [`handle_inbound_sms`] do the work.

pub mod fold_ses_events;
pub mod handle_inbound_sms;
pub mod receive_inbound_sms;
pub mod receive_ses_exceptions;
pub mod receive_twilio_status;
pub mod record_twilio_status;

mod recorder;
mod webhook;

use carillon_harness::Entry;

/// All functions of the area.
pub static ENTRIES: &[Entry] = &[
    Entry::batch::<receive_ses_exceptions::FeedbackReceiveSesExceptions>(),
    Entry::batch::<fold_ses_events::FeedbackFoldSesEvents>(),
    Entry::public::<receive_twilio_status::FeedbackReceiveTwilioStatus>(),
    Entry::batch::<record_twilio_status::FeedbackRecordTwilioStatus>(),
    Entry::public::<receive_inbound_sms::FeedbackReceiveInboundSms>(),
    Entry::queue::<handle_inbound_sms::FeedbackHandleInboundSms>(),
];
