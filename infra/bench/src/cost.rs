//! What a metered run costs, per million recipients.

use serde::{Deserialize, Serialize};

use crate::end_to_end::SendReport;
use crate::prices::{Item, PRICES};
use crate::worker::TAKES_EXCEPTIONS;

/// What a million recipients cost.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cost {
    /// What is paid for.
    pub name: String,
    /// The run that was metered.
    pub run: SendReport,
    /// The lines of the bill.
    pub lines: Vec<Line>,
    /// The sum without Lambda, in US dollars for a million recipients: requests, units and records.
    pub dollars_of_requests: f64,
    /// Lambda, in US dollars for a million recipients, from the times of this machine, where functions wait for a shared CPU.
    pub dollars_of_lambda: f64,
    /// What SQS costs at the worst, when messages come so slowly that each is received and deleted alone.
    pub dollars_of_sqs_at_worst: f64,
    /// The goal for the sum without Lambda.
    pub goal: f64,
}

/// A line of the bill.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Line {
    /// What is paid for.
    pub item: Item,
    /// What it is called.
    pub name: String,
    /// How many for each recipient.
    pub per_recipient: f64,
    /// US dollars for a million of them.
    pub price: f64,
    /// Where the price stands.
    pub source: String,
    /// US dollars for a million recipients.
    pub dollars: f64,
}

impl Cost {
    /// Prices a run.
    pub fn of(run: &SendReport, name: &str, goal: f64) -> Self {
        let lines: Vec<Line> = PRICES
            .iter()
            .map(|price| {
                let per_recipient = quantity(run, price.item) / run.recipients as f64;
                let dollars = per_recipient * price.dollars_of_million;
                let (name, source) = (price.name.to_owned(), price.source.to_owned());
                Line { item: price.item, name, per_recipient, price: price.dollars_of_million, source, dollars }
            })
            .collect();
        let sum = |wanted: fn(Item) -> bool| lines.iter().filter(|line| wanted(line.item)).map(|line| line.dollars).sum();
        let is_lambda = |item| matches!(item, Item::LambdaInvocation | Item::LambdaGigabyteSecond);
        let dollars_of_sqs_at_worst = lines.iter().filter(|line| line.item == Item::SqsRequest).map(|line| line.price).sum::<f64>()
            * sqs_at_worst(run)
            / run.recipients as f64;
        Self {
            name: name.to_owned(),
            run: run.clone(),
            dollars_of_requests: sum(|item| !matches!(item, Item::LambdaInvocation | Item::LambdaGigabyteSecond)),
            dollars_of_lambda: sum(is_lambda),
            dollars_of_sqs_at_worst,
            lines,
            goal,
        }
    }
}

/// How much of an item a run used.
fn quantity(run: &SendReport, item: Item) -> f64 {
    let worker = &run.worker;
    let used = worker.used.values();
    let requests = |prefix: &str| {
        worker.used.iter().filter(|(operation, _)| operation.starts_with(prefix)).map(|(_, used)| used.requests as f64).sum::<f64>()
    };
    // Without events Firehose is not there; the stand-in writes its batches anyway.
    let if_events = |count: u64| if run.events { count as f64 } else { 0.0 };
    match item {
        Item::DynamoWriteUnit => used.map(|used| used.write_units).sum(),
        Item::DynamoReadUnit => used.map(|used| used.read_units).sum(),
        Item::SqsRequest => requests("sqs.") + (worker.polls.receives + worker.polls.deletes) as f64,
        Item::S3Put => requests("s3.Put") + if_events(run.firehose.objects),
        Item::S3Get => requests("s3.Get") + requests("s3.Head"),
        Item::FirehoseRecord => if_events(run.firehose.records),
        Item::SnsPublish => worker.functions.get(TAKES_EXCEPTIONS).map_or(0.0, |function| function.messages as f64),
        Item::LambdaInvocation => worker.functions.values().map(|function| function.invocations as f64).sum(),
        Item::LambdaGigabyteSecond => {
            worker.functions.values().map(|function| function.seconds * f64::from(function.memory_mb) / 1024.0).sum()
        }
    }
}

fn sqs_at_worst(run: &SendReport) -> f64 {
    let sent: u64 = run.worker.used.iter().filter(|(operation, _)| operation.starts_with("sqs.")).map(|(_, used)| used.requests).sum();
    let messages: u64 = run.worker.functions.values().map(|function| function.messages).sum();
    (sent + 2 * messages) as f64
}
