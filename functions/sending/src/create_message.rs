//! POST /v1/messages: sends one message to one recipient, in a lane that never waits behind a campaign.
//!
//! With an `Idempotency-Key` a repeat leads to the same id: the stored message is found, and nothing is sent twice.

use carillon_contacts::{Address, Contact, Contacts, Purpose, Standing, Suppressions};
use carillon_contracts::message::MessageDeliveryRequested;
use carillon_contracts::{Channel, ContactId, Permission, Run, SenderId, TemplateId};
use carillon_harness::{Call, Failure, HttpFunction, Input, Kind, Nothing, Problem, Reply, Setup, SetupError};
use carillon_kernel::IdSource;
use carillon_outbox::Outbox;
use carillon_sending::facts::Facts;
use carillon_sending::message::{Message, MessageParts, Messages};
use carillon_sending::{Ledger, Plan, Sender, Senders};
use carillon_templates::{Content, ContentDraft, Context, TemplateDraft, Templates};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::views::MessageView;

/// The largest frozen definition: it is kept with the message's plan, in one item of DynamoDB (400 KB).
const LARGEST_DEFINITION_BYTES: usize = 380_000;

/// The function.
pub struct MessagesCreate {
    contacts: Contacts,
    suppressions: Suppressions,
    templates: Templates,
    senders: Senders,
    messages: Messages,
    ledger: Ledger,
    outbox: Outbox,
    ids: IdSource,
}

/// What a request brings: an address or a contact, a sender, a template or content, and data for it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewMessage {
    channel: Option<Channel>,
    to: Option<String>,
    contact_id: Option<ContactId>,
    sender_id: Option<SenderId>,
    template_id: Option<TemplateId>,
    content: Option<ContentDraft>,
    data: Map<String, Value>,
}

impl NewMessage {
    fn draft(&self) -> TemplateDraft {
        TemplateDraft { name: Some("message".to_owned()), channel: self.channel, content: self.content.clone().unwrap_or_default() }
    }
}

impl Input for NewMessage {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut demand = |holds: bool, pointer: &str, code: &str, detail: &str| {
            if !holds {
                problems.push(Problem::new(pointer, code, detail));
            }
        };
        demand(self.channel.is_some(), "/channel", "messages.channel", "a channel is needed: email or sms");
        demand(self.sender_id.is_some(), "/sender_id", "messages.sender", "a sender is needed");
        demand(self.to.is_some() != self.contact_id.is_some(), "/to", "messages.to", "give either an address (to) or a contact_id");
        let one_content = self.template_id.is_some() != self.content.is_some();
        demand(one_content, "/template_id", "messages.content", "give either a template_id or content");
        if let (Some(channel), Some(Err(error))) =
            (self.channel, self.channel.zip(self.to.as_deref()).map(|(channel, to)| Address::parse(channel, to)))
        {
            problems.push(Problem::new("/to", "messages.to", format!("is not an address for {channel}: {error}")));
        }
        if self.content.is_some() && self.channel.is_some() {
            problems.extend(self.draft().problems());
        }
        problems
    }
}

impl HttpFunction for MessagesCreate {
    const NAME: &'static str = "messages-create";
    const PERMISSION: Permission = Permission::MessagesSend;
    type Query = Nothing;
    type Body = NewMessage;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            contacts: Contacts::from_setup(setup)?,
            suppressions: Suppressions::from_setup(setup)?,
            templates: Templates::from_setup(setup)?,
            senders: Senders::from_setup(setup)?,
            messages: Messages::from_setup(setup)?,
            ledger: Ledger::from_setup(setup)?,
            outbox: Outbox::from_setup(setup)?,
            ids: setup.ids(),
        })
    }

    async fn handle(&self, call: Call<Nothing, NewMessage>) -> Result<Reply, Failure> {
        let channel = call.body.channel.unwrap_or(Channel::Email);
        let contact = self.contact(&call, channel).await?;
        let address = self.address(&call, contact.as_ref())?;
        self.refuse_suppressed(&call, &address).await?;
        let sender = self.sender(&call, channel).await?;
        let content = self.content(&call, channel).await?;

        let message = Message {
            id: call.new_id(),
            organization: call.organization(),
            channel,
            to: address.as_str().to_owned(),
            contact_id: contact.as_ref().map(|contact| contact.id),
            sender_id: sender.id,
            template_id: call.body.template_id,
            created_at: call.moment,
        };
        let kept_days = call.retention.messages_days;
        let plan = plan((&message, kept_days), (&sender, &content), fields(contact.as_ref(), &call.body.data))?;
        let request = MessageDeliveryRequested { organization: message.organization, run: Run::Message(message.id), plan: 0 };
        let (written, ticket) = self.outbox.write(&request, call.moment, &self.ids)?;
        let writes = vec![self.messages.insert(&message, kept_days)?, self.ledger.insert_plan(message.run(), &plan)?, written];
        match self.ledger.by(&call.trail()).table().commit(writes).await {
            Ok(()) => self.outbox.dispatch(ticket).await,
            // The same id again: a repeat whose first try was cut off after the commit.
            Err(error) if error.is_refused() && self.messages.find(message.organization, message.id).await?.is_some() => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Reply::accepted(&MessageView::new(message, None, &Facts::default())))
    }
}

impl MessagesCreate {
    async fn contact(&self, call: &Call<Nothing, NewMessage>, channel: Channel) -> Result<Option<Contact>, Failure> {
        let organization = call.organization();
        let absent = || Failure::invalid(vec![Problem::new("/contact_id", "messages.contact_absent", "there is no such contact")]);
        match (call.body.contact_id, &call.body.to) {
            (Some(id), _) => match self.contacts.get(organization, id).await.map_err(Failure::from) {
                Err(failure) if failure.kind == Kind::Absent => Err(absent()),
                found => found.map(Some),
            },
            (None, Some(to)) => match Address::parse(channel, to) {
                Ok(address) => Ok(self.contacts.find_by_address(organization, &address).await?),
                Err(_) => Ok(None),
            },
            (None, None) => Ok(None),
        }
    }

    fn address(&self, call: &Call<Nothing, NewMessage>, contact: Option<&Contact>) -> Result<Address, Failure> {
        let channel = call.body.channel.unwrap_or(Channel::Email);
        let found = match &call.body.to {
            Some(to) => Address::parse(channel, to).ok(),
            None => contact.and_then(|contact| contact.address(channel)),
        };
        let lacking = format!("the contact has no address for {channel}");
        found.ok_or_else(|| Failure::invalid(vec![Problem::new("/contact_id", "messages.no_address", lacking)]))
    }

    async fn refuse_suppressed(&self, call: &Call<Nothing, NewMessage>, address: &Address) -> Result<(), Failure> {
        match self.suppressions.standing(call.organization(), address, Purpose::Transactional).await? {
            Standing::Suppressed(_) => {
                let detail = "the address is suppressed, because of a bounce, a complaint, STOP or by hand: see /v1/suppressions";
                Err(Failure::invalid(vec![Problem::new("/to", "messages.suppressed", detail)]))
            }
            _ => Ok(()),
        }
    }

    async fn sender(&self, call: &Call<Nothing, NewMessage>, channel: Channel) -> Result<Sender, Failure> {
        let refused = |detail: &str| Failure::invalid(vec![Problem::new("/sender_id", "messages.sender", detail)]);
        let id = call.body.sender_id.ok_or_else(|| refused("a sender is needed"))?;
        let sender = self.senders.find(call.organization(), id).await?.ok_or_else(|| refused("there is no such sender"))?;
        match (sender.channel == channel, sender.verified) {
            (false, _) => Err(refused("the sender is for another channel")),
            (_, false) => Err(refused("the sender is not verified")),
            _ => Ok(sender),
        }
    }

    async fn content(&self, call: &Call<Nothing, NewMessage>, channel: Channel) -> Result<Content, Failure> {
        let Some(template) = call.body.template_id else { return Ok(call.body.draft().into_new()?.content().clone()) };
        let refused = |detail: &str| Failure::invalid(vec![Problem::new("/template_id", "messages.template", detail)]);
        match self.templates.get((call.organization(), template)).await.map_err(Failure::from) {
            Ok(template) if template.content.channel() == channel => Ok(template.content),
            Ok(_) => Err(refused("the template is for another channel")),
            Err(failure) if failure.kind == Kind::Absent => Err(refused("there is no such template")),
            Err(failure) => Err(failure),
        }
    }
}

/// The contact's fields, with the request's data over them.
fn fields(contact: Option<&Contact>, data: &Map<String, Value>) -> Map<String, Value> {
    let mut fields = contact.map(Contact::fields).unwrap_or_default();
    fields.extend(data.clone());
    fields
}

/// Makes the plan of a message: its one recipient, and the definition with the compiled content. Rendering is tried beforehand.
fn plan(
    (message, kept_days): (&Message, u16),
    (sender, content): (&Sender, &Content),
    fields: Map<String, Value>,
) -> Result<Plan, Failure> {
    let variables: Vec<String> = content.variables().into_iter().filter(|one| one.is_contact_field()).map(|one| one.name).collect();
    let values: Vec<Value> = variables.iter().map(|name| fields.get(name).cloned().unwrap_or(Value::Null)).collect();
    content.preview(&Context::of_values(&variables, &values))?;
    let parts = MessageParts {
        organization_name: String::new(),
        from: sender.address.clone(),
        from_name: sender.name.clone(),
        reply_to: sender.reply_to.clone(),
        content: content.compiled_json()?,
        variables,
        values,
    };
    let plan = message.plan(parts, kept_days)?;
    if plan.definition.as_ref().is_some_and(|definition| definition.len() > LARGEST_DEFINITION_BYTES) {
        let detail = format!("the compiled content is larger than {LARGEST_DEFINITION_BYTES} bytes");
        return Err(Failure::invalid(vec![Problem::new("/content", "messages.content_too_large", detail)]));
    }
    Ok(plan)
}
