//! Queues of the embedded SQS.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;

use super::WiringError;
use crate::embedded::{ACCOUNT_ID, REGION};
use crate::template::model::Queue;

/// Creates all queues, dead letters before the queues that use them.
pub(super) async fn create_all(client: &Client, queues: &[Queue]) -> Result<(), WiringError> {
    let (sources, others): (Vec<_>, Vec<_>) = queues.iter().partition(|queue| queue.redrive.is_some());
    for queue in others.into_iter().chain(sources) {
        create(client, queue).await?;
    }
    Ok(())
}

async fn create(client: &Client, queue: &Queue) -> Result<(), WiringError> {
    let mut request = client.create_queue().queue_name(&queue.name);
    for (name, value) in &queue.attributes {
        request = request.attributes(QueueAttributeName::from(name.as_str()), value);
    }
    if let Some(redrive) = &queue.redrive {
        let policy = json!({
            "deadLetterTargetArn": format!("arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{}", redrive.queue),
            "maxReceiveCount": redrive.maximum_receives,
        });
        request = request.attributes(QueueAttributeName::RedrivePolicy, policy.to_string());
    }
    let created = request.send().await;
    created.map(|_| ()).map_err(WiringError::about(format!("the queue {}", queue.name)))
}
