//! Who was excluded since a plan was written: a worker's copy of the exclusion log, read on from where it ended.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use carillon_contacts::exclusions::KEPT_DAYS;
use carillon_contacts::{Excluded, Exclusions, Purpose};
use carillon_contracts::{Channel, OrganizationId};
use carillon_harness::{Failure, Setup, SetupError};
use carillon_kernel::Clock;
use carillon_sending::{Definition, Plan};
use futures::lock::Mutex as Turns;
use jiff::{SignedDuration, Timestamp};

/// How much earlier than asked the log is read: entries carry the time of their writer's clock, and appear when its commit ends.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// How far the log looks back: whoever is on an older plan, after a pause of months, is left out, because nobody knows who left since.
const LOOKS_BACK: SignedDuration = SignedDuration::from_hours((KEPT_DAYS - 1) * 24);

/// How many addresses a worker keeps before it starts anew, so that its memory stays bounded.
const MOST_KEPT: usize = 200_000;

/// A part of the log: the last entry of every address, from a moment to a moment.
#[derive(Debug, Default)]
struct Part {
    /// From when until when; nothing before the first read.
    range: Option<(Timestamp, Timestamp)>,
    /// The turn at which the last read began.
    read: u64,
    last: Excluded,
}

type Parts = HashMap<(OrganizationId, Channel), Arc<Turns<Part>>>;

/// The log as a worker knows it.
///
/// Each delivery needs a read that began after its claim. Deliveries that wait while another one reads share the next read, so that
/// the messages of an invocation cost one read or two together, not one each.
#[derive(Debug)]
pub(crate) struct ExclusionLog {
    log: Exclusions,
    clock: Clock,
    turns: AtomicU64,
    parts: Mutex<Parts>,
}

impl ExclusionLog {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { log: Exclusions::from_setup(setup)?, clock: setup.clock(), turns: AtomicU64::new(1), parts: Mutex::default() })
    }

    /// Tells which entries of a plan were excluded since it was written; the log's last word on an address counts.
    pub(crate) async fn among(&self, definition: &Definition, plan: &Plan) -> Result<Vec<usize>, Failure> {
        let of = (definition.organization, definition.channel);
        if self.clock.now().duration_since(plan.created_at) > LOOKS_BACK {
            return Ok((0..plan.recipients.len()).collect());
        }
        let wanted_from = plan.created_at - MARGIN;
        let asked = self.turn();
        let part = Arc::clone(self.parts.lock().unwrap_or_else(PoisonError::into_inner).entry(of).or_default());
        let mut part = part.lock().await;
        if part.read < asked || part.from().is_none_or(|from| from > wanted_from) {
            self.read(of, &mut part, wanted_from).await?;
        }
        let purpose = if definition.marketing { Purpose::Marketing } else { Purpose::Transactional };
        let excluded =
            plan.recipients.iter().enumerate().filter(|(_, recipient)| part.last.contains(&recipient.address, purpose, wanted_from));
        let excluded = excluded.map(|(index, _)| index).collect();
        if part.last.addresses() > MOST_KEPT {
            *part = Part::default();
        }
        Ok(excluded)
    }

    /// Reads what is new, or all from the wanted moment on where less than that is known.
    async fn read(
        &self,
        (organization, channel): (OrganizationId, Channel),
        part: &mut Part,
        wanted_from: Timestamp,
    ) -> Result<(), Failure> {
        let (turn, now) = (self.turn(), self.clock.now());
        let known = part.range.filter(|(from, _)| *from <= wanted_from);
        let read_from = known.map_or(wanted_from, |(_, until)| until - MARGIN);
        if known.is_none() {
            *part = Part::default();
        }
        self.log.since((organization, channel), read_from, |entry| part.last.take(entry)).await?;
        part.range = Some(known.map_or((wanted_from, now), |(from, until)| (from, until.max(now))));
        part.read = turn;
        Ok(())
    }

    /// Gives a number that is larger than all before.
    fn turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::SeqCst)
    }
}

impl Part {
    fn from(&self) -> Option<Timestamp> {
        self.range.map(|(from, _)| from)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;

    use aws_smithy_runtime_api::client::http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
    use carillon_contracts::{CampaignId, Run};
    use carillon_kernel::{IdSource, ManualClock};
    use carillon_sending::{DoubtPolicy, Recipient};
    use futures::future::join_all;
    use serde_json::json;

    use super::*;

    /// A log of one entry, which counts how often it is read.
    #[derive(Debug, Clone)]
    struct Log {
        address: &'static str,
        reads: Arc<AtomicU64>,
    }

    impl HttpConnector for Log {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            self.reads.fetch_add(1, Ordering::SeqCst);
            let entry = json!({
                "address": { "S": self.address }, "at": { "S": moment().to_string() },
                "marketing": { "BOOL": true }, "transactional": { "BOOL": false },
            });
            let body = json!({ "Items": [entry], "Count": 1 }).to_string();
            HttpConnectorFuture::new(async move {
                tokio::task::yield_now().await;
                Ok(HttpResponse::new(200.try_into().unwrap(), body.into()))
            })
        }
    }

    impl HttpClient for Log {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    fn moment() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    fn opened(address: &'static str) -> (ExclusionLog, Arc<AtomicU64>) {
        let settings = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "ENTITIES_TABLE"];
        let settings = settings.map(|name| (name.to_owned(), "local".to_owned())).into();
        let setup = Setup::new(ManualClock::at(moment()).clock(), IdSource::seeded(1)).with_settings(settings);
        let log = Log { address, reads: Arc::default() };
        let _: SharedHttpClient = setup.shared("http", || SharedHttpClient::new(log.clone()));
        (ExclusionLog::from_setup(&setup).unwrap(), log.reads)
    }

    fn definition() -> Definition {
        Definition {
            organization: OrganizationId::from_bytes([1; 16]),
            organization_name: String::new(),
            run: Run::Campaign(CampaignId::from_bytes([2; 16])),
            channel: Channel::Email,
            marketing: true,
            from: String::new(),
            from_name: None,
            reply_to: None,
            content: String::new(),
            variables: Vec::new(),
            audience: None,
            doubt_policy: DoubtPolicy::AtMostOnce,
            batch: 50,
            created_at: moment(),
            kept_days: 400,
        }
    }

    fn plan(address: &str, created_at: Timestamp) -> Plan {
        Plan {
            number: 0,
            recipients: vec![Recipient { contact: None, address: address.to_owned(), values: Vec::new() }],
            created_at,
            cursor: String::new(),
            recipients_so_far: 1,
            skipped_so_far: BTreeMap::new(),
            definition: None,
            kept_days: 400,
        }
    }

    #[tokio::test]
    async fn deliveries_at_once_share_the_read_that_begins_after_their_claims() {
        let (log, reads) = opened("ada@example.com");
        let (definition, plan) = (definition(), plan("Ada@example.com", moment()));

        let found = join_all((0..10).map(|_| log.among(&definition, &plan))).await;

        // The first one's read began before the others asked: it cannot serve them, the second one can.
        assert_eq!(reads.load(Ordering::SeqCst), 2);
        assert!(found.into_iter().all(|excluded| excluded.unwrap() == [0]));
    }

    #[tokio::test]
    async fn a_delivery_that_comes_later_reads_again() {
        let (log, reads) = opened("ada@example.com");
        let definition = definition();

        for _ in 0..3 {
            log.among(&definition, &plan("grace@example.com", moment())).await.unwrap();
        }

        assert_eq!(reads.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn whoever_is_on_a_plan_older_than_the_log_is_left_out() {
        let (log, reads) = opened("ada@example.com");

        let excluded = log.among(&definition(), &plan("grace@example.com", moment() - LOOKS_BACK - SignedDuration::from_secs(1))).await;

        assert_eq!((excluded.unwrap(), reads.load(Ordering::SeqCst)), (vec![0], 0));
    }
}
