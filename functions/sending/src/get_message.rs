//! GET /v1/messages/{message_id}: shows a single message and what became of it.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_sending::Ledger;
use carillon_sending::message::Messages;

use crate::views::MessageView;

/// The function.
pub struct MessagesGet {
    messages: Messages,
    ledger: Ledger,
}

impl HttpFunction for MessagesGet {
    const NAME: &'static str = "messages-get";
    const PERMISSION: Permission = Permission::MessagesRead;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { messages: Messages::from_setup(setup)?, ledger: Ledger::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let message = self.messages.get(call.organization(), call.path("message_id")?).await?;
        let (state, facts) = self.ledger.state(message.run(), 0).await?;
        Ok(Reply::ok(&MessageView::new(message, state, &facts)))
    }
}
