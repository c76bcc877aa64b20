//! Single messages: the transactional lane. Each is a run of one plan with one recipient, and never waits behind a campaign.
//!
//! | access | pk | sk |
//! | --- | --- | --- |
//! | one, and the newest of an organization (eight shards, merged) | `ORG#{org}#MSG#{shard}` | `{message}` |

use std::collections::BTreeMap;

use carillon_contracts::{Channel, ContactId, MessageId, OrganizationId, Run, SenderId, TemplateId};
use carillon_dynamo::{Audited, Condition, Key, Query, Table, Write};
use carillon_kernel::{Setup, SetupError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::SendingError;
use crate::keys::RunKey;
use crate::plan::{Plan, Recipient};
use crate::run::{Definition, DoubtPolicy};
use crate::store::expiring;

const SHARDS: u8 = 8;

/// A single message, as stored; its status is computed from the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The id.
    pub id: MessageId,
    /// The organization.
    pub organization: OrganizationId,
    /// The channel.
    pub channel: Channel,
    /// The address or number that it goes to.
    pub to: String,
    /// The contact that has the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<ContactId>,
    /// The sender.
    pub sender_id: SenderId,
    /// The template, unless the content was given with the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_id: Option<TemplateId>,
    /// When it was accepted.
    pub created_at: Timestamp,
}

/// What a single message says, and in whose name.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageParts {
    /// The organization's name, for templates.
    pub organization_name: String,
    /// The address or number that it comes from.
    pub from: String,
    /// The name shown with the address.
    pub from_name: Option<String>,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// The compiled content, as the templates domain writes it.
    pub content: String,
    /// The names of the fields that the content needs.
    pub variables: Vec<String>,
    /// The values of these fields, in their order.
    pub values: Vec<Value>,
}

impl Message {
    /// Makes the one plan of the message, which is kept for so many days: its recipient, and the definition of its run.
    ///
    /// # Errors
    /// [`SendingError::Definition`] when the definition cannot be written as text.
    pub fn plan(&self, parts: MessageParts, kept_days: u16) -> Result<Plan, SendingError> {
        let MessageParts { organization_name, from, from_name, reply_to, content, variables, values } = parts;
        let definition = Definition {
            organization: self.organization,
            organization_name,
            run: Run::Message(self.id),
            channel: self.channel,
            marketing: false,
            from,
            from_name,
            reply_to,
            content,
            variables,
            audience: None,
            doubt_policy: DoubtPolicy::AtMostOnce,
            batch: 1,
            created_at: self.created_at,
            kept_days,
        };
        Ok(Plan {
            number: 0,
            recipients: vec![Recipient { contact: self.contact_id, address: self.to.clone(), values }],
            created_at: self.created_at,
            cursor: String::new(),
            recipients_so_far: 1,
            skipped_so_far: BTreeMap::new(),
            definition: Some(serde_json::to_string(&definition).map_err(SendingError::Definition)?),
            kept_days,
        })
    }

    /// The names of the message's run.
    #[must_use]
    pub const fn run(&self) -> RunKey {
        RunKey::new(self.organization, Run::Message(self.id))
    }
}

/// What the audit trail hears of a message: neither to whom it goes nor what it says.
#[derive(Debug, Serialize)]
struct Told {
    channel: Channel,
    contact_id: Option<ContactId>,
    sender_id: SenderId,
    template_id: Option<TemplateId>,
}

impl From<&Message> for Told {
    fn from(message: &Message) -> Self {
        let Message { channel, contact_id, sender_id, template_id, .. } = *message;
        Self { channel, contact_id, sender_id, template_id }
    }
}

/// The messages of all organizations.
#[derive(Debug, Clone)]
pub struct Messages {
    table: Table,
}

impl Messages {
    /// Opens the table of entities.
    ///
    /// # Errors
    /// [`SetupError`] when a setting is missing.
    pub fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { table: Table::from_setup(setup, "ENTITIES_TABLE")? })
    }

    /// Makes the write that stores a new message, for so many days.
    ///
    /// # Errors
    /// [`SendingError`] when it cannot be written.
    pub fn insert(&self, message: &Message, kept_days: u16) -> Result<Write, SendingError> {
        let put = self.table.put(key(message.organization, message.id), message, Condition::Absent)?;
        let put = put.audited(Audited::created("message", message.id, &Told::from(message)));
        Ok(expiring(put, message.created_at, kept_days))
    }

    /// Gives a message.
    ///
    /// # Errors
    /// [`SendingError::Absent`] when the organization has none with this id.
    pub async fn get(&self, organization: OrganizationId, message: MessageId) -> Result<Message, SendingError> {
        self.find(organization, message).await?.ok_or(SendingError::Absent("message"))
    }

    /// Gives a message, if it is there.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn find(&self, organization: OrganizationId, message: MessageId) -> Result<Option<Message>, SendingError> {
        Ok(self.table.find(key(organization, message)).await?)
    }

    /// Forgets a message; what the ledger knows of it goes with [`crate::Ledger::forget`].
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn forget(&self, organization: OrganizationId, message: MessageId) -> Result<(), SendingError> {
        Ok(self.table.commit(vec![self.table.delete(key(organization, message), Condition::Always)]).await?)
    }

    /// Lists the newest messages older than `before`, at most `limit`.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn newest(&self, organization: OrganizationId, before: Option<MessageId>, limit: u32) -> Result<Vec<Message>, SendingError> {
        let read = (0..SHARDS).map(|shard| {
            let query = Query::partition(partition(organization, shard)).backwards().limit(limit);
            let query = match before {
                Some(before) => query.between("msg_", below(before)),
                None => query,
            };
            self.table.query::<Message>(query)
        });
        let mut messages: Vec<Message> = futures::future::try_join_all(read).await?.into_iter().flat_map(|page| page.items).collect();
        messages.sort_by_key(|message| std::cmp::Reverse(message.id));
        messages.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(messages)
    }
}

/// Gives the greatest id below one: ranges of DynamoDB include their ends.
fn below(id: MessageId) -> String {
    MessageId::from_bytes(u128::from_be_bytes(id.to_bytes()).saturating_sub(1).to_be_bytes()).to_string()
}

fn partition(organization: OrganizationId, shard: u8) -> String {
    format!("ORG#{organization}#MSG#{shard}")
}

fn key(organization: OrganizationId, message: MessageId) -> Key {
    Key::new(partition(organization, message.shard(SHARDS)), message.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_plan_of_a_message_has_its_recipient_and_its_definition() {
        let message = Message {
            id: MessageId::from_bytes([1; 16]),
            organization: OrganizationId::from_bytes([2; 16]),
            channel: Channel::Email,
            to: "ada@example.com".to_owned(),
            contact_id: Some(ContactId::from_bytes([3; 16])),
            sender_id: SenderId::from_bytes([4; 16]),
            template_id: None,
            created_at: Timestamp::UNIX_EPOCH,
        };
        let parts = MessageParts {
            organization_name: "Bells".to_owned(),
            from: "news@bells.example".to_owned(),
            from_name: None,
            reply_to: Some("help@bells.example".to_owned()),
            content: "{}".to_owned(),
            variables: vec!["first_name".to_owned()],
            values: vec!["Ada".into()],
        };

        let plan = message.plan(parts, 30).unwrap();

        let recipient = Recipient { contact: message.contact_id, address: message.to.clone(), values: vec!["Ada".into()] };
        assert_eq!((plan.number, plan.recipients, plan.recipients_so_far, plan.kept_days), (0, vec![recipient], 1, 30));
        let definition: Definition = serde_json::from_str(&plan.definition.unwrap()).unwrap();
        assert_eq!((definition.run, definition.variables, definition.kept_days), (message.run().run, vec!["first_name".to_owned()], 30));
        assert!(!definition.marketing && definition.audience.is_none());
    }
}
