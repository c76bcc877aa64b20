//! The Twilio account: knobs, rates, and where inbound messages go.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, RwLock},
};

use crate::{clock::lock, faults::TwilioFaults, rate::TokenBucket};

/// The Twilio account.
pub(crate) struct TwilioState {
    faults: RwLock<Arc<TwilioFaults>>,
    inbound_url: Mutex<Option<String>>,
    rates: Mutex<HashMap<String, TokenBucket>>,
}

impl TwilioState {
    pub(crate) fn new(faults: TwilioFaults, inbound_url: Option<String>) -> Self {
        Self { faults: RwLock::new(Arc::new(faults)), inbound_url: Mutex::new(inbound_url), rates: Mutex::default() }
    }

    pub(crate) fn faults(&self) -> Arc<TwilioFaults> {
        Arc::clone(&self.faults.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub(crate) fn set_faults(&self, faults: TwilioFaults) {
        *self.faults.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(faults);
    }

    pub(crate) fn inbound_url(&self) -> Option<String> {
        lock(&self.inbound_url).clone()
    }

    pub(crate) fn set_inbound_url(&self, url: String) {
        *lock(&self.inbound_url) = Some(url);
    }

    /// Takes one message from a number's rate.
    pub(super) fn take(&self, number: &str) -> bool {
        let Some(per_second) = self.faults().calls.throttle_per_second else { return true };
        lock(&self.rates).entry(number.to_owned()).or_default().take(1.0, per_second)
    }
}
