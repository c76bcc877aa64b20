//! Checks that the parts of a deployment fit together, as AWS would when it deploys or uses them.

use std::collections::BTreeSet;

use super::TemplateError;
use super::model::{Deployment, Function, QueueSource, Source};

/// Refuses names that come twice, and references to what is not there.
pub(super) fn consistent(deployment: &Deployment) -> Result<(), TemplateError> {
    let functions = deployment.functions.iter();
    once("function", functions.map(|function| function.name.clone()))?;
    once("table", deployment.tables.iter().map(|table| table.name.clone()))?;
    once("queue", deployment.queues.iter().map(|queue| queue.name.clone()))?;
    once("bucket", deployment.buckets.iter().map(|bucket| bucket.name.clone()))?;
    let routes = deployment.routes.iter();
    once("route", routes.map(|route| format!("{} {}", route.method, route.path)))?;
    for queue in &deployment.queues {
        if let Some(redrive) = &queue.redrive {
            queue_exists(deployment, &redrive.queue, &queue.logical_id)?;
        }
    }
    for bucket in &deployment.buckets {
        for notification in &bucket.notifications {
            queue_exists(deployment, &notification.queue, &bucket.logical_id)?;
        }
    }
    for subscription in &deployment.subscriptions {
        queue_exists(deployment, &subscription.queue, &subscription.topic_arn)?;
    }
    for function in &deployment.functions {
        for source in &function.sources {
            if let Source::Queue(source) = source {
                queue_fits(deployment, function, source)?;
            }
        }
    }
    Ok(())
}

fn once(kind: &str, names: impl Iterator<Item = String>) -> Result<(), TemplateError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if seen.contains(&name) {
            return Err(TemplateError::Inconsistent(format!("the {kind} {name} is described twice")));
        }
        seen.insert(name);
    }
    Ok(())
}

fn queue_exists(deployment: &Deployment, queue: &str, by: &str) -> Result<(), TemplateError> {
    match deployment.queue(queue) {
        Some(_) => Ok(()),
        None => Err(TemplateError::Inconsistent(format!("{by} names the queue {queue}, which is not described"))),
    }
}

/// Lambda refuses a mapping whose queue shows messages again before the function has to be done.
fn queue_fits(deployment: &Deployment, function: &Function, source: &QueueSource) -> Result<(), TemplateError> {
    queue_exists(deployment, &source.queue, &function.logical_id)?;
    match deployment.queue(&source.queue) {
        Some(queue) if queue.visibility_timeout() < function.timeout => Err(TemplateError::Inconsistent(format!(
            "{}: the visibility time-out of the queue {} is shorter than the function's time-out",
            function.logical_id, source.queue
        ))),
        _ => Ok(()),
    }
}
