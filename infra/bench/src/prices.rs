//! The public prices, in one table.

use serde::{Deserialize, Serialize};

/// When the prices were looked up.
pub const DATE: &str = "2026-11-21";

/// Where: United States East (N. Virginia), on demand, the first tier, free allowances not counted.
pub const REGION: &str = "us-east-1";

/// What is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// A write request unit of DynamoDB.
    DynamoWriteUnit,
    /// A read request unit of DynamoDB.
    DynamoReadUnit,
    /// A request to a standard queue of SQS, those of Lambda's pollers included; sends by SNS and S3 are free.
    SqsRequest,
    /// A `PUT` to S3.
    S3Put,
    /// A `GET` from S3.
    S3Get,
    /// A record of Firehose, each rounded up to the next 5 KB.
    FirehoseRecord,
    /// A publish to SNS, by SES; its delivery to SQS is free.
    SnsPublish,
    /// An invocation of Lambda.
    LambdaInvocation,
    /// A gigabyte-second of Lambda on arm64.
    LambdaGigabyteSecond,
}

/// A price, and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Price {
    /// What is paid for.
    pub item: Item,
    /// What it is called.
    pub name: &'static str,
    /// US dollars for a million of them.
    pub dollars_of_million: f64,
    /// The vendor's page.
    pub source: &'static str,
}

/// Five KB of a GB (2^30 bytes) at $0.029.
const FIREHOSE_RECORD: f64 = 0.029 * 5.0 * 1024.0 / (1024.0 * 1024.0 * 1024.0) * 1e6;

/// All prices. SES asks nothing for publishing events, only their destinations do (<https://aws.amazon.com/ses/pricing/>); its own
/// price of a mail, $0.10 for a thousand, is not among them.
pub const PRICES: [Price; 9] = [
    // Halved on 2024-11-01.
    price(Item::DynamoWriteUnit, "DynamoDB write units", 0.625, "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    price(Item::DynamoReadUnit, "DynamoDB read units", 0.125, "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    price(Item::SqsRequest, "SQS requests", 0.40, "https://aws.amazon.com/sqs/pricing/"),
    price(Item::SnsPublish, "SNS publishes", 0.50, "https://aws.amazon.com/sns/pricing/"),
    price(Item::FirehoseRecord, "Firehose records of 5 KB", FIREHOSE_RECORD, "https://aws.amazon.com/firehose/pricing/"),
    price(Item::S3Put, "S3 PUT", 5.0, "https://aws.amazon.com/s3/pricing/"),
    price(Item::S3Get, "S3 GET", 0.4, "https://aws.amazon.com/s3/pricing/"),
    price(Item::LambdaInvocation, "Lambda invocations", 0.20, "https://aws.amazon.com/lambda/pricing/"),
    price(Item::LambdaGigabyteSecond, "Lambda GB-seconds", 13.3334, "https://aws.amazon.com/lambda/pricing/"),
];

const fn price(item: Item, name: &'static str, dollars_of_million: f64, source: &'static str) -> Price {
    Price { item, name, dollars_of_million, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_records_of_firehose_cost_about_fourteen_cents() {
        assert!((FIREHOSE_RECORD - 0.138).abs() < 0.001, "{FIREHOSE_RECORD}");
    }
}
