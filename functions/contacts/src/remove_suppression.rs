//! DELETE /v1/suppressions/{channel}/{address}: lifts the suppression of an address; consent that was withdrawn stays withdrawn.

use carillon_contacts::{Address, Suppressions};
use carillon_contracts::{Channel, Permission};
use carillon_harness::{Call, Failure, HttpFunction, Kind, Nothing, Reply, Setup, SetupError};

/// Lifts suppressions, all but STOP, which only the recipient's START lifts.
#[derive(Debug)]
pub struct SuppressionsRemove {
    suppressions: Suppressions,
}

impl HttpFunction for SuppressionsRemove {
    const NAME: &'static str = "suppressions-remove";
    const PERMISSION: Permission = Permission::SuppressionsWrite;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { suppressions: Suppressions::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let (channel, text): (Channel, String) = (call.path("channel")?, call.path("address")?);
        let absent = |_| Failure::new(Kind::Absent, "suppressions.absent", "the address is not suppressed");
        let address = Address::parse(channel, &text).map_err(absent)?;

        self.suppressions.by(&call.trail()).lift_by_hand(call.organization(), &address, call.moment).await?;

        Ok(Reply::no_content())
    }
}
