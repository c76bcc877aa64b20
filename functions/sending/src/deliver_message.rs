//! Queue: hands one single message to its provider, in a lane of its own that never waits behind a campaign.
//!
//! Safe to run twice: see [`crate::delivery`].

use carillon_contracts::Channel;
use carillon_contracts::message::MessageDeliveryRequested;
use carillon_harness::{Delivery, Failure, QueueFunction, Setup, SetupError};
use carillon_queue::Queue;

use crate::delivery::{Begin, Desk, channel_of, run_key};
use crate::email::EmailCourier;
use crate::sms::SmsCourier;

/// The function.
pub struct SendingDeliverMessage {
    desk: Desk,
    email: EmailCourier,
    sms: SmsCourier,
    again: Queue<MessageDeliveryRequested>,
}

impl QueueFunction for SendingDeliverMessage {
    const NAME: &'static str = "sending-deliver-message";
    type Message = MessageDeliveryRequested;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            desk: Desk::from_setup(setup)?,
            email: EmailCourier::from_setup(setup)?,
            sms: SmsCourier::from_setup(setup, Self::NAME)?,
            again: Queue::from_setup(setup)?,
        })
    }

    async fn handle(&self, message: MessageDeliveryRequested, delivery: Delivery) -> Result<(), Failure> {
        let wait = match self.desk.begin(run_key(message.organization, message.run), message.plan, delivery).await? {
            Begin::Leave => None,
            Begin::Later(seconds) => Some(seconds),
            Begin::Send(job) => {
                let results = match channel_of(&job) {
                    Channel::Email => self.email.send(&job).await?,
                    Channel::Sms => self.sms.send(&job).await?,
                };
                self.desk.settle(*job, results).await?
            }
        };
        match wait {
            Some(seconds) => Ok(self.again.send_after(&message, seconds).await?),
            None => Ok(()),
        }
    }
}
