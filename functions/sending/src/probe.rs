//! A mail to SES's mailbox simulator, for its events: an account that has gone quiet makes none, and without later events the absence
//! of an event proves nothing.
//!
//! The simulator takes mail in the sandbox too, delivers to nobody, and does not count towards bounces
//! (<https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html#send-email-simulator>).

use carillon_harness::{Failure, Setup, SetupError};
use carillon_sending::Ledger;
use carillon_ses::{BulkEmail, BulkEntry, Ses};
use jiff::{SignedDuration, Timestamp};

/// The simulator's address whose mails are delivered.
const SIMULATOR: &str = "success@simulator.amazonses.com";

/// Sends probes, one in a while whoever asks.
#[derive(Debug)]
pub(crate) struct Probe {
    ledger: Ledger,
    ses: Ses,
}

impl Probe {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { ledger: Ledger::from_setup(setup)?, ses: Ses::from_setup(setup)? })
    }

    /// Sends a probe from a sender's address through a configuration set, unless one was sent less than `pause` ago.
    pub(crate) async fn send(&self, from: String, set: &str, (now, pause): (Timestamp, SignedDuration)) -> Result<(), Failure> {
        if !self.ledger.may_probe(set, now, pause).await? {
            return Ok(());
        }
        let entry = BulkEntry { to: SIMULATOR.to_owned(), data: "{}".to_owned(), headers: Vec::new(), tags: Vec::new() };
        let probe = BulkEmail {
            from,
            reply_to: None,
            configuration_set: Some(set.to_owned()),
            subject: "Carillon asks whether events arrive".to_owned(),
            html: None,
            text: Some("This mail makes an event, by which the fate of earlier mails is known.".to_owned()),
            default_data: "{}".to_owned(),
            headers: Vec::new(),
            tags: Vec::new(),
            entries: vec![entry],
        };
        // What came of it does not matter: while no later event is folded, a later turn sends another one.
        let _ = self.ses.send_bulk(probe).await;
        Ok(())
    }
}
