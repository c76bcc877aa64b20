//! Queue of import chunks: imports the rows of one chunk, after it asked for the next one.

use std::sync::Arc;

use carillon_contacts::import::Imports;
use carillon_contracts::message::ImportChunkRequested;
use carillon_dynamo::Trails;
use carillon_harness::{Delivery, Failure, QueueFunction, Setup, SetupError};
use carillon_kernel::IdSource;
use carillon_queue::Queue;

/// Imports chunks; safe to run twice and at the same time as itself, because every row marks its contact, and the counts of a chunk are
/// written once. Whoever finds the counts knows that the next chunk was asked for before.
#[derive(Debug)]
pub struct ImportsImportChunk {
    imports: Imports,
    trails: Trails,
    chunks: Queue<ImportChunkRequested>,
    ids: IdSource,
}

impl QueueFunction for ImportsImportChunk {
    const NAME: &'static str = "imports-import-chunk";
    type Message = ImportChunkRequested;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self {
            imports: Imports::from_setup(setup)?,
            trails: Trails::from_setup(setup, Self::NAME)?,
            chunks: Queue::from_setup(setup)?,
            ids: setup.ids(),
        })
    }

    async fn handle(&self, message: ImportChunkRequested, delivery: Delivery) -> Result<(), Failure> {
        let trail = self.trails.of(message.organization, format!("{}:{}", message.import, message.chunk), delivery.moment);
        let imports = self.imports.by(&Arc::new(trail));
        let Some(chunk) = imports.read_chunk(&message).await? else { return Ok(()) };
        if let Some(next) = &chunk.next {
            self.chunks.send(next).await?;
        }
        Ok(imports.import_chunk(message.chunk, chunk, &self.ids, delivery.moment).await?)
    }
}
