//! The SES account: its settings, knobs and limits.

use std::sync::{Arc, Mutex, RwLock};

use jiff::Timestamp;

use super::{check::Refusal, wire::Account};
use crate::{
    clock::lock,
    config::SesConfig,
    faults::SesFaults,
    rate::{RollingDay, TokenBucket},
};

/// The SES account.
pub(crate) struct SesState {
    faults: RwLock<Arc<SesFaults>>,
    account: RwLock<Arc<SesConfig>>,
    limits: Mutex<Limits>,
}

#[derive(Default)]
struct Limits {
    bucket: TokenBucket,
    day: RollingDay,
}

impl SesState {
    pub(crate) fn new(account: SesConfig, faults: SesFaults) -> Self {
        Self { faults: RwLock::new(Arc::new(faults)), account: RwLock::new(Arc::new(account)), limits: Mutex::default() }
    }

    pub(crate) fn faults(&self) -> Arc<SesFaults> {
        Arc::clone(&self.faults.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub(crate) fn set_faults(&self, faults: SesFaults) {
        *self.faults.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(faults);
    }

    pub(crate) fn account(&self) -> Arc<SesConfig> {
        Arc::clone(&self.account.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub(crate) fn set_account(&self, account: SesConfig) {
        *self.account.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(account);
    }

    /// What `GetAccount` answers.
    pub(super) fn account_answer(&self, now: Timestamp) -> Account {
        let sent = lock(&self.limits).day.total(hour(now));
        Account::new(&self.account(), self.rate(), sent)
    }

    /// Takes a mail's recipients from the day's quota and the second's rate.
    pub(super) fn take(&self, recipients: usize, now: Timestamp) -> Result<(), Refusal> {
        let recipients = u32::try_from(recipients).unwrap_or(u32::MAX);
        let quota = self.account().max_24_hour_send;
        let mut limits = lock(&self.limits);
        #[allow(clippy::cast_precision_loss, reason = "a day's count of mails is far below 2^52")]
        let sent = limits.day.total(hour(now)) as f64;
        if quota >= 0.0 && sent + f64::from(recipients) > quota {
            return Err(Refusal::new("ACCOUNT_DAILY_QUOTA_EXCEEDED", "Daily message quota exceeded."));
        }
        if !limits.bucket.take(f64::from(recipients), self.rate()) {
            return Err(Refusal::new("ACCOUNT_THROTTLED", "Maximum sending rate exceeded."));
        }
        limits.day.add(hour(now), u64::from(recipients));
        Ok(())
    }

    /// Lets time pass for the second's rate.
    pub(crate) fn advance(&self, by: std::time::Duration) {
        lock(&self.limits).bucket.advance(by, self.rate());
    }

    /// Recipients per second: the account's, or fewer by the knob.
    fn rate(&self) -> f64 {
        let rate = self.account().max_send_rate;
        self.faults().calls.throttle_per_second.map_or(rate, |knob| knob.min(rate))
    }
}

fn hour(now: Timestamp) -> i64 {
    now.as_second().div_euclid(3_600)
}
