//! The lane of a channel: up to when its time is given away, the account's rate, and who releases work just now.

use carillon_contracts::Channel;
use carillon_dynamo::{Change, Condition, number, text};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::keys;
use crate::run::RunRecord;
use crate::{Ledger, SendingError};

/// How long one pass of release may take.
const PASS: SignedDuration = SignedDuration::from_secs(50);

/// The lane of a channel, as stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lane {
    /// Up to when the lane's time is given away, in milliseconds since 1970.
    pub reserved_ms: i64,
    /// The account's rate, in recipients a second; 0 while unknown.
    pub rate: f64,
    /// When the rate was read from the provider, in milliseconds since 1970.
    pub rate_ms: i64,
    /// Until when the provider throttles, in milliseconds since 1970.
    pub throttled_until_ms: i64,
    /// Which pass is under way, until when.
    pub pass_until_ms: i64,
    /// The token of that pass.
    pub pass: String,
    /// When the next pass was asked for, in milliseconds since 1970.
    pub next_ms: i64,
}

impl Lane {
    /// The rate for campaigns now: the account's less the share of single messages, a quarter of it while the provider throttles.
    #[must_use]
    pub fn rate_now(&self, now: Timestamp) -> f64 {
        let rate = self.rate * (1.0 - crate::pacing::RESERVED_SHARE);
        if self.throttled_until_ms > now.as_millisecond() { rate / 4.0 } else { rate }
    }
}

impl Ledger {
    /// Begins a pass of release on a lane, unless another one is under way.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn begin_pass(&self, channel: Channel, token: &str, now: Timestamp) -> Result<Option<Lane>, SendingError> {
        let change = Change::new().set("pass", text(token)).set("pass_until_ms", number((now + PASS).as_millisecond()));
        let free =
            Condition::Any(vec![Condition::Without("pass_until_ms"), Condition::Below("pass_until_ms", number(now.as_millisecond()))]);
        match self.store.table.update_returning(keys::lane(channel), change, free).await {
            Ok(lane) => Ok(Some(lane)),
            Err(error) if error.is_refused() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a pass: the lane is free, and its time is given away up to `lane.reserved_ms`.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn end_pass(&self, channel: Channel, lane: &Lane) -> Result<(), SendingError> {
        let change = Change::new()
            .set("reserved_ms", number(lane.reserved_ms))
            .set("rate", carillon_dynamo::Value::N(lane.rate.to_string()))
            .set("rate_ms", number(lane.rate_ms))
            .set("next_ms", number(lane.next_ms))
            .set("pass_until_ms", number(0));
        let mine = Condition::Equals("pass", text(&lane.pass));
        match self.store.table.commit(vec![self.store.table.update(keys::lane(channel), change, mine)]).await {
            Err(error) if !error.is_refused() => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Notes that the provider throttles a channel: less is released for a minute.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn throttled(&self, channel: Channel, now: Timestamp) -> Result<(), SendingError> {
        let until = number((now + SignedDuration::from_secs(60)).as_millisecond());
        let change = Change::new().set("throttled_until_ms", until);
        Ok(self.store.table.commit(vec![self.store.table.update(keys::lane(channel), change, Condition::Always)]).await?)
    }

    /// Gives the lane of a channel.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn lane(&self, channel: Channel) -> Result<Lane, SendingError> {
        Ok(self.store.table.find(keys::lane(channel)).await?.unwrap_or_default())
    }

    /// Notes that the plans of a run below `released` were released; a run whose epoch moved on is left alone.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn released(&self, run: &RunRecord, released: u32, now: Timestamp) -> Result<(), SendingError> {
        let change = Change::new().set("released", number(released)).set("released_ms", number(now.as_millisecond()));
        let same = Condition::Equals("epoch", number(run.epoch));
        match self.store.table.commit(vec![self.store.table.update(keys::run(run.key()), change, same)]).await {
            Err(error) if !error.is_refused() => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Lets release look at all plans of a run again, because messages may have been lost.
    ///
    /// # Errors
    /// [`SendingError`] when the table does not answer.
    pub async fn rewind(&self, run: &RunRecord, now: Timestamp) -> Result<(), SendingError> {
        let change =
            Change::new().set("released", number(0)).set("seen", number(run.planned)).set("released_ms", number(now.as_millisecond()));
        let same = Condition::All(vec![Condition::Equals("epoch", number(run.epoch)), Condition::Equals("released", number(run.released))]);
        match self.store.table.commit(vec![self.store.table.update(keys::run(run.key()), change, same)]).await {
            Err(error) if !error.is_refused() => Err(error.into()),
            _ => Ok(()),
        }
    }
}
