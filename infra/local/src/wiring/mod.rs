//! Creates in the embedded servers what a deployment describes; running it again keeps what is there.

mod buckets;
mod error;
mod queues;
mod tables;

pub use error::WiringError;

use crate::embedded::{Clients, Embedded};
use crate::template::Deployment;

/// Creates tables, queues and buckets, and lets bucket notifications flow.
///
/// Creating a queue also brings back its messages from before the restart.
///
/// # Errors
/// Fails when a server refuses, or when a table is there with other keys than the template gives it.
pub async fn create(deployment: &Deployment, embedded: &Embedded) -> Result<Clients, WiringError> {
    let clients = Clients::connect(&embedded.endpoints());
    for table in &deployment.tables {
        tables::create(&clients.dynamodb, table).await?;
    }
    queues::create_all(&clients.sqs, &deployment.queues).await?;
    for bucket in &deployment.buckets {
        buckets::create(&clients.s3, bucket).await?;
    }
    let notifier = buckets::Notifier::new(&deployment.buckets, &clients.sqs).await?;
    embedded.on_object_created(notifier.hook());
    Ok(clients)
}

#[cfg(test)]
mod tests;
