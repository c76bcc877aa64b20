//! The functions of the sending area: senders, single messages, and the send path of campaigns.
//!
//! The path, in the order of the data: [`expand_audience`] writes plans, [`release_work`] and [`release_on_schedule`] let them go at
//! the account's rate, [`deliver_email`], [`deliver_sms`] and [`deliver_message`] hand them to a provider, [`fold_figures`] sums up,
//! [`resolve_doubt`] and [`sweep_outbox`] bring back what a crash left.

pub mod create_message;
pub mod create_sender;
pub mod deliver_email;
pub mod deliver_message;
pub mod deliver_sms;
pub mod expand_audience;
pub mod fold_figures;
pub mod get_message;
pub mod list_messages;
pub mod list_senders;
pub mod release_on_schedule;
pub mod release_work;
pub mod resolve_doubt;
pub mod sweep_outbox;

mod delivery;
mod email;
mod emergency_stop;
mod exclusions;
mod frozen;
mod pacer;
mod probe;
mod sms;
mod views;

use carillon_harness::Entry;

/// All functions of the area.
pub static ENTRIES: &[Entry] = &[
    Entry::http::<create_sender::SendersCreate>(),
    Entry::http::<list_senders::SendersList>(),
    Entry::http::<create_message::MessagesCreate>(),
    Entry::http::<get_message::MessagesGet>(),
    Entry::http::<list_messages::MessagesList>(),
    Entry::queue::<expand_audience::SendingExpandAudience>(),
    Entry::batch::<release_work::SendingReleaseWork>(),
    Entry::schedule::<release_on_schedule::SendingReleaseOnSchedule>(),
    Entry::queue::<deliver_email::SendingDeliverEmail>(),
    Entry::queue::<deliver_sms::SendingDeliverSms>(),
    Entry::queue::<deliver_message::SendingDeliverMessage>(),
    Entry::batch::<fold_figures::SendingFoldFigures>(),
    Entry::schedule::<resolve_doubt::SendingResolveDoubt>(),
    Entry::schedule::<sweep_outbox::SendingSweepOutbox>(),
];
