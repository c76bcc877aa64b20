//! Counts the writes of every partition key in every second, from the requests themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::Value;

/// The writes of a table's partition key.
#[derive(Debug, Default)]
struct Writes {
    by_second: BTreeMap<(String, u64), u64>,
    by_key: BTreeMap<String, u64>,
}

/// The meter; clones share the counts.
#[derive(Debug, Clone)]
pub struct WriteMeter {
    writes: Arc<Mutex<Writes>>,
    started: Instant,
}

impl Default for WriteMeter {
    fn default() -> Self {
        Self { writes: Arc::default(), started: Instant::now() }
    }
}

impl WriteMeter {
    /// Counts the writes of a request to DynamoDB (AWS JSON 1.0); reads write nothing.
    pub(crate) fn count(&self, operation: &str, request: &Value) {
        let second = self.started.elapsed().as_secs();
        let mut writes = self.lock();
        for key in keys(operation, request) {
            *writes.by_second.entry((key.clone(), second)).or_default() += 1;
            *writes.by_key.entry(key).or_default() += 1;
        }
    }

    /// Forgets what was counted.
    pub fn clear(&self) {
        *self.lock() = Writes::default();
    }

    /// The most writes that a key took in one second, and the key.
    #[must_use]
    pub fn busiest_second(&self) -> Option<(String, u64)> {
        let writes = self.lock();
        writes.by_second.iter().max_by_key(|(_, count)| **count).map(|((key, _), count)| (key.clone(), *count))
    }

    /// The most writes that a key took in all, and the key.
    #[must_use]
    pub fn busiest_key(&self) -> Option<(String, u64)> {
        self.lock().by_key.iter().max_by_key(|(_, count)| **count).map(|(key, count)| (key.clone(), *count))
    }

    /// How often each key was written, by table and key.
    #[must_use]
    pub fn by_key(&self) -> BTreeMap<String, u64> {
        self.lock().by_key.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Writes> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The partition keys that a request writes, one for each write.
fn keys(operation: &str, request: &Value) -> Vec<String> {
    let table = |write: &Value| write["TableName"].as_str().unwrap_or_default().to_owned();
    let key_of = |write: &Value| {
        let pk = write["Item"]["pk"]["S"].as_str().or_else(|| write["Key"]["pk"]["S"].as_str());
        pk.map(|pk| format!("{} {pk}", table(write)))
    };
    match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" => key_of(request).into_iter().collect(),
        "TransactWriteItems" => {
            let items = request["TransactItems"].as_array().map(Vec::as_slice).unwrap_or_default();
            items.iter().filter_map(|item| ["Put", "Update", "Delete"].iter().find_map(|kind| key_of(&item[*kind]))).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_write_counts_for_its_key_and_reads_and_checks_do_not() {
        let meter = WriteMeter::default();
        let key = json!({ "TableName": "t", "Key": { "pk": { "S": "a" }, "sk": { "S": "1" } } });
        let item = json!({ "TableName": "t", "Item": { "pk": { "S": "b" } } });

        meter.count("GetItem", &key);
        meter.count("UpdateItem", &key);
        meter.count("TransactWriteItems", &json!({ "TransactItems": [{ "Put": item }, { "Delete": key }, { "ConditionCheck": key }] }));

        assert_eq!(meter.busiest_key(), Some(("t a".to_owned(), 2)));
    }
}
