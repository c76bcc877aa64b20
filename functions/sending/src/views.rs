//! What the API shows of senders and messages, and what a request for a message brings.

use carillon_contracts::fact::FactKind;
use carillon_contracts::{Channel, ContactId, MessageId, SenderId, TemplateId};
use carillon_sending::message::Message;
use carillon_sending::outcome::Outcome;
use carillon_sending::{RecipientStatus, Sender, State};
use jiff::Timestamp;
use serde::Serialize;

/// A sender as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct SenderView {
    id: SenderId,
    channel: Channel,
    address: String,
    name: Option<String>,
    reply_to: Option<String>,
    help_text: Option<String>,
    verified: bool,
    created_at: Timestamp,
}

impl From<Sender> for SenderView {
    fn from(sender: Sender) -> Self {
        let Sender { id, channel, address, name, reply_to, help_text, verified, created_at, .. } = sender;
        Self { id, channel, address, name, reply_to, help_text, verified, created_at }
    }
}

/// A message as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct MessageView {
    id: MessageId,
    channel: Channel,
    to: String,
    contact_id: Option<ContactId>,
    sender_id: SenderId,
    template_id: Option<TemplateId>,
    status: RecipientStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_id: Option<String>,
    events: Vec<FactKind>,
    created_at: Timestamp,
}

impl MessageView {
    /// Shows a message with what the ledger knows of it.
    pub(crate) fn new(message: Message, state: Option<State>, facts: &carillon_sending::facts::Facts) -> Self {
        let outcome = state.as_ref().and_then(|state| state.outcomes.get(0)).unwrap_or(Outcome::Waiting);
        let first = |texts: std::collections::BTreeMap<String, String>| texts.into_values().next();
        let (reason, provider_id) = state.map_or((None, None), |state| (first(state.reasons), first(state.provider_ids)));
        Self {
            id: message.id,
            channel: message.channel,
            to: message.to,
            contact_id: message.contact_id,
            sender_id: message.sender_id,
            template_id: message.template_id,
            status: RecipientStatus::of(outcome, 0, facts),
            reason,
            provider_id,
            events: FactKind::ALL.into_iter().filter(|kind| facts.knows(*kind, 0)).collect(),
            created_at: message.created_at,
        }
    }
}
