//! Counts the requests to AWS and their capacity units, and the hashes of passwords, because they are what the platform costs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// What was used of one operation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Requests made, the SDK's own retries not counted.
    pub requests: u64,
    /// DynamoDB write request units.
    pub write_units: f64,
    /// DynamoDB read request units.
    pub read_units: f64,
}

/// Counts by operation (`dynamodb.PutItem`, `sqs.SendMessageBatch`, `password.Hash`); clones share the counts.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<BTreeMap<&'static str, Usage>>>);

impl Meter {
    /// Adds one request.
    pub fn request(&self, operation: &'static str) {
        self.add(operation, Usage { requests: 1, ..Usage::default() });
    }

    /// Adds usage to an operation.
    pub fn add(&self, operation: &'static str, used: Usage) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = counts.entry(operation).or_default();
        sum.requests += used.requests;
        sum.write_units += used.write_units;
        sum.read_units += used.read_units;
    }

    /// Gives all counts since the start.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<&'static str, Usage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
