//! What is asked of the outbox, and what it answers.

use serde::{Deserialize, Serialize};

use crate::record::{Channel, Message};

/// Messages on a page, if the query does not say.
const LIMIT_DEFAULT: usize = 50;

/// What is asked of the outbox.
#[derive(Debug, Clone)]
pub struct OutboxQuery {
    /// Only this campaign.
    pub campaign: Option<String>,
    /// Only this recipient; `*` stands for any text.
    pub to: Option<String>,
    /// Only this channel.
    pub channel: Option<Channel>,
    /// Messages on a page: 1 to 1000.
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<u64>,
}

impl Default for OutboxQuery {
    fn default() -> Self {
        Self { campaign: None, to: None, channel: None, limit: LIMIT_DEFAULT, cursor: None }
    }
}

/// How many messages match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct OutboxCounts {
    /// All of them.
    pub total: u64,
    /// Recipients, counted once per campaign; messages outside campaigns count each.
    pub distinct: u64,
    /// Messages that a campaign sent to a recipient again.
    pub duplicates: u64,
}

/// A page of messages, newest first.
#[derive(Debug, Clone, Serialize)]
pub struct OutboxPage {
    /// How many messages match the query, on all pages. Inbound messages are shown and not counted.
    #[serde(flatten)]
    pub counts: OutboxCounts,
    /// The messages.
    pub items: Vec<Message>,
    /// Where the next page begins.
    pub next_cursor: Option<u64>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Raw {
    campaign: String,
    to: String,
    channel: String,
    limit: String,
    cursor: String,
}

impl OutboxQuery {
    /// Reads a query string; an empty value is none.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let raw: Raw = serde_urlencoded::from_str(text).map_err(|error| error.to_string())?;
        let some = |value: String| Some(value).filter(|value| !value.is_empty());
        let number = |value: String| value.parse::<u64>().map_err(|_| "limit and cursor are numbers".to_owned());
        let limit = some(raw.limit).map(number).transpose()?.and_then(|limit| usize::try_from(limit).ok());
        let channel = match raw.channel.as_str() {
            "" => None,
            "email" => Some(Channel::Email),
            "sms" => Some(Channel::Sms),
            _ => return Err("channel is email or sms".to_owned()),
        };
        Ok(Self {
            campaign: some(raw.campaign),
            to: some(raw.to),
            channel,
            limit: limit.unwrap_or(LIMIT_DEFAULT),
            cursor: some(raw.cursor).map(number).transpose()?,
        })
    }
}
