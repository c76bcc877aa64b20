//! POST /v1/suppressions: suppresses an address by hand.

use carillon_contacts::{Address, Suppression, SuppressionReason, Suppressions};
use carillon_contracts::{Channel, Permission};
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use serde::Deserialize;

/// Suppresses addresses.
#[derive(Debug)]
pub struct SuppressionsAdd {
    suppressions: Suppressions,
}

/// The address, which need not be a contact's, and a note.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Body {
    channel: Option<Channel>,
    address: Option<String>,
    note: Option<String>,
}

impl Body {
    fn address(&self) -> Result<Address, Vec<Problem>> {
        let (Some(channel), Some(text)) = (self.channel, &self.address) else {
            let missing = [("/channel", self.channel.is_none()), ("/address", self.address.is_none())];
            let missing = missing.into_iter().filter(|(_, is_missing)| *is_missing);
            return Err(missing
                .map(|(pointer, _)| Problem::new(pointer, "suppressions.missing", "name a channel and an address"))
                .collect());
        };
        Address::parse(channel, text)
            .map_err(|error| vec![Problem::new("/address", "suppressions.address_invalid", format!("the address {error}"))])
    }
}

impl Input for Body {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = self.address().err().unwrap_or_default();
        if self.note.as_ref().is_some_and(|note| note.chars().count() > 200) {
            problems.push(Problem::new("/note", "suppressions.note", "a note has at most 200 characters"));
        }
        problems
    }
}

impl HttpFunction for SuppressionsAdd {
    const NAME: &'static str = "suppressions-add";
    const PERMISSION: Permission = Permission::SuppressionsWrite;
    type Query = Nothing;
    type Body = Body;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { suppressions: Suppressions::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Body>) -> Result<Reply, Failure> {
        let address = call.body.address().map_err(Failure::invalid)?;
        let suppression = Suppression { detail: call.body.note.clone(), ..Suppression::new(SuppressionReason::Manual, call.moment) };

        let suppressed = self.suppressions.by(&call.trail()).suppress(call.organization(), &address, suppression).await?;

        Ok(Reply::created(&suppressed))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_channel_and_an_address_of_it_are_needed() {
        let pointers = |json: &str| -> Vec<String> {
            let body: Body = serde_json::from_str(json).unwrap();
            body.problems().into_iter().map(|problem| problem.pointer).collect()
        };

        assert_eq!(pointers("{}"), ["/channel", "/address"]);
        assert_eq!(pointers(r#"{"channel":"sms","address":"ada@example.com"}"#), ["/address"]);
        assert!(pointers(r#"{"channel":"email","address":"ada@example.com"}"#).is_empty());
    }
}
