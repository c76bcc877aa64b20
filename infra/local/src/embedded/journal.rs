//! The journal that lets queue messages survive the end of the process.
//!
//! One JSON line per message sent, deleted or purged. A line reaches the operating system before the sender has its
//! answer, so it outlives a killed process (not a power cut). When most of the file is dead it is written anew.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use rustack_sqs_model::input::SendMessageInput;
use serde::{Deserialize, Serialize};

/// SQS keeps no message longer than 14 days (the maximum of `MessageRetentionPeriod`).
const LONGEST_RETENTION_SECONDS: i64 = 14 * 24 * 60 * 60;
/// Below this size the file is never written anew.
const REWRITE_FLOOR_BYTES: u64 = 16 * 1024 * 1024;

/// A message as it was sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sent {
    /// The message id that SQS gave.
    pub(crate) id: String,
    /// The queue's name.
    pub(crate) queue: String,
    /// When it was sent, in seconds since 1970.
    pub(crate) sent_at: i64,
    /// What was sent.
    pub(crate) input: SendMessageInput,
}

#[derive(Debug, Serialize, Deserialize)]
enum Entry {
    Sent(Box<Sent>),
    Deleted(String),
    Purged(String),
}

#[derive(Debug)]
struct Live {
    queue: String,
    bytes: u64,
}

/// The open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    file_bytes: u64,
    live: HashMap<String, Live>,
    live_bytes: u64,
    /// Deletions that overtook the line of their sending, which is written after the queue has the message.
    deleted_early: HashSet<String>,
}

impl Journal {
    /// Opens or creates the journal, and gives the messages of each queue that were not deleted, oldest first.
    pub(crate) fn open(path: &Path, now_seconds: i64) -> io::Result<(Self, BTreeMap<String, Vec<Sent>>)> {
        let file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let mut journal =
            Self { path: path.to_owned(), file, file_bytes: 0, live: HashMap::new(), live_bytes: 0, deleted_early: HashSet::new() };
        let mut left = journal.read_all()?;
        left.retain(|sent| now_seconds - sent.sent_at < LONGEST_RETENTION_SECONDS);
        let kept: HashSet<&str> = left.iter().map(|sent| sent.id.as_str()).collect();
        journal.live.retain(|id, _| kept.contains(id.as_str()));
        journal.deleted_early.clear();
        journal.rewrite()?;
        let mut by_queue: BTreeMap<String, Vec<Sent>> = BTreeMap::new();
        for sent in left {
            by_queue.entry(sent.queue.clone()).or_default().push(sent);
        }
        Ok((journal, by_queue))
    }

    /// Records messages that were sent.
    pub(crate) fn sent(&mut self, messages: Vec<Sent>) -> io::Result<()> {
        let mut lines = Vec::new();
        for sent in messages {
            if self.deleted_early.remove(&sent.id) {
                continue;
            }
            let before = lines.len();
            let (id, queue) = (sent.id.clone(), sent.queue.clone());
            write_line(&mut lines, &Entry::Sent(Box::new(sent)))?;
            let bytes = length(lines.len() - before);
            self.live_bytes += bytes;
            self.live.insert(id, Live { queue, bytes });
        }
        self.append(&lines)
    }

    /// Records messages that were deleted.
    pub(crate) fn deleted(&mut self, ids: Vec<String>) -> io::Result<()> {
        let mut lines = Vec::new();
        for id in ids {
            match self.live.remove(&id) {
                Some(live) => {
                    self.live_bytes -= live.bytes;
                    write_line(&mut lines, &Entry::Deleted(id))?;
                }
                None => {
                    self.deleted_early.insert(id);
                }
            }
        }
        self.append(&lines)
    }

    /// Records that a queue was emptied.
    pub(crate) fn purged(&mut self, queue: &str) -> io::Result<()> {
        self.forget_queue(queue);
        let mut line = Vec::new();
        write_line(&mut line, &Entry::Purged(queue.to_owned()))?;
        self.append(&line)
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.file.write_all(lines)?;
        self.file_bytes += length(lines.len());
        if self.file_bytes > REWRITE_FLOOR_BYTES && self.file_bytes > 4 * self.live_bytes {
            self.rewrite()?;
        }
        Ok(())
    }

    fn forget_queue(&mut self, queue: &str) {
        let live_bytes = &mut self.live_bytes;
        self.live.retain(|_, live| {
            let kept = live.queue != queue;
            if !kept {
                *live_bytes -= live.bytes;
            }
            kept
        });
    }

    /// Reads the file into `live`, and returns what is left in the order of sending.
    fn read_all(&mut self) -> io::Result<Vec<Sent>> {
        let mut sent_in_order = Vec::new();
        for line in BufReader::new(File::open(&self.path)?).split(b'\n') {
            // A line that does not parse is the torn last line of a killed process: its sender got no answer.
            match serde_json::from_slice(&line?) {
                Ok(Entry::Sent(sent)) => {
                    let queue = sent.queue.clone();
                    self.live.insert(sent.id.clone(), Live { queue, bytes: 0 });
                    sent_in_order.push(*sent);
                }
                Ok(Entry::Deleted(id)) => {
                    self.live.remove(&id);
                }
                Ok(Entry::Purged(queue)) => self.forget_queue(&queue),
                Err(_) => {}
            }
        }
        sent_in_order.retain(|sent| self.live.contains_key(&sent.id));
        Ok(sent_in_order)
    }

    /// Writes the file anew with the live messages only.
    fn rewrite(&mut self) -> io::Result<()> {
        let fresh_path = self.path.with_extension("fresh");
        let mut fresh = BufWriter::new(File::create(&fresh_path)?);
        let mut written = 0;
        for line in BufReader::new(File::open(&self.path)?).split(b'\n') {
            let mut line = line?;
            if let Ok(Entry::Sent(sent)) = serde_json::from_slice(&line)
                && let Some(live) = self.live.get_mut(&sent.id)
            {
                line.push(b'\n');
                fresh.write_all(&line)?;
                live.bytes = length(line.len());
                written += live.bytes;
            }
        }
        fresh.flush()?;
        std::fs::rename(&fresh_path, &self.path)?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        self.file_bytes = written;
        self.live_bytes = written;
        Ok(())
    }
}

fn write_line(lines: &mut Vec<u8>, entry: &Entry) -> io::Result<()> {
    serde_json::to_writer(&mut *lines, entry)?;
    lines.push(b'\n');
    Ok(())
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, sent_at: i64) -> Sent {
        Sent {
            id: id.to_owned(),
            queue: "work".to_owned(),
            sent_at,
            input: SendMessageInput { message_body: format!("body of {id}"), ..SendMessageInput::default() },
        }
    }

    fn left(path: &Path, now_seconds: i64) -> Vec<String> {
        let (_, left) = Journal::open(path, now_seconds).unwrap();
        left.into_values().flatten().map(|sent| sent.id).collect()
    }

    #[test]
    fn only_what_was_not_deleted_is_left_in_the_order_of_sending() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, _) = Journal::open(&path, 0).unwrap();

        journal.sent(vec![message("a", 0), message("b", 0), message("c", 0)]).unwrap();
        journal.deleted(vec!["b".to_owned()]).unwrap();

        assert_eq!(left(&path, 1), ["a", "c"]);
        assert_eq!(left(&path, 1), ["a", "c"], "reading loses nothing");
    }

    #[test]
    fn a_deletion_that_overtakes_its_sending_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, _) = Journal::open(&path, 0).unwrap();

        journal.deleted(vec!["a".to_owned()]).unwrap();
        journal.sent(vec![message("a", 0), message("b", 0)]).unwrap();

        assert_eq!(left(&path, 1), ["b"]);
    }

    #[test]
    fn a_torn_last_line_and_a_message_past_its_retention_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, _) = Journal::open(&path, 0).unwrap();
        journal.sent(vec![message("old", 0), message("new", 100)]).unwrap();
        journal.file.write_all(b"{\"Sent\":{\"id\":\"torn").unwrap();

        assert_eq!(left(&path, LONGEST_RETENTION_SECONDS + 50), ["new"]);
    }

    #[test]
    fn a_purge_forgets_the_queue_and_a_rewrite_shrinks_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, _) = Journal::open(&path, 0).unwrap();
        journal.sent(vec![message("a", 0), message("b", 0)]).unwrap();

        journal.purged("work").unwrap();
        journal.sent(vec![message("c", 0)]).unwrap();
        journal.rewrite().unwrap();

        assert_eq!(journal.file_bytes, std::fs::metadata(&path).unwrap().len());
        assert_eq!(left(&path, 1), ["c"]);
    }
}
