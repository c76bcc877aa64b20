//! Local physical names, ARNs and attributes of resources.

use crate::embedded::{ACCOUNT_ID, REGION};

/// The property that holds the physical name of a resource of type `kind`.
pub(super) fn name_property(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "AWS::DynamoDB::Table" => "TableName",
        "AWS::SQS::Queue" => "QueueName",
        "AWS::S3::Bucket" => "BucketName",
        "AWS::Serverless::Function" => "FunctionName",
        "AWS::SNS::Topic" => "TopicName",
        "AWS::KinesisFirehose::DeliveryStream" => "DeliveryStreamName",
        "AWS::IAM::Role" => "RoleName",
        "AWS::Logs::LogGroup" => "LogGroupName",
        "AWS::KMS::Alias" => "AliasName",
        "AWS::SecretsManager::Secret" | "AWS::SSM::Parameter" | "AWS::SES::ConfigurationSet" | "AWS::Scheduler::ScheduleGroup" => "Name",
        _ => return None,
    })
}

/// Whether `Ref` gives the ARN of a resource of type `kind`, as AWS documents it per type.
pub(super) fn refers_by_arn(kind: &str) -> bool {
    matches!(kind, "AWS::SNS::Topic" | "AWS::SecretsManager::Secret")
}

/// The local ARN of a resource, for the types that have one.
pub(super) fn arn(kind: &str, name: &str) -> Option<String> {
    let (service, resource) = match kind {
        "AWS::S3::Bucket" => return Some(format!("arn:aws:s3:::{name}")),
        "AWS::IAM::Role" => return Some(format!("arn:aws:iam::{ACCOUNT_ID}:role/{name}")),
        "AWS::DynamoDB::Table" => ("dynamodb", format!("table/{name}")),
        "AWS::SQS::Queue" => ("sqs", name.to_owned()),
        "AWS::Serverless::Function" => ("lambda", format!("function:{name}")),
        "AWS::SNS::Topic" => ("sns", name.to_owned()),
        "AWS::KinesisFirehose::DeliveryStream" => ("firehose", format!("deliverystream/{name}")),
        "AWS::Logs::LogGroup" => ("logs", format!("log-group:{name}:*")),
        "AWS::KMS::Key" => ("kms", format!("key/{name}")),
        "AWS::SecretsManager::Secret" => ("secretsmanager", format!("secret:{name}")),
        "AWS::Scheduler::ScheduleGroup" => ("scheduler", format!("schedule-group/{name}")),
        "AWS::SES::ConfigurationSet" => ("ses", format!("configuration-set/{name}")),
        _ => return None,
    };
    Some(format!("arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{resource}"))
}

/// The queue's name in a queue ARN.
pub(super) fn queue_of_arn(arn: &str) -> Option<&str> {
    arn.strip_prefix(&format!("arn:aws:sqs:{REGION}:{ACCOUNT_ID}:")).filter(|name| !name.is_empty())
}

/// The function's physical name, with its alias if any, in a function ARN, or in the API Gateway path that contains one.
pub(super) fn function_of_arn(uri: &str) -> Option<&str> {
    let (_, after) = uri.split_once(&format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:"))?;
    let name = after.strip_suffix("/invocations").unwrap_or(after);
    let (function, alias) = name.split_once(':').unwrap_or((name, "alias"));
    (!function.is_empty() && !alias.is_empty() && !function.contains('/') && !alias.contains(['/', ':'])).then_some(name)
}
