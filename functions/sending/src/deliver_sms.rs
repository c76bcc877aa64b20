//! Queue: hands one plan of a campaign to Twilio, at most ten texts with a call each.
//!
//! Safe to run twice: see [`crate::delivery`].

use carillon_contracts::message::SmsDeliveryRequested;
use carillon_harness::{Delivery, Failure, QueueFunction, Setup, SetupError};
use carillon_queue::Queue;

use crate::delivery::{Begin, Desk, run_key};
use crate::sms::SmsCourier;

/// The function.
pub struct SendingDeliverSms {
    desk: Desk,
    courier: SmsCourier,
    again: Queue<SmsDeliveryRequested>,
}

impl QueueFunction for SendingDeliverSms {
    const NAME: &'static str = "sending-deliver-sms";
    type Message = SmsDeliveryRequested;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { desk: Desk::from_setup(setup)?, courier: SmsCourier::from_setup(setup, Self::NAME)?, again: Queue::from_setup(setup)? })
    }

    async fn handle(&self, message: SmsDeliveryRequested, delivery: Delivery) -> Result<(), Failure> {
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
