//! What a metered run costs, per million recipients.

use serde::{Deserialize, Serialize};

use crate::end_to_end::SendReport;
use crate::prices::{Item, PRICES};
use crate::stage::fates;
use crate::worker::{Invocations, TAKES_EXCEPTIONS};

/// What a million recipients cost.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cost {
    /// What is paid for.
    pub name: String,
    /// The run that was metered.
    pub run: SendReport,
    /// The lines of the bill.
    pub lines: Vec<Line>,
    /// What more DynamoDB writes cost at the worst, when opens and clicks come so slowly that each is alone in its batch with its plan.
    pub dollars_of_readings_at_worst: f64,
    /// What the functions' own requests cost, by function.
    pub by_function: Vec<(String, f64)>,
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
                // An empty sum is a negative zero.
                let per_recipient = quantity(run, price.item) / run.recipients as f64 + 0.0;
                let dollars = per_recipient * price.dollars_of_million;
                let (name, source) = (price.name.to_owned(), price.source.to_owned());
                Line { item: price.item, name, per_recipient, price: price.dollars_of_million, source, dollars }
            })
            .collect();
        let sum = |wanted: fn(Item) -> bool| lines.iter().filter(|line| wanted(line.item)).map(|line| line.dollars).sum();
        let dollars_of_write_unit: f64 = lines.iter().filter(|line| line.item == Item::DynamoWriteUnit).map(|line| line.price).sum();
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
            dollars_of_readings_at_worst: if run.events { readings() * dollars_of_write_unit } else { 0.0 },
            by_function: by_function(run),
            lines,
            goal,
        }
    }
}

/// How much of an item a run used.
fn quantity(run: &SendReport, item: Item) -> f64 {
    let functions = || run.worker.functions.values();
    let metered: f64 = functions().map(|function| of_function(function, item)).sum();
    let besides = match item {
        Item::SqsRequest => (run.worker.polls.receives + run.worker.polls.deletes) as f64,
        // Without events Firehose is not there; the stand-in writes its batches anyway.
        Item::S3Put if run.events => run.firehose.objects as f64,
        Item::FirehoseRecord if run.events => run.firehose.records as f64,
        Item::SnsPublish => run.worker.functions.get(TAKES_EXCEPTIONS).map_or(0.0, |function| function.messages as f64),
        Item::LambdaInvocation => functions().map(|function| function.invocations as f64).sum(),
        Item::LambdaGigabyteSecond => functions().map(|function| function.seconds * f64::from(function.memory_mb) / 1024.0).sum(),
        _ => 0.0,
    };
    metered + besides
}

/// How much of an item a function asked for itself.
fn of_function(function: &Invocations, item: Item) -> f64 {
    let requests = |prefix: &str| {
        let of_prefix = function.used.iter().filter(|(operation, _)| operation.starts_with(prefix));
        of_prefix.map(|(_, used)| used.requests).sum::<u64>() as f64
    };
    match item {
        Item::DynamoWriteUnit => function.used.values().map(|used| used.write_units).sum(),
        Item::DynamoReadUnit => function.used.values().map(|used| used.read_units).sum(),
        Item::SqsRequest => requests("sqs."),
        Item::S3Put => requests("s3.Put"),
        Item::S3Get => requests("s3.Get") + requests("s3.Head"),
        _ => 0.0,
    }
}

/// What each function asks for itself costs, in US dollars for a million recipients, the dearest first.
fn by_function(run: &SendReport) -> Vec<(String, f64)> {
    let dollars = |function: &Invocations| -> f64 {
        let bill = PRICES.iter().map(|price| of_function(function, price.item) * price.dollars_of_million);
        bill.sum::<f64>() / run.recipients as f64
    };
    let mut all: Vec<(String, f64)> = run.worker.functions.iter().map(|(name, function)| (name.clone(), dollars(function))).collect();
    all.sort_by(|one, other| other.1.total_cmp(&one.1));
    all.retain(|(_, dollars)| *dollars >= 0.00005);
    all
}

/// How many opens and clicks the stand-in reports for a recipient: who clicks has opened.
fn readings() -> f64 {
    let fates = fates();
    let opens = fates.open_share + fates.click_share - fates.open_share * fates.click_share;
    (1.0 - fates.bounce_share - fates.soft_bounce_share) * (opens + fates.click_share)
}

fn sqs_at_worst(run: &SendReport) -> f64 {
    run.worker.functions.values().map(|function| of_function(function, Item::SqsRequest) + 2.0 * function.messages as f64).sum()
}
