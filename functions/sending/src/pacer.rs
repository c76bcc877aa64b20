//! Releases about a minute of work at a time, fair across organizations, within the account's rate.
//!
//! One pass at a time on each channel, by a lease. Messages are sent before the run's pointer moves: a pass that dies leaves
//! messages that come twice, which deliveries bear, never plans without a message.

use std::collections::BTreeMap;

use carillon_contracts::Channel;
use carillon_contracts::message::{EmailDeliveryRequested, ReleaseRequested, SmsDeliveryRequested};
use carillon_harness::{Failure, Setup, SetupError};
use carillon_kernel::{Clock, IdSource};
use carillon_queue::Queue;
use carillon_sending::keys::{RunKey, page_of};
use carillon_sending::lanes::Lane;
use carillon_sending::pacing::{self, HORIZON_MS, MOST_PLANS_OF_PASS, Release, Waiting};
use carillon_sending::{Ledger, RunRecord};
use carillon_ses::Ses;
use jiff::Timestamp;

use crate::emergency_stop::EmergencyStop;

/// How long the account's rate is believed, in milliseconds.
const RATE_BELIEVED_MS: i64 = 300_000;

/// How long it is believed that the account may not send at all, in milliseconds.
const STANDSTILL_BELIEVED_MS: i64 = 60_000;

/// How long before the released work ends the next pass comes, in milliseconds.
const AHEAD_MS: i64 = 20_000;

/// Releases work.
#[derive(Debug)]
pub(crate) struct Pacer {
    ledger: Ledger,
    ses: Ses,
    emails: Queue<EmailDeliveryRequested>,
    texts: Queue<SmsDeliveryRequested>,
    passes: Queue<ReleaseRequested>,
    sms_rate: u32,
    stop: EmergencyStop,
    clock: Clock,
    ids: IdSource,
}

/// What one run may release in a pass.
struct Candidate {
    run: RunRecord,
    waiting: Waiting,
    /// Up to which plan was looked at.
    looked_to: u32,
}

impl Pacer {
    pub(crate) fn from_setup(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            ledger: Ledger::from_setup(setup)?,
            ses: Ses::from_setup(setup)?,
            emails: Queue::from_setup(setup)?,
            texts: Queue::from_setup(setup)?,
            passes: Queue::from_setup(setup)?,
            sms_rate: setup.number("SMS_RATE_PER_SECOND")?,
            stop: EmergencyStop::from_setup(setup)?,
            clock: setup.clock(),
            ids: setup.ids(),
        })
    }

    /// Makes a pass on every channel; false when another one was under way on one of them.
    pub(crate) async fn pass_all(&self) -> Result<bool, Failure> {
        let mut all = true;
        for channel in Channel::ALL {
            all &= self.pass(channel).await?;
        }
        Ok(all)
    }

    /// Asks for another pass after some seconds.
    pub(crate) async fn ask_again(&self, delay_seconds: u32) -> Result<(), Failure> {
        Ok(self.passes.send_after(&ReleaseRequested { reason: "another pass was under way".to_owned() }, delay_seconds).await?)
    }

    async fn pass(&self, channel: Channel) -> Result<bool, Failure> {
        let runs = self.ledger.active(channel).await?;
        if runs.iter().all(|run| run.released >= run.planned) {
            return Ok(true);
        }
        let now = self.clock.now();
        if self.stop.is_for(channel, now).await {
            // The schedule's next turn looks again.
            return Ok(true);
        }
        let token = format!("{:x}", u64::from_be_bytes(self.ids.bytes()));
        let Some(mut lane) = self.ledger.begin_pass(channel, &token, now).await? else { return Ok(false) };
        self.learn_rate(channel, &mut lane, now).await?;
        let candidates = self.candidates(runs).await?;
        let waiting = candidates.iter().map(|candidate| candidate.waiting.clone()).collect();
        let (released, reserved_ms) = if lane.rate > 0.0 {
            pacing::release(waiting, lane.rate_now(now), (lane.reserved_ms, now.as_millisecond()))
        } else {
            (Vec::new(), lane.reserved_ms)
        };
        self.send(channel, &released, now).await?;
        let more = self.move_pointers(&candidates, &released, now).await?;
        lane.reserved_ms = reserved_ms;
        if more {
            self.ask_for_next(&mut lane, released.len(), now).await?;
        }
        self.ledger.end_pass(channel, &lane).await?;
        Ok(true)
    }

    /// Asks the provider how fast the account may send, now and then.
    async fn learn_rate(&self, channel: Channel, lane: &mut Lane, now: Timestamp) -> Result<(), Failure> {
        match channel {
            Channel::Sms => lane.rate = f64::from(self.sms_rate),
            Channel::Email if now.as_millisecond() - lane.rate_ms < believed_ms(lane) => {}
            Channel::Email => {
                let account = self.ses.account().await?;
                let spent = account.max_24_hour.is_some_and(|limit| account.sent_24_hour >= limit);
                lane.rate = if account.sending_enabled && !spent { account.max_send_rate } else { 0.0 };
                lane.rate_ms = now.as_millisecond();
            }
        }
        Ok(())
    }

    /// Lists what each run may release: plans that were never released, and those released before that have work left.
    async fn candidates(&self, runs: Vec<RunRecord>) -> Result<Vec<Candidate>, Failure> {
        let mut candidates = Vec::new();
        for run in runs.into_iter().filter(|run| run.released < run.planned) {
            let of = run.key();
            let most = u32::try_from(MOST_PLANS_OF_PASS).unwrap_or(u32::MAX);
            let mut waiting = Waiting { of, plans: std::collections::VecDeque::new(), batch: run.batch };
            let mut looked_to = run.released;
            let mut states = BTreeMap::new();
            while looked_to < run.planned && waiting.plans.len() < MOST_PLANS_OF_PASS && looked_to - run.released < most * 8 {
                if looked_to < run.seen {
                    let page = page_of(looked_to);
                    if let std::collections::btree_map::Entry::Vacant(place) = states.entry(page) {
                        place.insert(self.ledger.states(of, page).await?);
                    }
                }
                let state = states.get(&page_of(looked_to)).filter(|_| looked_to < run.seen).and_then(|page| page.get(&looked_to));
                if state.is_none_or(|state| state.has_work(run.generation)) {
                    waiting.plans.push_back(looked_to);
                }
                looked_to += 1;
            }
            candidates.push(Candidate { run, waiting, looked_to });
        }
        Ok(candidates)
    }

    async fn send(&self, channel: Channel, released: &[Release], now: Timestamp) -> Result<(), Failure> {
        let delay = |release: &Release| u32::try_from((release.at_ms - now.as_millisecond()) / 1000).unwrap_or_default();
        match channel {
            Channel::Email => {
                let request = |release: &Release| {
                    let RunKey { organization, run } = release.of;
                    (EmailDeliveryRequested { organization, run, plan: release.plan }, delay(release))
                };
                Ok(self.emails.send_all(&released.iter().map(request).collect::<Vec<_>>()).await?)
            }
            Channel::Sms => {
                let request = |release: &Release| {
                    let RunKey { organization, run } = release.of;
                    (SmsDeliveryRequested { organization, run, plan: release.plan }, delay(release))
                };
                Ok(self.texts.send_all(&released.iter().map(request).collect::<Vec<_>>()).await?)
            }
        }
    }

    /// Moves each run's pointer behind what was released; tells whether any has more.
    async fn move_pointers(&self, candidates: &[Candidate], released: &[Release], now: Timestamp) -> Result<bool, Failure> {
        let mut more = false;
        for Candidate { run, waiting, looked_to } in candidates {
            let mine: Vec<u32> = released.iter().filter(|release| release.of == run.key()).map(|release| release.plan).collect();
            let pointer = match mine.last() {
                _ if mine.len() == waiting.plans.len() => *looked_to,
                Some(last) => last + 1,
                None => run.released,
            };
            more |= pointer < run.planned;
            if pointer > run.released {
                self.ledger.released(run, pointer, now).await?;
            }
        }
        Ok(more)
    }

    /// Asks for the next pass, unless it was asked for already.
    async fn ask_for_next(&self, lane: &mut Lane, released: usize, now: Timestamp) -> Result<(), Failure> {
        let now_ms = now.as_millisecond();
        if lane.next_ms > now_ms {
            return Ok(());
        }
        let at_once = released >= MOST_PLANS_OF_PASS;
        let wait_ms = match lane.rate {
            ..=0.0 => STANDSTILL_BELIEVED_MS,
            _ if at_once => 0,
            _ => (lane.reserved_ms - now_ms - AHEAD_MS).clamp(1_000, HORIZON_MS),
        };
        let delay_seconds = u32::try_from(wait_ms / 1000).unwrap_or_default();
        lane.next_ms = now_ms + wait_ms;
        Ok(self.passes.send_after(&ReleaseRequested { reason: "more work".to_owned() }, delay_seconds).await?)
    }
}

fn believed_ms(lane: &Lane) -> i64 {
    if lane.rate > 0.0 { RATE_BELIEVED_MS } else { STANDSTILL_BELIEVED_MS }
}
