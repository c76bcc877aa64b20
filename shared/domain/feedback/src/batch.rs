//! Batches of events, as Firehose writes them: one event a line (newline-delimited JSON).

use jiff::Timestamp;

use crate::{ProviderEvent, ses};

/// The longest line that is read, in bytes: Firehose takes records of at most 1,000 KiB
/// (<https://docs.aws.amazon.com/firehose/latest/dev/limits.html>).
const LONGEST_LINE: usize = 1_024_000;

/// What a batch held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events of our mails.
    pub events: u64,
    /// Events of other mails, or without a meaning for us.
    pub ignored: u64,
    /// Lines that cannot be read.
    pub unreadable: u64,
    /// The newest moment that is told of: when an event of ours happened, or another mail of the same configuration set was sent.
    pub latest: Option<Timestamp>,
}

/// Reads a batch piece by piece, wherever the pieces are cut; a broken line is counted and skipped.
#[derive(Debug, Default)]
pub struct BatchReader {
    begun: Vec<u8>,
    is_too_long: bool,
    tally: Tally,
}

impl BatchReader {
    /// Makes the reader of one batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the next piece and gives its events to `each`.
    pub fn read(&mut self, piece: &[u8], mut each: impl FnMut(ProviderEvent)) {
        let mut rest = piece;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            if self.begun.is_empty() && !self.is_too_long {
                self.line(line, &mut each);
            } else {
                self.begin(line);
                self.end_line(&mut each);
            }
        }
        self.begin(rest);
    }

    /// Reads the last line, which may lack its end, and tells what the batch held.
    pub fn finish(mut self, mut each: impl FnMut(ProviderEvent)) -> Tally {
        self.end_line(&mut each);
        self.tally
    }

    fn begin(&mut self, part: &[u8]) {
        self.is_too_long |= self.begun.len() + part.len() > LONGEST_LINE;
        if self.is_too_long {
            self.begun.clear();
        } else {
            self.begun.extend_from_slice(part);
        }
    }

    fn end_line(&mut self, each: &mut impl FnMut(ProviderEvent)) {
        let line = std::mem::take(&mut self.begun);
        if std::mem::take(&mut self.is_too_long) {
            self.tally.unreadable += 1;
        } else {
            self.line(&line, each);
        }
    }

    fn line(&mut self, line: &[u8], each: &mut impl FnMut(ProviderEvent)) {
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let Ok(text) = std::str::from_utf8(line) else {
            self.tally.unreadable += 1;
            return;
        };
        let at = match ses::parse(text) {
            Ok(Some(event)) => {
                self.tally.events += 1;
                let at = event.at;
                each(event);
                Some(at)
            }
            Ok(None) => {
                self.tally.ignored += 1;
                ses::sent_at(text)
            }
            Err(_) => {
                self.tally.unreadable += 1;
                None
            }
        };
        self.tally.latest = self.tally.latest.max(at);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use carillon_contracts::FactKind;
    use proptest::prelude::*;

    use super::*;
    use crate::ses::tests::{DELIVERY, SEND, ours};

    fn one_line(text: &str) -> String {
        text.replace('\n', " ")
    }

    fn batch() -> String {
        let foreign = one_line(SEND);
        let (sent, delivered) = (one_line(&ours(SEND)), one_line(&ours(DELIVERY)));
        format!("{sent}\n{{\"eventType\":\"Se\n{foreign}\n\n{delivered}")
    }

    fn read(pieces: &[&[u8]]) -> (Vec<FactKind>, Tally) {
        let mut kinds = Vec::new();
        let mut reader = BatchReader::new();
        pieces.iter().for_each(|piece| reader.read(piece, |event| kinds.push(event.kind)));
        let tally = reader.finish(|event| kinds.push(event.kind));
        (kinds, tally)
    }

    #[test]
    fn a_broken_line_costs_only_itself() {
        let (kinds, tally) = read(&[batch().as_bytes()]);

        assert_eq!(kinds, [FactKind::Sent, FactKind::Delivered]);
        let latest = Some("2016-10-19T23:21:04.133Z".parse().unwrap());
        assert_eq!(tally, Tally { events: 2, ignored: 1, unreadable: 1, latest });
    }

    #[test]
    fn mail_of_others_tells_how_far_events_have_come() {
        let (_, tally) = read(&[one_line(SEND).as_bytes()]);

        assert_eq!((tally.ignored, tally.latest), (1, Some("2016-10-14T05:02:16.645Z".parse().unwrap())));
    }

    #[test]
    fn a_line_without_end_is_not_kept() {
        let mut reader = BatchReader::new();
        for _ in 0..20 {
            reader.read(&[b'x'; 100_000], |_| ());
            assert!(reader.begun.len() <= LONGEST_LINE);
        }
        let sent = format!("\n{}\n", one_line(&ours(SEND)));
        let mut events = 0;
        reader.read(sent.as_bytes(), |_| events += 1);

        assert_eq!(reader.finish(|_| ()).unreadable, 1);
        assert_eq!(events, 1);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_a_batch_is_cut(first in 0_usize..6_000, second in 0_usize..6_000) {
            let batch = batch();
            let bytes = batch.as_bytes();
            let (first, second) = (first.min(second).min(bytes.len()), first.max(second).min(bytes.len()));

            prop_assert_eq!(read(&[&bytes[..first], &bytes[first..second], &bytes[second..]]), read(&[bytes]));
        }

        #[test]
        fn no_bytes_make_the_reader_fail(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let (_, tally) = read(&[&bytes]);
            prop_assert_eq!(tally.events, 0);
        }
    }
}
