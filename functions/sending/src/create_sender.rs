//! POST /v1/senders: adds an address or a number that messages come from.

use carillon_contracts::{Channel, Permission};
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_sending::{Sender, Senders};
use carillon_ses::Ses;
use serde::Deserialize;

use crate::views::SenderView;

/// The function.
pub struct SendersCreate {
    senders: Senders,
    ses: Ses,
}

/// What a request brings.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewSender {
    channel: Option<Channel>,
    address: Option<String>,
    name: Option<String>,
    reply_to: Option<String>,
    help_text: Option<String>,
}

impl Input for NewSender {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.channel.is_none() {
            problems.push(Problem::new("/channel", "senders.channel", "a channel is needed: email or sms"));
        }
        if self.address.is_none() {
            problems.push(Problem::new("/address", "senders.address", "an address is needed: an email address, or a number in E.164"));
        }
        problems
    }
}

impl HttpFunction for SendersCreate {
    const NAME: &'static str = "senders-create";
    const PERMISSION: Permission = Permission::SendersWrite;
    type Query = Nothing;
    type Body = NewSender;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { senders: Senders::from_setup(setup)?, ses: Ses::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, NewSender>) -> Result<Reply, Failure> {
        let senders = self.senders.by(&call.trail());
        let (id, organization, created_at) = (call.new_id(), call.organization(), call.moment);
        let NewSender { channel, address, name, reply_to, help_text } = call.body;
        let (channel, address) = (channel.unwrap_or(Channel::Email), address.unwrap_or_default());
        let mut sender = Sender { id, organization, channel, address, name, reply_to, help_text, verified: true, created_at };
        let problems = sender.problems();
        if !problems.is_empty() {
            return Err(Failure::invalid(problems));
        }
        // A number is known to be the account's when a text is sent from it; an address is known to SES beforehand.
        if channel == Channel::Email {
            sender.verified = self.ses.identity_verified(&sender.address).await?;
        }
        Ok(Reply::created(&SenderView::from(senders.create(sender).await?)))
    }
}
