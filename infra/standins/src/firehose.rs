//! The Firehose: gathers records until there are enough or the first is old, and names the objects as Firehose does.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::{Duration, Instant};

use crate::{config::FirehoseConfig, dice::hash, outstanding::Ticket};

/// Records that wait for a batch.
pub(crate) struct Firehose {
    config: FirehoseConfig,
    bytes: Vec<u8>,
    tickets: Vec<Arc<Ticket>>,
    due: Option<Instant>,
    batches: u64,
}

/// A batch that is to be written.
pub(crate) struct Batch {
    pub(crate) key: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) tickets: Vec<Arc<Ticket>>,
}

impl Firehose {
    pub(crate) fn new(config: FirehoseConfig) -> Self {
        Self { config, bytes: Vec::new(), tickets: Vec::new(), due: None, batches: 0 }
    }

    /// Adds a record, which `write` appends with its newline.
    pub(crate) fn push(&mut self, ticket: Arc<Ticket>, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.tickets.push(ticket);
        self.due.get_or_insert_with(|| Instant::now() + Duration::from_millis(self.config.buffer_ms));
    }

    /// When the waiting records must be written.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether the waiting records must be written now.
    pub(crate) fn is_ripe(&self) -> bool {
        self.bytes.len() >= self.config.buffer_bytes || self.due.is_some_and(|due| due <= Instant::now())
    }

    /// Takes the waiting records as a batch.
    pub(crate) fn take(&mut self, now: Timestamp) -> Option<Batch> {
        self.due.take()?;
        self.batches += 1;
        let key = object_key(&self.config, now, self.batches);
        Some(Batch { key, bytes: std::mem::take(&mut self.bytes), tickets: std::mem::take(&mut self.tickets) })
    }
}

/// The key of a batch: `prefix/YYYY/MM/DD/HH/stream-1-YYYY-MM-DD-HH-MM-SS-uuid`, in UTC (Amazon Data Firehose developer
/// guide, "Amazon S3 object name format").
fn object_key(config: &FirehoseConfig, now: Timestamp, batch: u64) -> String {
    let (prefix, stream) = (&config.prefix, &config.stream);
    let when = now.as_nanosecond().to_le_bytes();
    let unique = format!("{:016x}{:016x}", hash(&[b"a", &when, &batch.to_le_bytes()]), hash(&[b"b", &when, stream.as_bytes()]));
    let part = |from: usize, to: usize| unique.get(from..to).unwrap_or_default();
    let uuid = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-");
    format!("{prefix}/{}/{stream}-1-{}-{uuid}", now.strftime("%Y/%m/%d/%H"), now.strftime("%Y-%m-%d-%H-%M-%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_firehoses_layout() {
        let config = FirehoseConfig { prefix: "ses".into(), stream: "events".into(), ..FirehoseConfig::default() };
        let now = Timestamp::from_second(1_700_000_000).unwrap_or_default();

        let key = object_key(&config, now, 1);

        let (start, uuid) = key.split_at("ses/2023/11/14/22/events-1-2023-11-14-22-13-20-".len());
        assert_eq!(start, "ses/2023/11/14/22/events-1-2023-11-14-22-13-20-");
        assert_eq!(uuid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert_ne!(key, object_key(&config, now, 2));
    }
}
