//! Queue of erasures: takes away everything that is kept about a user.

use carillon_contracts::message::UserErasureRequested;
use carillon_harness::{Delivery, Failure, QueueFunction, Setup, SetupError};
use carillon_identity::Erasures;

use crate::mails::Mails;

/// Erases users; safe to run twice and to die anywhere, because the account, which leads to all the rest, goes last.
#[derive(Debug)]
pub struct IdentityEraseUser {
    erasures: Erasures,
    mails: Mails,
}

impl QueueFunction for IdentityEraseUser {
    const NAME: &'static str = "identity-erase-user";
    type Message = UserErasureRequested;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { erasures: Erasures::from_setup(setup, Self::NAME)?, mails: Mails::from_setup(setup)? })
    }

    async fn handle(&self, message: UserErasureRequested, delivery: Delivery) -> Result<(), Failure> {
        // Without a request of its user nobody is erased, whatever the queue says.
        let Some(under_way) = self.erasures.begin(message.user, delivery.moment).await? else { return Ok(()) };
        self.mails.forget(&under_way.mails).await?;

        Ok(self.erasures.finish(under_way, delivery.moment).await?)
    }
}
