//! Senders: the verified addresses and numbers that messages come from.
//!
//! | access | pk | sk |
//! | --- | --- | --- |
//! | one, all of an organization | `ORG#{org}#SENDERS` | `{sender}` |
//! | by number, for inbound texts | `SENDERNUMBER#{number}` | `SENDERNUMBER` |

use std::sync::Arc;

use carillon_contracts::{Channel, OrganizationId, SenderId};
use carillon_dynamo::{Audited, Condition, Cursor, Key, Page, Query, StoreError, Table, Trail};
use carillon_kernel::{Problem, Setup, SetupError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::SendingError;

/// The rate of a number whose kind is not known: an ordinary long code takes one message a second
/// (<https://help.twilio.com/articles/115002943027>), most accounts send through pools that take ten.
pub const SMS_RATE_PER_SECOND: u32 = 10;

/// An address or number that messages come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The id.
    pub id: SenderId,
    /// The organization.
    pub organization: OrganizationId,
    /// The channel.
    pub channel: Channel,
    /// The email address, or the number in E.164.
    pub address: String,
    /// The name shown with an email address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where answers to mail go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// What HELP is answered with, by SMS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help_text: Option<String>,
    /// Whether the provider lets the account send from it.
    pub verified: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Sender {
    /// Lists all that is wrong with a sender's fields, with pointers into the request.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |pointer: &str, code: &str, detail: &str| problems.push(Problem::new(pointer, code, detail));
        match self.channel {
            Channel::Email if !is_plain_address(&self.address) => {
                problem("/address", "senders.address", "the address must be an email address such as news@example.com");
            }
            Channel::Sms if !is_e164(&self.address) => {
                problem("/address", "senders.address", "the address must be a number in E.164, such as +15550100123");
            }
            _ => {}
        }
        if self.name.as_ref().is_some_and(|name| name.len() > 200 || name.chars().any(char::is_control)) {
            problem("/name", "senders.name", "the name must be at most 200 bytes on one line");
        }
        if self.reply_to.as_deref().is_some_and(|address| !is_plain_address(address)) {
            problem("/reply_to", "senders.reply_to", "reply_to must be an email address");
        }
        if self.help_text.as_ref().is_some_and(|text| text.len() > 1600) {
            problem("/help_text", "senders.help_text", "the help text must be at most 1600 bytes");
        }
        problems
    }
}

fn is_plain_address(text: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_graphic() && !"<>()[]\\,;:\"@".contains(letter);
    text.len() <= 254
        && text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && local.chars().all(allowed)
                && domain.contains('.')
                && !domain.starts_with('.')
                && domain.chars().all(allowed)
        })
}

fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| (7..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit()))
}

/// The senders of all organizations.
#[derive(Debug, Clone)]
pub struct Senders {
    table: Table,
}

impl Senders {
    /// Opens the table of entities.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { table: Table::from_setup(setup, "ENTITIES_TABLE")? })
    }

    /// Gives the senders for one call's use: what it changes is told in the audit trail.
    #[must_use]
    pub fn by(&self, trail: &Arc<Trail>) -> Self {
        Self { table: self.table.by(trail) }
    }

    /// Stores a new sender; the same id again gives the stored one.
    ///
    /// # Errors
    /// [`SendingError::Invalid`] with all problems, also when another organization has the number.
    pub async fn create(&self, sender: Sender) -> Result<Sender, SendingError> {
        let mut problems = sender.problems();
        if !problems.is_empty() {
            return Err(SendingError::Invalid(problems));
        }
        let put = self.table.put(sender_key(sender.organization, sender.id), &sender, Condition::Absent)?;
        let mut writes = vec![put.audited(Audited::created("sender", sender.id, &sender))];
        if sender.channel == Channel::Sms {
            writes.push(self.table.put(number_key(&sender.address), &sender, Condition::Absent)?);
        }
        match self.table.commit(writes).await {
            Ok(()) => Ok(sender),
            Err(error) if error.is_refused() => match self.find(sender.organization, sender.id).await? {
                Some(stored) => Ok(stored),
                None => {
                    problems.push(Problem::new("/address", "senders.number_taken", "this number is a sender already"));
                    Err(SendingError::Invalid(problems))
                }
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a sender of an organization, if it is there.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn find(&self, organization: OrganizationId, sender: SenderId) -> Result<Option<Sender>, SendingError> {
        Ok(self.table.find(sender_key(organization, sender)).await?)
    }

    /// Gives the sender that has a number, whatever its organization: for texts that come in.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn find_by_number(&self, number: &str) -> Result<Option<Sender>, SendingError> {
        Ok(self.table.find(number_key(number)).await?)
    }

    /// Lists the senders of an organization.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn page(&self, organization: OrganizationId, limit: u32, start: Option<Cursor>) -> Result<Page<Sender>, SendingError> {
        if start.as_ref().is_some_and(|cursor| cursor.partition() != Some(&partition(organization))) {
            return Err(StoreError::Cursor.into());
        }
        Ok(self.table.query(Query::partition(partition(organization)).limit(limit).start(start)).await?)
    }
}

fn partition(organization: OrganizationId) -> String {
    format!("ORG#{organization}#SENDERS")
}

fn sender_key(organization: OrganizationId, sender: SenderId) -> Key {
    Key::new(partition(organization), sender.to_string())
}

fn number_key(number: &str) -> Key {
    Key::new(format!("SENDERNUMBER#{number}"), "SENDERNUMBER")
}
