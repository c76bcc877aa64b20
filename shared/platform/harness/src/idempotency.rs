//! `Idempotency-Key`: the same key with the same request gives the same answer, for 24 hours.
//!
//! A record is put before the work starts and holds the request's hash and its moment. The ids that the work makes are derived from
//! the key and that moment, so a process that dies after the effect and before the answer is kept leads, when the client
//! tries again, to the same ids: the effect is found, not made twice. The answer is kept after the work.

use std::time::Duration;

use carillon_contracts::{Caller, Principal};
use carillon_dynamo::{Change, Condition, Key, Table, Value, number, text};
use carillon_kernel::secret::sha256_hex;
use carillon_kernel::{Failure, IdSource, Kind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::reply::Reply;

const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
const LEASE: Duration = Duration::from_secs(60);

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    request: String,
    moment: Timestamp,
    lease_until: Timestamp,
    /// The answer; absent, not null, until it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    headers: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    ttl: i64,
}

/// A key in use by a request.
pub(crate) struct Claim {
    key: Key,
    /// The moment of the first try.
    pub(crate) moment: Timestamp,
    /// The ids of this key, the same at every try.
    pub(crate) ids: IdSource,
}

/// What a key leads to.
pub(crate) enum Begin {
    /// The work is to be done.
    Work(Claim),
    /// The work was done: this is its answer.
    Done(Reply),
}

/// The records, in the table of entities.
#[derive(Clone)]
pub(crate) struct Idempotency<'a>(pub(crate) &'a Table);

impl Idempotency<'_> {
    /// Claims a key for a request, or finds its answer.
    ///
    /// Keys are each caller's own: nobody is shown what was answered to somebody else.
    pub(crate) async fn begin(
        &self,
        (caller, function): (&Caller, &str),
        key: &str,
        request: &[u8],
        now: Timestamp,
    ) -> Result<Begin, Failure> {
        if key.is_empty() || key.len() > 255 {
            return Err(Failure::new(Kind::Unreadable, "idempotency.key", "an Idempotency-Key has 1 to 255 characters"));
        }
        let hash = sha256_hex(format!("{}\0{function}\0{key}", caller.principal).as_bytes());
        let place = match caller.principal {
            // What is answered to a user is about the user, and goes with the account; beside it, where whoever keeps answers may not write.
            Principal::User(user, _) => Key::new(format!("ANSWERS#{user}"), format!("IDEMPOTENCY#{}#{hash}", caller.organization)),
            Principal::ApiKey(_) => Key::new(format!("IDEMPOTENCY#{}#{hash}", caller.organization), "IDEMPOTENCY"),
        };
        let record = Record {
            request: sha256_hex(request),
            moment: now,
            lease_until: now + LEASE,
            status: None,
            headers: None,
            body: None,
            ttl: (now + KEPT).as_second(),
        };
        let put = self.0.put(
            place.clone(),
            &record,
            Condition::Any(vec![Condition::Absent, Condition::Below("ttl", number(now.as_second()))]),
        )?;
        let put = put.with("entity", text("idempotency"));
        match self.0.commit(vec![put]).await {
            Ok(()) => Ok(Begin::Work(claim(place, now))),
            Err(error) if error.is_refused() => self.found(place, &record.request, now).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn found(&self, place: Key, request: &str, now: Timestamp) -> Result<Begin, Failure> {
        let busy = || {
            let detail = "a request with this Idempotency-Key is still under way";
            Failure::new(Kind::Conflict, "idempotency.in_progress", detail).retry_in(Duration::from_secs(1))
        };
        let record: Record = self.0.find(place.clone()).await?.ok_or_else(busy)?;
        if record.request != request {
            let detail = "this Idempotency-Key was used with another request: use a new key";
            return Err(Failure::new(Kind::Conflict, "idempotency.other_request", detail));
        }
        if let (Some(status), Some(headers), Some(body)) = (record.status, record.headers, record.body) {
            let headers = serde_json::from_str(&headers).unwrap_or_default();
            return Ok(Begin::Done(Reply { status, headers, cookies: Vec::new(), body }.header("idempotency-replayed", "true")));
        }
        if record.lease_until > now {
            return Err(busy());
        }
        let take_over = Change::new().set("lease_until", text(now + LEASE));
        let unchanged = Condition::Equals("lease_until", text(record.lease_until));
        match self.0.commit(vec![self.0.update(place.clone(), take_over, unchanged)]).await {
            Ok(()) => Ok(Begin::Work(claim(place, record.moment))),
            Err(error) if error.is_refused() => Err(busy()),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps the answer of a claimed key.
    pub(crate) async fn complete(&self, claim: &Claim, reply: &Reply) -> Result<(), Failure> {
        let headers = serde_json::to_string(&reply.headers).unwrap_or_default();
        let change =
            Change::new().set("status", number(reply.status)).set("headers", Value::S(headers)).set("body", Value::S(reply.body.clone()));
        Ok(self.0.commit(vec![self.0.update(claim.key.clone(), change, Condition::Present)]).await?)
    }

    /// Gives a key free again, because nothing was done.
    pub(crate) async fn release(&self, claim: &Claim) -> Result<(), Failure> {
        Ok(self.0.commit(vec![self.0.delete(claim.key.clone(), Condition::Without("status"))]).await?)
    }
}

fn claim(key: Key, moment: Timestamp) -> Claim {
    let seed = sha256_hex(format!("{}\0{}", key.pk, key.sk).as_bytes());
    let seed = u64::from_str_radix(seed.get(..16).unwrap_or_default(), 16).unwrap_or_default();
    Claim { ids: IdSource::seeded(seed), key, moment }
}
