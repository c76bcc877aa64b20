//! Queue: reads the batches of events that Firehose wrote, and records all facts of an invocation together.
//!
//! Safe to run twice: facts are sets, and the watermark never moves back.

use carillon_blob::Bucket;
use carillon_feedback::{BatchReader, S3Notification, Tally};
use carillon_harness::{BatchFunction, Delivery, Failure, Setup, SetupError};
use jiff::Timestamp;

use crate::recorder::{Fact, Recorder};

/// A batch is read in pieces of this size, so that its own size does not matter.
const PIECE_BYTES: u64 = 4 * 1024 * 1024;

/// The function.
pub struct FeedbackFoldSesEvents {
    bucket: Bucket,
    configuration_set: String,
    recorder: Recorder,
}

impl BatchFunction for FeedbackFoldSesEvents {
    const NAME: &'static str = "feedback-fold-ses-events";
    type Message = S3Notification;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            bucket: Bucket::from_setup(setup, "BUCKET")?,
            configuration_set: setup.text("SES_CONFIGURATION_SET")?,
            recorder: Recorder::from_setup(setup)?,
        })
    }

    async fn handle_all(&self, messages: Vec<S3Notification>, delivery: Delivery) -> Vec<Result<(), Failure>> {
        let (mut facts, mut latest, mut read) = (Vec::new(), None, Vec::with_capacity(messages.len()));
        for message in &messages {
            let outcome = self.read(message, &mut facts).await;
            latest = latest.max(outcome.as_ref().ok().copied().flatten());
            read.push(outcome.map(|_| ()));
        }
        let latest = latest.filter(|_| read.iter().all(Result::is_ok));
        let recorded = self.record(&facts, latest, delivery.moment).await;
        let result = |()| recorded.as_ref().map_err(Failure::share).copied();
        read.into_iter().map(|outcome| outcome.and_then(result)).collect()
    }
}

impl FeedbackFoldSesEvents {
    /// Reads the objects of a notification; gives the newest moment that they tell of.
    async fn read(&self, message: &S3Notification, facts: &mut Vec<Fact>) -> Result<Option<Timestamp>, Failure> {
        let mut latest = None;
        for key in message.keys() {
            latest = latest.max(self.read_object(&key, facts).await?.latest);
        }
        Ok(latest)
    }

    async fn read_object(&self, key: &str, facts: &mut Vec<Fact>) -> Result<Tally, Failure> {
        let (mut reader, mut offset) = (BatchReader::new(), 0);
        loop {
            let piece = self.bucket.range(key, offset, PIECE_BYTES).await?;
            reader.read(&piece, |event| facts.push((event.organization, event.entry, event.kind)));
            let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            offset += length;
            if length < PIECE_BYTES {
                return Ok(reader.finish(|event| facts.push((event.organization, event.entry, event.kind))));
            }
        }
    }

    /// Records the facts, and only then that events up to `latest` are folded: absence after it proves something.
    async fn record(&self, facts: &[Fact], latest: Option<Timestamp>, moment: Timestamp) -> Result<(), Failure> {
        self.recorder.record(facts, moment).await?;
        if let Some(latest) = latest {
            self.recorder.ledger().events_folded(&self.configuration_set, latest).await?;
        }
        Ok(())
    }
}
