//! GET /v1/messages: lists single messages, the newest first.

use carillon_contracts::{MessageId, Permission};
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_sending::Ledger;
use carillon_sending::message::Messages;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Deserialize;
use serde_json::json;

use crate::views::MessageView;

/// The function.
pub struct MessagesList {
    messages: Messages,
    ledger: Ledger,
}

/// How many, and from where: the cursor is the id of the last message of the page before.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewestFirst {
    limit: Option<u32>,
    cursor: Option<MessageId>,
}

impl Input for NewestFirst {
    fn problems(&self) -> Vec<Problem> {
        let fine = self.limit.is_none_or(|limit| (1..=100).contains(&limit));
        (!fine).then(|| Problem::new("?limit", "request.limit", "the limit must be 1 to 100")).into_iter().collect()
    }
}

impl HttpFunction for MessagesList {
    const NAME: &'static str = "messages-list";
    const PERMISSION: Permission = Permission::MessagesRead;
    type Query = NewestFirst;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { messages: Messages::from_setup(setup)?, ledger: Ledger::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<NewestFirst, Nothing>) -> Result<Reply, Failure> {
        let limit = call.query.limit.unwrap_or(50);
        let messages = self.messages.newest(call.organization(), call.query.cursor, limit).await?;
        let full = messages.len() == usize::try_from(limit).unwrap_or_default();
        let next_cursor = messages.last().filter(|_| full).map(|message| message.id);
        let views = stream::iter(messages).map(|message| async {
            let (state, facts) = self.ledger.state(message.run(), 0).await?;
            Ok::<_, Failure>(MessageView::new(message, state, &facts))
        });
        let data: Vec<MessageView> = views.buffered(10).try_collect().await?;
        Ok(Reply::ok(&json!({ "data": data, "next_cursor": next_cursor })))
    }
}
