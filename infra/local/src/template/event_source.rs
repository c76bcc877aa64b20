//! The `Events` of a function: queues and schedules.

use std::time::Duration;

use super::TemplateError;
use super::model::{Cron, QueueSource, Schedule, ScheduleExpression, Source};
use super::properties::Properties;
use super::queue::queue_name;

/// Reads all events of a function.
pub(super) fn read_all(function: &Properties) -> Result<Vec<Source>, TemplateError> {
    let events = function.entries("Events")?.into_iter();
    events.map(|(name, event)| read(name, &event)).collect()
}

fn read(name: String, event: &Properties) -> Result<Source, TemplateError> {
    event.only(&["Type", "Properties"])?;
    let kind = event.required_text("Type")?;
    let properties = event.object("Properties")?;
    let properties = properties.ok_or_else(|| event.wrong("Properties", "is missing"))?;
    match kind.as_str() {
        "SQS" => queue(&properties).map(Source::Queue),
        "Schedule" => schedule(name, &properties).map(Source::Schedule),
        "ScheduleV2" => schedule_v2(name, &properties).map(Source::Schedule),
        "HttpApi" | "Api" => {
            Err(event.wrong("Type", "cannot hang on an API of another stack: write a route, an integration and a permission"))
        }
        other => Err(event.wrong("Type", format!("{other} is not supported"))),
    }
}

fn queue(properties: &Properties) -> Result<QueueSource, TemplateError> {
    properties.only(&["Queue", "BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes", "ScalingConfig", "Enabled"])?;
    let scaling = properties.object("ScalingConfig")?;
    if let Some(scaling) = &scaling {
        scaling.only(&["MaximumConcurrency"])?;
    }
    let response_types = properties.texts("FunctionResponseTypes")?;
    if let Some(unknown) = response_types.iter().find(|kind| *kind != "ReportBatchItemFailures") {
        return Err(properties.wrong("FunctionResponseTypes", format!("{unknown} is not understood")));
    }
    let window = properties.number("MaximumBatchingWindowInSeconds")?.unwrap_or(0);
    let source = QueueSource {
        queue: queue_name(properties, "Queue")?,
        batch_size: properties.number("BatchSize")?.unwrap_or(10),
        batching_window: Duration::from_secs(window.into()),
        reports_item_failures: !response_types.is_empty(),
        maximum_concurrency: match scaling {
            Some(scaling) => scaling.number("MaximumConcurrency")?,
            None => None,
        },
        enabled: properties.flag("Enabled", true)?,
    };
    check_limits(properties, &source)?;
    Ok(source)
}

/// Lambda's limits for SQS. Source: AWS Lambda API reference, `CreateEventSourceMapping`, `ScalingConfig`.
fn check_limits(properties: &Properties, source: &QueueSource) -> Result<(), TemplateError> {
    if !(1..=10_000).contains(&source.batch_size) {
        return Err(properties.wrong("BatchSize", "must be between 1 and 10000"));
    }
    if source.batch_size > 10 && source.batching_window.is_zero() {
        return Err(properties.wrong("BatchSize", "over 10 needs a batching window of at least a second"));
    }
    if source.batching_window > Duration::from_secs(300) {
        return Err(properties.wrong("MaximumBatchingWindowInSeconds", "must be at most 300"));
    }
    match source.maximum_concurrency {
        Some(most) if !(2..=1000).contains(&most) => {
            Err(properties.wrong("ScalingConfig.MaximumConcurrency", "must be between 2 and 1000"))
        }
        _ => Ok(()),
    }
}

fn schedule(name: String, properties: &Properties) -> Result<Schedule, TemplateError> {
    properties.only(&["Schedule", "Input", "Enabled", "Name", "Description", "RetryPolicy", "DeadLetterConfig"])?;
    Ok(Schedule {
        name,
        expression: expression(properties, "Schedule")?,
        input: properties.text("Input")?,
        enabled: properties.flag("Enabled", true)?,
    })
}

fn schedule_v2(name: String, properties: &Properties) -> Result<Schedule, TemplateError> {
    properties.only(&[
        "ScheduleExpression",
        "ScheduleExpressionTimezone",
        "Input",
        "State",
        "Name",
        "Description",
        "FlexibleTimeWindow",
        "GroupName",
        "RetryPolicy",
        "DeadLetterConfig",
        "RoleArn",
        "PermissionsBoundary",
        "OmitName",
    ])?;
    if properties.text("ScheduleExpressionTimezone")?.is_some_and(|zone| zone != "UTC") {
        return Err(properties.wrong("ScheduleExpressionTimezone", "must be UTC"));
    }
    let enabled = match properties.text("State")?.as_deref() {
        None | Some("ENABLED") => true,
        Some("DISABLED") => false,
        Some(_) => return Err(properties.wrong("State", "is neither ENABLED nor DISABLED")),
    };
    Ok(Schedule { name, expression: expression(properties, "ScheduleExpression")?, input: properties.text("Input")?, enabled })
}

/// Reads `rate(…)` or `cron(…)`. Source: Amazon EventBridge user guide, "Schedule types".
fn expression(properties: &Properties, property: &str) -> Result<ScheduleExpression, TemplateError> {
    let written = properties.required_text(property)?;
    let inside = |kind: &str| written.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(fields) = inside("cron") {
        let cron = Cron::parse(fields).map(ScheduleExpression::Cron);
        return cron.ok_or_else(|| properties.wrong(property, format!("{written} cannot be read")));
    }
    inside("rate")
        .and_then(rate)
        .map(ScheduleExpression::Rate)
        .ok_or_else(|| properties.wrong(property, format!("{written} is no rate(…) or cron(…)")))
}

fn rate(inside: &str) -> Option<Duration> {
    let (count, unit) = inside.split_once(' ')?;
    let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
    let seconds = match unit.trim() {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 60 * 60,
        "day" | "days" => 24 * 60 * 60,
        _ => return None,
    };
    Some(Duration::from_secs(count.checked_mul(seconds)?))
}
