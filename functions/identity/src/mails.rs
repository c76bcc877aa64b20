//! The mails that were sent to a user, which the sending area keeps in the name of the platform's own organization.

use carillon_contracts::{MessageId, PLATFORM_ORGANIZATION, Run};
use carillon_harness::{Failure, Setup, SetupError};
use carillon_sending::keys::RunKey;
use carillon_sending::message::Messages;
use carillon_sending::{Definition, Ledger, Plan};
use serde_json::{Map, Value, json};

/// The mails of the platform.
#[derive(Debug)]
pub(crate) struct Mails {
    messages: Messages,
    ledger: Ledger,
}

impl Mails {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { messages: Messages::from_setup(setup)?, ledger: Ledger::from_setup(setup)? })
    }

    /// Tells of each mail to whom and when it went, and what it was made of.
    pub(crate) async fn told(&self, ids: &[MessageId]) -> Result<Vec<Value>, Failure> {
        let mut mails = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(message) = self.messages.find(PLATFORM_ORGANIZATION, *id).await? else { continue };
            let plan = self.ledger.plan(message.run(), 0).await?;
            let data = plan.as_ref().map(said).unwrap_or_default();
            mails.push(json!({ "id": id, "to": message.to, "sent_at": message.created_at, "data": data }));
        }
        Ok(mails)
    }

    /// Forgets mails: to whom they went and what they said.
    pub(crate) async fn forget(&self, ids: &[MessageId]) -> Result<(), Failure> {
        for id in ids {
            self.ledger.forget(RunKey::new(PLATFORM_ORGANIZATION, Run::Message(*id)), 0).await?;
            self.messages.forget(PLATFORM_ORGANIZATION, *id).await?;
        }
        Ok(())
    }
}

/// Gives what a mail was made of, by the names of its variables; not what lets its reader in.
fn said(plan: &Plan) -> Map<String, Value> {
    const SECRET: [&str; 2] = ["link", "code"];
    let definition: Option<Definition> = plan.definition.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let names = definition.map(|definition| definition.variables).unwrap_or_default();
    let values = plan.recipients.iter().flat_map(|recipient| recipient.values.iter().cloned());
    names.into_iter().zip(values).filter(|(name, _)| !SECRET.contains(&name.as_str())).collect()
}
