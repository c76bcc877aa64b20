//! Queue: hands one plan of a campaign to SES, at most fifty mails with one call.
//!
//! Safe to run twice: see [`crate::delivery`].

use carillon_contracts::message::EmailDeliveryRequested;
use carillon_harness::{Delivery, Failure, QueueFunction, Setup, SetupError};
use carillon_queue::Queue;

use crate::delivery::{Begin, Desk, run_key};
use crate::email::EmailCourier;

/// The function.
pub struct SendingDeliverEmail {
    desk: Desk,
    courier: EmailCourier,
    again: Queue<EmailDeliveryRequested>,
}

impl QueueFunction for SendingDeliverEmail {
    const NAME: &'static str = "sending-deliver-email";
    type Message = EmailDeliveryRequested;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { desk: Desk::from_setup(setup)?, courier: EmailCourier::from_setup(setup)?, again: Queue::from_setup(setup)? })
    }

    async fn handle(&self, message: EmailDeliveryRequested, delivery: Delivery) -> Result<(), Failure> {
        let wait = match self.desk.begin(run_key(message.organization, message.run), message.plan, delivery).await? {
            Begin::Leave => None,
            Begin::Later(seconds) => Some(seconds),
            Begin::Send(job) => {
                let results = self.courier.send(&job).await?;
                self.desk.settle(*job, results).await?
            }
        };
        match wait {
            Some(seconds) => Ok(self.again.send_after(&message, seconds).await?),
            None => Ok(()),
        }
    }
}
