//! Queue of exports: writes the file with everything that is kept about a user.

use carillon_contracts::message::UserExportRequested;
use carillon_harness::{Delivery, Failure, QueueFunction, Setup, SetupError};
use carillon_identity::{Erasures, Exports};

use crate::mails::Mails;

/// Writes exports; safe to run twice and to die anywhere, because the file is written anew under the same name, and only then said to be ready.
#[derive(Debug)]
pub struct IdentityExportUser {
    exports: Exports,
    erasures: Erasures,
    mails: Mails,
}

impl QueueFunction for IdentityExportUser {
    const NAME: &'static str = "identity-export-user";
    type Message = UserExportRequested;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            exports: Exports::from_setup(setup)?,
            erasures: Erasures::from_setup(setup, Self::NAME)?,
            mails: Mails::from_setup(setup)?,
        })
    }

    async fn handle(&self, message: UserExportRequested, delivery: Delivery) -> Result<(), Failure> {
        let mails = self.mails.told(&self.erasures.mails(message.user).await?).await?;

        Ok(self.exports.write((message.user, message.export), mails, delivery.moment).await?)
    }
}
